use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::colleagues::{Colleague, Colleagues};
use super::queue::Reach;
use crate::handover::{TargetKind, Targets};
use crate::secret::Secret;

/// The longest that a colleague whose connection broke is expected back, in seconds.
const LONGEST_RETURN: u64 = 600;

/// The shortest token that is taken, in characters: what nobody guesses within the attempts there are.
const TOKEN: usize = 16;

/// The `[desk]` part of the configuration, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may sign in, by the name that other colleagues see.
    pub colleagues: BTreeMap<String, ColleagueSettings>,
    /// How many callers may wait at once, all queues together; the next is told that the line is full.
    pub most_waiting: usize,
    /// How many days a call-back request is kept when nobody does it.
    pub call_back_days: u32,
    /// How many seconds after a call a colleague who has said nothing of it counts as free again; 0: never.
    pub wrap_up_seconds: u64,
    /// For how many seconds a colleague whose connection broke is expected back: their callers wait on so long, and are then told that nobody
    /// is there; 0: told at once.
    pub return_seconds: u64,
    /// How many wrong tokens a minute are taken from one address.
    pub sign_in_attempts: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            colleagues: BTreeMap::new(),
            most_waiting: 50,
            call_back_days: 7,
            wrap_up_seconds: 300,
            return_seconds: 15,
            sign_in_attempts: 10,
        }
    }
}

/// One `[desk.colleagues.NAME]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColleagueSettings {
    /// What they sign in with.
    pub token: Secret,
    /// Which desks they serve, by the names of the targets; absent: all.
    pub queues: Option<Vec<String>>,
    /// Which languages they speak, BCP 47 (`nl` is also Dutch of Belgium); absent: all.
    pub languages: Option<Vec<String>>,
}

/// Settings of the desk that cannot hold, named by their key. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A name that cannot be shown.
    #[error("desk.colleagues.{0}: a name has 1 to 64 characters, none of them a control character")]
    Name(String),
    /// A token that could be guessed.
    #[error(
        "desk.colleagues.{0}.token is too short: write at least {TOKEN} characters, such as what `openssl rand -hex 16` gives"
    )]
    ShortToken(String),
    /// Two colleagues could not be told apart.
    #[error("desk.colleagues.{0}.token is the same as that of {1}: every colleague has one of their own")]
    SharedToken(String, String),
    /// A queue that nobody can be passed to.
    #[error("desk.colleagues.{colleague}.queues names `{queue}`, which is no target with desk = true; there are: {known}")]
    NoSuchQueue {
        /// Whose.
        colleague: String,
        /// What it names.
        queue: String,
        /// What it could name.
        known: String,
    },
    /// A list that takes everything away.
    #[error("desk.colleagues.{0}.{1} is empty: leave it out for all, or name one")]
    Empty(String, &'static str),
    /// A number out of its range.
    #[error("desk.{0} {1}")]
    Number(&'static str, &'static str),
}

/// The desk's settings, checked.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) colleagues: Colleagues,
    pub(super) queues: Vec<String>,
    pub(super) most_waiting: usize,
    pub(super) wrap_up: Option<Duration>,
    /// How long a colleague whose connection broke is expected back.
    pub(super) returns: Duration,
    /// How long a call-back request is kept.
    pub call_back_term: Duration,
    /// How many wrong tokens a minute are taken from one address.
    pub sign_in_attempts: u32,
}

impl Checked {
    /// The targets that are desks.
    pub fn queues(&self) -> &[String] {
        &self.queues
    }

    /// How many may sign in.
    pub fn colleagues(&self) -> usize {
        self.colleagues.len()
    }
}

impl Settings {
    /// Checks what is written against the targets that are desks.
    ///
    /// # Errors
    /// The first setting that cannot hold, named by its key.
    pub fn check(&self, targets: &Targets) -> Result<Checked, SettingsError> {
        if self.most_waiting == 0 {
            return Err(SettingsError::Number("most_waiting", "has to be above zero"));
        }
        if !(1..=365).contains(&self.call_back_days) {
            return Err(SettingsError::Number("call_back_days", "has to be between 1 and 365"));
        }
        if self.return_seconds > LONGEST_RETURN {
            return Err(SettingsError::Number(
                "return_seconds",
                "has to be at most 600: so long callers wait for a colleague who may not come back",
            ));
        }
        if self.sign_in_attempts == 0 {
            return Err(SettingsError::Number(
                "sign_in_attempts",
                "has to be above zero: nobody who mistypes once could sign in",
            ));
        }
        let desks = targets.iter().filter(|target| target.kind == TargetKind::Desk);
        let queues: Vec<String> = desks.map(|target| target.name.clone()).collect();
        let mut colleagues = Colleagues::default();
        for (name, settings) in &self.colleagues {
            let colleague = settings.check(name, &queues)?;
            if let Some(other) = colleagues.add(colleague) {
                return Err(SettingsError::SharedToken(name.clone(), other));
            }
        }
        Ok(Checked {
            colleagues,
            queues,
            most_waiting: self.most_waiting,
            wrap_up: (self.wrap_up_seconds > 0).then(|| Duration::from_secs(self.wrap_up_seconds)),
            returns: Duration::from_secs(self.return_seconds),
            call_back_term: Duration::from_secs(u64::from(self.call_back_days) * 24 * 3600),
            sign_in_attempts: self.sign_in_attempts,
        })
    }
}

impl ColleagueSettings {
    fn check(&self, name: &str, desks: &[String]) -> Result<Colleague, SettingsError> {
        if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(SettingsError::Name(name.chars().filter(|c| !c.is_control()).take(64).collect()));
        }
        if self.token.expose().chars().count() < TOKEN {
            return Err(SettingsError::ShortToken(name.to_owned()));
        }
        for (key, list) in [("queues", &self.queues), ("languages", &self.languages)] {
            if list.as_ref().is_some_and(Vec::is_empty) {
                return Err(SettingsError::Empty(name.to_owned(), key));
            }
        }
        let unknown = self.queues.iter().flatten().find(|queue| !desks.contains(queue));
        if let Some(queue) = unknown {
            let known = if desks.is_empty() { "none".to_owned() } else { desks.join(", ") };
            return Err(SettingsError::NoSuchQueue { colleague: name.to_owned(), queue: queue.clone(), known });
        }
        let reach = Reach::new(self.queues.clone(), self.languages.clone());
        Ok(Colleague::new(name, self.token.expose(), reach))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::handover;

    fn check(desk: Value) -> Result<Checked, String> {
        let targets: handover::Settings = serde_json::from_value(json!({"targets": {
            "service-desk": {"desk": true}, "returns": {"desk": true}, "phone": {"number": "+31201234567"},
        }}))
        .unwrap();
        let settings: Settings = serde_json::from_value(desk).map_err(|error| error.to_string())?;
        settings.check(&targets.check().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn queues_are_the_targets_that_are_desks() {
        let checked = check(json!({"colleagues": {"anna": {"token": "0123456789abcdef", "queues": ["returns"]}}})).unwrap();
        assert_eq!(checked.queues(), ["returns", "service-desk"]);
        assert_eq!(checked.colleagues(), 1);
        let error = check(json!({"colleagues": {"anna": {"token": "0123456789abcdef", "queues": ["phone"]}}})).unwrap_err();
        assert!(
            error.starts_with("desk.colleagues.anna.queues names `phone`") && error.contains("returns, service-desk"),
            "{error}"
        );
    }

    #[test]
    fn tokens_are_long_and_everybodys_own_and_no_error_shows_one() {
        let short = check(json!({"colleagues": {"anna": {"token": "sh0rt"}}})).unwrap_err();
        assert!(short.starts_with("desk.colleagues.anna.token is too short") && !short.contains("sh0rt"), "{short}");
        let same = json!({"token": "0123456789abcdef"});
        let shared = check(json!({"colleagues": {"anna": same, "bert": same}})).unwrap_err();
        assert!(shared.contains("the same as that of anna") && !shared.contains("0123456789abcdef"), "{shared}");
        let digits = check(json!({"colleagues": {"anna": {"token": 1234567890123456u64}}})).unwrap_err();
        assert!(!digits.contains("1234567890123456"), "{digits}");
        let checked = check(json!({"colleagues": {"anna": same}})).unwrap();
        assert!(!format!("{checked:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn what_cannot_hold_is_named_by_its_key() {
        assert!(check(json!({"most_waiting": 0})).unwrap_err().starts_with("desk.most_waiting "));
        assert!(check(json!({"call_back_days": 0})).unwrap_err().starts_with("desk.call_back_days "));
        assert!(check(json!({"sign_in_attempts": 0})).unwrap_err().starts_with("desk.sign_in_attempts "));
        assert!(check(json!({"return_seconds": 601})).unwrap_err().starts_with("desk.return_seconds "));
        assert_eq!(check(json!({"return_seconds": 0})).unwrap().returns, Duration::ZERO);
        assert!(check(json!({"colleague": {}})).unwrap_err().contains("unknown field `colleague`"));
        let empty = json!({"colleagues": {"anna": {"token": "0123456789abcdef", "languages": []}}});
        assert!(check(empty).unwrap_err().starts_with("desk.colleagues.anna.languages is empty"));
    }
}
