use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::dialog::hours::{HoursError, OpeningHours};

/// The `[handover]` part of the configuration, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where callers can go, by the name that dialogs use.
    pub targets: BTreeMap<String, TargetSettings>,
}

/// One `[handover.targets.NAME]`, as written: exactly one of `queue`, `workflow`, `number`, `sip` and `desk`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetSettings {
    /// The name of a queue of the phone system.
    pub queue: Option<String>,
    /// A routing workflow of the phone system (Twilio TaskRouter: `WW…`).
    pub workflow: Option<String>,
    /// A telephone number, E.164: `+31…`.
    pub number: Option<String>,
    /// A SIP address: `sip:desk@pbx.example.com`.
    pub sip: Option<String>,
    /// Colleagues with a browser take over, from `/desk` of this server.
    pub desk: bool,
    /// Higher goes first, at the desk and where the phone system knows priorities. One number for every caller.
    pub priority: i64,
    /// When it takes calls, such as `mon-fri 09:00-17:30`; left out: always.
    pub hours: Option<String>,
    /// The IANA time zone of `hours`; left out: Europe/Amsterdam.
    pub time_zone: Option<String>,
    /// How long a caller waits for somebody before they come back to the agent, such as `45s` or `3m`.
    pub time_limit: Option<String>,
    /// Music for a queue with a time limit, an https address of an MP3 or WAV.
    pub hold_music: Option<String>,
}

/// Never shows the number.
impl fmt::Debug for TargetSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetSettings").field("priority", &self.priority).field("hours", &self.hours).finish_non_exhaustive()
    }
}

/// A setting that cannot hold, named by its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// None or several of the five.
    #[error("handover.targets.{target} names {found} destinations: write exactly one of queue, workflow, number, sip or desk")]
    Destination {
        /// The target's name.
        target: String,
        /// How many it names.
        found: usize,
    },
    /// The destination does not look like one.
    #[error("handover.targets.{target}.{key} {expected}")]
    Malformed {
        /// The target's name.
        target: String,
        /// The key under it.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The hours cannot be read.
    #[error("handover.targets.{target}.hours: {source}")]
    Hours {
        /// The target's name.
        target: String,
        /// What is wrong.
        source: HoursError,
    },
}

/// Where a target lies.
#[derive(Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// A plain queue, by name.
    Queue(String),
    /// A routing workflow, by id.
    Workflow(String),
    /// A telephone number.
    Number(String),
    /// A SIP address.
    Sip(String),
    /// A colleague's browser. The caller stays in their session, which connects the two.
    Desk,
}

/// The kind alone: addresses stay out of logs.
impl fmt::Debug for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TargetKind::Queue(_) => "Queue(_)",
            TargetKind::Workflow(_) => "Workflow(_)",
            TargetKind::Number(_) => "Number(_)",
            TargetKind::Sip(_) => "Sip(_)",
            TargetKind::Desk => "Desk",
        })
    }
}

/// A checked target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that dialogs and the ledger use.
    pub name: String,
    /// Where it lies.
    pub kind: TargetKind,
    /// Higher goes first; the same for every caller.
    pub priority: i64,
    /// When it takes calls; `None`: always.
    pub hours: Option<OpeningHours>,
    /// How long a caller waits there; `None`: as the phone system decides.
    pub time_limit: Option<Duration>,
    /// Music for a queue with a time limit.
    pub hold_music: Option<String>,
}

impl Target {
    /// Whether it takes calls at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.is_open(now))
    }
}

/// All targets, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(BTreeMap<String, Target>);

impl Targets {
    /// The target of that name.
    pub fn get(&self, name: &str) -> Option<&Target> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.0.values()
    }

    /// Their names, for a dialog that is being checked.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Settings {
    /// Checks every target; the first that cannot hold is named by its key.
    pub fn check(&self) -> Result<Targets, SettingsError> {
        let checked = self.targets.iter().map(|(name, target)| Ok((name.clone(), target.check(name)?)));
        checked.collect::<Result<_, _>>().map(Targets)
    }
}

impl TargetSettings {
    fn check(&self, name: &str) -> Result<Target, SettingsError> {
        let malformed = |key, expected| SettingsError::Malformed { target: name.to_owned(), key, expected };
        let kinds = [
            self.queue.clone().map(TargetKind::Queue),
            self.workflow.clone().map(TargetKind::Workflow),
            self.number.clone().map(TargetKind::Number),
            self.sip.clone().map(TargetKind::Sip),
            self.desk.then_some(TargetKind::Desk),
        ];
        let mut kinds: Vec<_> = kinds.into_iter().flatten().collect();
        let found = kinds.len();
        let (Some(kind), 1) = (kinds.pop(), found) else {
            return Err(SettingsError::Destination { target: name.to_owned(), found });
        };
        match &kind {
            TargetKind::Queue(queue) if queue.is_empty() || queue.chars().count() > 64 => {
                return Err(malformed("queue", "has to be a name of 1 to 64 characters"));
            }
            TargetKind::Workflow(id) if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err(malformed(
                    "workflow",
                    "has to be the id of a workflow, such as WW followed by 32 hexadecimal digits",
                ));
            }
            TargetKind::Number(number) if !is_e164(number) => {
                return Err(malformed("number", "has to be + and 7 to 15 digits, beginning with the country code"));
            }
            TargetKind::Sip(address) if !is_sip(address) => {
                return Err(malformed("sip", "has to be sip:NAME@HOST or sips:NAME@HOST, without ? and spaces"));
            }
            _ => {}
        }
        let zone = self.time_zone.as_deref().unwrap_or("Europe/Amsterdam");
        let hours = match &self.hours {
            Some(hours) => Some(
                OpeningHours::parse(hours, zone).map_err(|source| SettingsError::Hours { target: name.to_owned(), source })?,
            ),
            None if self.time_zone.is_some() => return Err(malformed("time_zone", "needs hours beside it, or has to go")),
            None => None,
        };
        let time_limit = match self.time_limit.as_deref().map(time_limit) {
            Some(None) => return Err(malformed("time_limit", "has to be between 5s and 1h, such as 45s or 3m")),
            Some(limit) => limit,
            None => None,
        };
        let queued = matches!(kind, TargetKind::Queue(_) | TargetKind::Workflow(_));
        if self.hold_music.is_some() && !(queued && time_limit.is_some()) {
            return Err(malformed(
                "hold_music",
                "belongs to a queue or workflow with a time_limit; without one the phone system plays its own",
            ));
        }
        if self.hold_music.as_deref().is_some_and(|music| !music.starts_with("https://")) {
            return Err(malformed("hold_music", "has to begin with https://"));
        }
        let hold_music = self.hold_music.clone();
        Ok(Target { name: name.to_owned(), kind, priority: self.priority, hours, time_limit, hold_music })
    }
}

fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

fn is_sip(address: &str) -> bool {
    let rest = address.strip_prefix("sip:").or_else(|| address.strip_prefix("sips:"));
    let whole = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"?&#<>\"".contains(&byte));
    rest.and_then(|rest| rest.split_once('@')).is_some_and(|(user, host)| whole(user) && whole(host) && !host.contains('@'))
}

fn time_limit(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    let limit = Duration::try_from(span).ok()?;
    (Duration::from_secs(5)..=Duration::from_secs(3600)).contains(&limit).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: serde_json::Value) -> Result<Target, String> {
        let target: TargetSettings = serde_json::from_value(target).map_err(|error| error.to_string())?;
        let settings = Settings { targets: [("desk".to_owned(), target)].into() };
        let targets = settings.check().map_err(|error| error.to_string())?;
        Ok(targets.get("desk").unwrap().clone())
    }

    #[test]
    fn a_target_has_exactly_one_destination() {
        assert!(check(serde_json::json!({})).unwrap_err().contains("handover.targets.desk names 0 destinations"));
        let two = check(serde_json::json!({"queue": "support", "number": "+31201234567"})).unwrap_err();
        assert!(two.contains("names 2 destinations"), "{two}");
        let one = check(serde_json::json!({"queue": "support", "priority": 3, "time_limit": "3m"})).unwrap();
        assert_eq!((one.priority, one.time_limit), (3, Some(Duration::from_secs(180))));
        assert_eq!(one.kind, TargetKind::Queue("support".into()));
    }

    #[test]
    fn a_desk_is_a_destination_like_the_others() {
        let desk =
            check(serde_json::json!({"desk": true, "time_limit": "3m", "priority": 2, "hours": "daily 08:00-20:00"})).unwrap();
        assert_eq!((desk.kind, desk.priority), (TargetKind::Desk, 2));
        assert!(check(serde_json::json!({"desk": false})).unwrap_err().contains("names 0 destinations"));
        assert!(check(serde_json::json!({"desk": true, "queue": "q"})).unwrap_err().contains("names 2 destinations"));
        let music = serde_json::json!({"desk": true, "time_limit": "3m", "hold_music": "https://music.example/a.mp3"});
        assert!(check(music).unwrap_err().starts_with("handover.targets.desk.hold_music "));
    }

    #[test]
    fn what_cannot_hold_is_named_by_its_key() {
        let error = |target| check(target).unwrap_err();
        assert!(error(serde_json::json!({"number": "0201234567"})).starts_with("handover.targets.desk.number "));
        assert!(error(serde_json::json!({"sip": "sip:a@b?x=1"})).starts_with("handover.targets.desk.sip "));
        assert!(error(serde_json::json!({"workflow": "WW-1"})).starts_with("handover.targets.desk.workflow "));
        assert!(error(serde_json::json!({"queue": "q", "hours": "always"})).starts_with("handover.targets.desk.hours: "));
        assert!(error(serde_json::json!({"queue": "q", "time_limit": "soon"})).starts_with("handover.targets.desk.time_limit "));
        assert!(error(serde_json::json!({"queue": "q", "time_zone": "Europe/Paris"})).contains("time_zone needs hours"));
        assert!(error(serde_json::json!({"queue": "q", "prority": 1})).contains("unknown field `prority`"));
    }

    #[test]
    fn errors_and_debug_output_hold_no_number() {
        let shown = check(serde_json::json!({"number": "+3120123456x"})).unwrap_err();
        assert!(!shown.contains("3120123456"), "{shown}");
        let target = check(serde_json::json!({"number": "+31201234567"})).unwrap();
        assert!(!format!("{target:?}").contains("31201234567"));
    }
}
