//! Which of the dialogs that were looked at are served, and which of those from before go on. Pure: everything was read and rendered already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::edition::{Edition, Music, Served};
use super::refused::{Refusal, Refused};
use crate::server::settings::DialogSettings;
use crate::session::Script;

/// A dialog file, and what could be made of it.
pub(super) struct Made {
    pub(super) file: PathBuf,
    pub(super) script: Result<Arc<Script>, Refusal>,
}

/// The next edition. `refused`: what stands beside the dialogs and was refused.
///
/// A dialog whose file is refused goes on as it was. One whose file is gone leaves, unless calls are sent to it by the settings, or another file
/// is refused, which may be its own under another name.
pub(super) fn settle(
    before: &Edition,
    mut made: Vec<Made>,
    refused: Vec<Refused>,
    music: Music,
    settings: &DialogSettings,
    now: Timestamp,
) -> Edition {
    let mut next = Settling { before, settings, now, served: Vec::new(), refused };
    // Of two files with one dialog the one goes on that was there before.
    made.sort_by_key(|made| (!next.is_of(made), made.file.clone()));
    let alone = made.len() == 1;
    for Made { file, script } in made {
        match script.and_then(|script| next.may_serve(&script, alone).map(|()| script)) {
            Ok(script) => next.served.push(Served { file, script }),
            Err(refusal) => next.refuse(&file, &refusal),
        }
    }
    next.keep_what_was_there();
    let Settling { mut served, mut refused, .. } = next;
    served.sort_by(|one, other| one.file.cmp(&other.file));
    refused.sort_by(|one, other| one.file.cmp(&other.file));
    let name = settings.default.as_deref().unwrap_or(before.default.name());
    let default = served.iter().find(|served| served.script.name() == name).or(served.first());
    let default = default.map_or_else(|| before.default.clone(), |served| served.script.clone());
    Edition { served, default, refused, music }
}

struct Settling<'a> {
    before: &'a Edition,
    settings: &'a DialogSettings,
    now: Timestamp,
    served: Vec<Served>,
    refused: Vec<Refused>,
}

impl Settling<'_> {
    /// Whether a file holds the dialog that it held before.
    fn is_of(&self, made: &Made) -> bool {
        let Ok(script) = &made.script else { return false };
        self.before.served.iter().any(|before| before.file == made.file && before.script.name() == script.name())
    }

    /// Whether the settings and the other dialogs leave room for it. `alone`: there is no other.
    fn may_serve(&self, script: &Script, alone: bool) -> Result<(), Refusal> {
        let name = script.name();
        if let Some(taken) = self.served.iter().find(|served| served.script.name() == name) {
            return Err(name_taken(taken));
        }
        let routes = self.settings.routes.iter().filter(|route| route.dialog == name);
        let wanted = routes.filter_map(|route| route.language.as_deref());
        if let Some(language) = wanted.into_iter().find(|language| !script.languages().any(|spoken| spoken == *language)) {
            let message = format!("dialogs.routes sends callers to `{name}` in `{language}`, which it does not speak any more");
            return Err(Refusal::Settings { rule: "language-not-understood", message });
        }
        if self.settings.default.is_none() && name != self.before.default.name() && !alone {
            let before = self.before.default.name();
            let message = format!("there are several dialogs (`{before}` and `{name}`): set dialogs.default to one of them");
            return Err(Refusal::Settings { rule: "dialogs-default", message });
        }
        Ok(())
    }

    fn refuse(&mut self, file: &Path, refusal: &Refusal) {
        let since = self.before.refused_of(file).map_or(self.now, |refused| refused.since);
        self.refused.push(Refused::new(file, refusal, since));
    }

    /// What was served and has no dialog of its name any more.
    fn keep_what_was_there(&mut self) {
        let doubtful = !self.refused.is_empty();
        for before in &self.before.served {
            let name = before.script.name();
            if self.served.iter().any(|served| served.script.name() == name) {
                continue;
            }
            let is_refused = self.refused.iter().any(|refused| refused.file == before.file);
            let sent_to = self.settings.default.as_deref() == Some(name) || self.settings.routes.iter().any(|r| r.dialog == name);
            if !is_refused && (sent_to || self.served.is_empty()) {
                let message =
                    format!("no file holds the dialog `{name}` any more, and calls are sent to it: it is served as it was");
                self.refuse(&before.file, &Refusal::Settings { rule: "file-not-readable", message });
            }
            if is_refused || sent_to || doubtful || self.served.is_empty() {
                self.served.push(before.clone());
            }
        }
    }
}

/// Two files of one name.
pub(super) fn name_taken(by: &Served) -> Refusal {
    let (name, file) = (by.script.name(), by.file.display());
    let message = format!("the dialog `{name}` is in {file} already: give one of them another name");
    Refusal::Settings { rule: "dialog-name-taken", message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::library;
    use crate::server::settings::Route;
    use crate::speech::{EspeakSettings, PromptCache};

    struct House {
        folder: tempfile::TempDir,
        sounds: PromptCache,
    }

    impl House {
        async fn new() -> House {
            let folder = tempfile::tempdir().unwrap();
            let sounds = PromptCache::prepare(folder.path(), &EspeakSettings::default(), &[], Vec::new(), |_| {}).await.unwrap();
            House { folder, sounds }
        }

        /// A dialog of this name, which was in this file.
        fn made(&self, file: &str, name: &str) -> Made {
            let project = Path::new(env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(project.join("dialogs/webshop.yaml")).unwrap();
            let prompts = self.folder.path().join("prompts");
            for language in ["nl", "en"] {
                let (from, to) = (project.join("prompts").join(language), prompts.join(language));
                std::fs::create_dir_all(&to).unwrap();
                std::fs::copy(from.join("webshop.ftl"), to.join(format!("{name}.ftl"))).unwrap();
            }
            let path = self.folder.path().join(file);
            std::fs::write(&path, text.replacen("dialog: webshop", &format!("dialog: {name}"), 1)).unwrap();
            let dialog = Arc::new(library::load(&path, &prompts, None).unwrap().dialog);
            Made { file: file.into(), script: Ok(Arc::new(Script { dialog, sounds: self.sounds.clone() })) }
        }

        fn edition(&self, made: Vec<Made>) -> Edition {
            let served = made.into_iter().map(|made| Served { file: made.file, script: made.script.unwrap() });
            let served: Vec<Served> = served.collect();
            Edition { default: served[0].script.clone(), served, refused: Vec::new(), music: self.music() }
        }

        fn music(&self) -> Music {
            Music { recording: None, sounds: self.sounds.clone() }
        }

        fn settled(&self, before: &Edition, made: Vec<Made>, settings: &DialogSettings) -> Edition {
            settle(before, made, Vec::new(), self.music(), settings, Timestamp::now())
        }
    }

    fn broken(file: &str) -> Made {
        Made { file: file.into(), script: Err(Refusal::Text("a text is missing".into())) }
    }

    fn default(name: Option<&str>) -> DialogSettings {
        DialogSettings { default: name.map(str::to_owned), ..DialogSettings::default() }
    }

    fn names(edition: &Edition) -> (Vec<&str>, &str, Vec<&str>) {
        let refused = edition.refused.iter().map(|refused| refused.file.to_str().unwrap()).collect();
        (edition.scripts().map(|script| script.name()).collect(), edition.default.name(), refused)
    }

    #[tokio::test]
    async fn what_is_refused_goes_on_as_it_was_and_keeps_its_date() {
        let house = House::new().await;
        let before = house.edition(vec![house.made("a.yaml", "a"), house.made("b.yaml", "b")]);
        let settings = default(Some("a"));
        let next = house.settled(&before, vec![broken("a.yaml"), house.made("b.yaml", "b")], &settings);
        assert_eq!(names(&next), (vec!["a", "b"], "a", vec!["a.yaml"]));
        assert!(Arc::ptr_eq(next.script("a").unwrap(), before.script("a").unwrap()));
        assert!(!Arc::ptr_eq(next.script("b").unwrap(), before.script("b").unwrap()), "the other one is taken");
        std::thread::sleep(std::time::Duration::from_millis(2));
        let later = house.settled(&next, vec![broken("a.yaml"), house.made("b.yaml", "b")], &settings);
        assert_eq!(later.refused[0].since, next.refused[0].since);
        assert!(later.new_refusals(&next).is_empty() && next.new_refusals(&before).len() == 1);
        let mended = house.settled(&later, vec![house.made("a.yaml", "a"), house.made("b.yaml", "b")], &settings);
        assert_eq!(names(&mended), (vec!["a", "b"], "a", vec![]));
    }

    #[tokio::test]
    async fn a_dialog_whose_file_is_gone_leaves_unless_calls_are_sent_to_it() {
        let house = House::new().await;
        let before = house.edition(vec![house.made("a.yaml", "a"), house.made("b.yaml", "b")]);
        let next = house.settled(&before, vec![house.made("a.yaml", "a")], &default(Some("a")));
        assert_eq!(names(&next), (vec!["a"], "a", vec![]));
        let next = house.settled(&before, vec![house.made("b.yaml", "b")], &default(Some("a")));
        assert_eq!(names(&next), (vec!["a", "b"], "a", vec!["a.yaml"]));
        let route = Route { number: "+31201234567".into(), transport: None, dialog: "b".into(), language: None };
        let routed = DialogSettings { routes: vec![route], ..default(Some("a")) };
        let next = house.settled(&before, vec![house.made("a.yaml", "a")], &routed);
        assert_eq!(names(&next), (vec!["a", "b"], "a", vec!["b.yaml"]));
        // It may be the one that is refused, under another name.
        let next = house.settled(&before, vec![house.made("a.yaml", "a"), broken("c.yaml")], &default(Some("a")));
        assert_eq!(names(&next), (vec!["a", "b"], "a", vec!["c.yaml"]));
        // Nothing at all is no reason to serve nothing.
        let alone = house.edition(vec![house.made("a.yaml", "a")]);
        assert_eq!(names(&house.settled(&alone, vec![], &default(None))), (vec!["a"], "a", vec!["a.yaml"]));
    }

    #[tokio::test]
    async fn without_a_default_there_is_one_dialog() {
        let house = House::new().await;
        let before = house.edition(vec![house.made("a.yaml", "a")]);
        let next = house.settled(&before, vec![house.made("a.yaml", "a"), house.made("b.yaml", "b")], &default(None));
        assert_eq!(names(&next), (vec!["a"], "a", vec!["b.yaml"]));
        let renamed = house.settled(&before, vec![house.made("a.yaml", "other")], &default(None));
        assert_eq!(names(&renamed), (vec!["other"], "other", vec![]));
        let moved = house.settled(&before, vec![house.made("b.yaml", "a")], &default(None));
        assert_eq!(names(&moved), (vec!["a"], "a", vec![]));
    }

    #[tokio::test]
    async fn of_two_files_with_one_name_the_one_from_before_goes_on() {
        let house = House::new().await;
        let before = house.edition(vec![house.made("webshop.yaml", "a")]);
        let made = vec![house.made("a copy.yaml", "a"), house.made("webshop.yaml", "a")];
        let next = house.settled(&before, made, &default(None));
        assert_eq!(names(&next), (vec!["a"], "a", vec!["a copy.yaml"]));
        assert_eq!(next.served[0].file, Path::new("webshop.yaml"));
    }

    #[tokio::test]
    async fn a_language_that_a_route_names_cannot_be_dropped() {
        let house = House::new().await;
        let before = house.edition(vec![house.made("a.yaml", "a")]);
        let route = Route { number: "+31201234567".into(), transport: None, dialog: "a".into(), language: Some("fr".into()) };
        let settings = DialogSettings { routes: vec![route], ..default(None) };
        let next = house.settled(&before, vec![house.made("a.yaml", "a")], &settings);
        assert_eq!(names(&next), (vec!["a"], "a", vec!["a.yaml"]));
        assert!(Arc::ptr_eq(&next.default, &before.default));
    }
}
