//! Asterisk's own recorder: what of it the configuration decides, and the names of its files.

use std::collections::BTreeSet;

use serde::Deserialize;
use uuid::Uuid;

use super::settings::{SettingsError, Via, malformed};
use crate::consent::Purpose;

/// The `[asterisk.recorder]` part of the configuration, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecorderSettings {
    /// The purposes for which Asterisk records once they are granted. Empty: it never does.
    pub after_grant: BTreeSet<Purpose>,
    /// The folder of its files: AMI, below Asterisk's `monitor` folder or absolute, `candor` if left out; ARI, below its `recording` folder, where it has to
    /// be already.
    pub folder: Option<String>,
    /// The name of a file, with `{session}`, `{number}` and perhaps `{purpose}`; `{session}-{number}.wav` if left out. Its ending is the format.
    pub file: Option<String>,
    /// AMI: options of MixMonitor, such as `b` or `B(20)`.
    pub options: Option<String>,
}

/// Checked settings of the recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecorderPlan {
    pub(super) after_grant: BTreeSet<Purpose>,
    folder: String,
    file: String,
    pub(super) options: String,
}

/// A recording that is to be named.
#[derive(Clone, Copy, Debug)]
pub struct RecorderFor<'a> {
    /// Whose call it is.
    pub session: Uuid,
    /// For what it was granted.
    pub purpose: &'a Purpose,
    /// Which of the session's recordings, counted from 1.
    pub number: u32,
}

impl RecorderSettings {
    pub(super) fn check(&self, via: Via) -> Result<RecorderPlan, SettingsError> {
        let unused = |key| SettingsError::Unused { key, via: via.as_str() };
        if via == Via::Dialplan {
            let written = [
                ("recorder.after_grant", !self.after_grant.is_empty()),
                ("recorder.folder", self.folder.is_some()),
                ("recorder.file", self.file.is_some()),
                ("recorder.options", self.options.is_some()),
            ];
            if let Some((key, _)) = written.into_iter().find(|(_, there)| *there) {
                return Err(unused(key));
            }
        }
        if via == Via::Ari && self.options.is_some() {
            return Err(unused("recorder.options"));
        }
        let folder = match (self.folder.as_deref(), via) {
            (Some(folder), _) => folder.trim_end_matches('/').to_owned(),
            (None, Via::Ami) => "candor".to_owned(),
            // Asterisk does not make it there.
            (None, _) => String::new(),
        };
        if self.folder.is_some() && !is_a_folder(&folder, via == Via::Ami) {
            return Err(malformed(
                "recorder.folder",
                "has to be names of letters, digits and ._- with / between them, none of them .., and with ARI not an absolute path",
            ));
        }
        let file = self.file.clone().unwrap_or_else(|| "{session}-{number}.wav".to_owned());
        if !is_a_template(&file) {
            return Err(malformed(
                "recorder.file",
                "has to be letters, digits and ._- with {session} and {number} in it, perhaps {purpose}, and an ending such as .wav",
            ));
        }
        let options = self.options.clone().unwrap_or_default();
        let stereo = are_options(&options).ok_or_else(|| {
            malformed(
                "recorder.options",
                "may hold b, p, P, D, B(seconds), s(seconds), v(x), V(x) and W(x), in any order and without spaces; the others would write \
                 or copy sound where nothing stops or deletes it",
            )
        })?;
        if stereo && !file.ends_with(".raw") {
            return Err(malformed("recorder.options", "has D, with which recorder.file has to end with .raw"));
        }
        Ok(RecorderPlan { after_grant: self.after_grant.clone(), folder, file, options })
    }
}

impl RecorderPlan {
    /// The name of the file, as Asterisk is told it.
    pub(super) fn file(&self, of: RecorderFor<'_>) -> String {
        let number = of.number.to_string();
        let name = self.file.replace("{session}", &of.session.to_string()).replace("{number}", &number);
        let name = name.replace("{purpose}", of.purpose.as_str());
        if self.folder.is_empty() { name } else { format!("{}/{name}", self.folder) }
    }
}

fn is_a_folder(folder: &str, absolute: bool) -> bool {
    let relative = if absolute { folder.strip_prefix('/').unwrap_or(folder) } else { folder };
    let whole = |name: &str| !name.is_empty() && name != "." && name != ".." && name.bytes().all(is_of_a_name);
    folder.len() <= 200 && relative.split('/').all(whole)
}

fn is_a_template(file: &str) -> bool {
    let bare = file.replacen("{session}", "", 1).replacen("{number}", "", 1).replacen("{purpose}", "", 1);
    let ending = file.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    // Asterisk makes another ending of that one, so that nobody finds the file.
    let kept = ending != "wav49" && (2..=6).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let holds = file.contains("{session}") && file.contains("{number}");
    holds && kept && file.len() <= 100 && !file.starts_with('.') && bare.bytes().all(is_of_a_name)
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// `Some`: they are options of MixMonitor that may stand here; whether they ask for two channels.
fn are_options(options: &str) -> Option<bool> {
    let (mut rest, mut stereo) = (options, false);
    while let Some(option) = rest.chars().next() {
        rest = &rest[option.len_utf8()..];
        let number = match rest.strip_prefix('(').map(|inner| inner.split_once(')')) {
            Some(Some((number, after))) => {
                rest = after;
                Some(number)
            }
            Some(None) => return None,
            None => None,
        };
        let decimal = |number: &str, signs: &[u8]| {
            (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit() || signs.contains(&byte))
        };
        match (option, number) {
            ('b' | 'p' | 'P' | 'B', None) => {}
            ('D', None) => stereo = true,
            ('B' | 's', Some(seconds)) if decimal(seconds, b".") => {}
            ('v' | 'V' | 'W', Some(factor)) if decimal(factor, b"-") => {}
            _ => return None,
        }
    }
    Some(stereo)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(via: Via, settings: Value) -> Result<RecorderPlan, String> {
        let settings: RecorderSettings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        settings.check(via).map_err(|error| error.to_string())
    }

    fn file(via: Via, settings: Value) -> String {
        let purpose = Purpose::new("service-quality").unwrap();
        check(via, settings).unwrap().file(RecorderFor { session: Uuid::nil(), purpose: &purpose, number: 2 })
    }

    #[test]
    fn files_are_named_by_session_and_number_and_by_nothing_of_the_caller() {
        let session = Uuid::nil();
        assert_eq!(file(Via::Ami, json!({})), format!("candor/{session}-2.wav"));
        assert_eq!(file(Via::Ari, json!({})), format!("{session}-2.wav"));
        let named = json!({"folder": "/srv/calls/", "file": "{purpose}_{session}.{number}.gsm"});
        assert_eq!(file(Via::Ami, named), format!("/srv/calls/service-quality_{session}.2.gsm"));
    }

    #[test]
    fn what_cannot_hold_is_named_by_its_key() {
        let error = |settings| check(Via::Ami, settings).unwrap_err();
        for folder in ["a/../b", "a,b", "a//b", ".", "", "a b", "a\nb"] {
            assert!(error(json!({"folder": folder})).starts_with("asterisk.recorder.folder "), "{folder:?}");
        }
        for file in [
            "{session}.wav",
            "{number}.wav",
            "{session}{number}",
            "{session}/{number}.wav",
            "{session}{number}.wav49",
            "{from}{session}{number}.wav",
        ] {
            assert!(error(json!({"file": file})).starts_with("asterisk.recorder.file "), "{file:?}");
        }
        for options in ["m(1)", "r(x)", "t(x)", "i(X)", "a", "d", "b,ls", "B(", "v(1;2)", "B()"] {
            assert!(error(json!({"options": options})).starts_with("asterisk.recorder.options "), "{options:?}");
        }
        assert!(error(json!({"options": "D"})).contains(".raw"));
        assert!(error(json!({"after_grant": ["Not a purpose"]})).contains("purpose"));
        assert!(check(Via::Ari, json!({"folder": "/srv"})).unwrap_err().starts_with("asterisk.recorder.folder "));
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        let error = check(Via::Dialplan, json!({"after_grant": ["training"]})).unwrap_err();
        assert!(
            error.starts_with("asterisk.recorder.after_grant does nothing with asterisk.control.via = \"dialplan\""),
            "{error}"
        );
        assert!(check(Via::Ari, json!({"options": "b"})).unwrap_err().starts_with("asterisk.recorder.options does nothing"));
    }

    #[test]
    fn options_that_only_change_how_it_sounds_are_taken() {
        for options in ["", "b", "bB(20)pP", "v(-2)V(3)W(1)", "s(1.5)"] {
            assert_eq!(check(Via::Ami, json!({"options": options})).unwrap().options, options);
        }
        assert!(check(Via::Ami, json!({"options": "Db", "file": "{session}-{number}.raw"})).is_ok());
    }
}
