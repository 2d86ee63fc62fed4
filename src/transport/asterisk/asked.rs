//! What the dialplan says of a call, as far as this server keeps it: no caller's number, and the called one only as a key for routes.

use std::fmt;

use crate::handover::Outcome;

/// The longest form that is read, in bytes.
const FORM_BYTES: usize = 4 * 1024;
/// The longest of its other values.
const VALUE_BYTES: usize = 128;

/// Whether it can be the id of a channel (`${UNIQUEID}`), fit for a log line.
pub fn is_call(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// What the dialplan said cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskedError {
    /// Too long.
    #[error("more than {FORM_BYTES} bytes")]
    TooLong,
    /// No call.
    #[error("no `call` of 1 to 64 letters, digits, dots, hyphens and underscores: write call=${{UNIQUEID}}")]
    NoCall,
    /// A value that cannot be one.
    #[error("`{0}` has more than {VALUE_BYTES} bytes, or a control character")]
    Value(&'static str),
    /// Neither a stream that is over nor a handover.
    #[error("neither `status` (${{DIALSTATUS}}) nor `outcome`")]
    NothingEnded,
}

/// A call that the dialplan announces: the query of `GET /asterisk`.
#[derive(Clone, PartialEq, Eq)]
pub struct Announced {
    /// The id of the caller's channel.
    pub call: String,
    /// Its name, for a redirect.
    pub channel: Option<String>,
    called: Option<String>,
    /// The language that the caller speaks, BCP 47.
    pub language: Option<String>,
}

/// Never shows the number.
impl fmt::Debug for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announced").field("call", &self.call).field("language", &self.language).finish_non_exhaustive()
    }
}

impl Announced {
    /// Reads a query or a form. The caller's number (`from`) is not looked at.
    pub fn read(form: &[u8]) -> Result<Announced, AskedError> {
        Announced::of(&Values::read(form)?)
    }

    fn of(values: &Values) -> Result<Announced, AskedError> {
        Ok(Announced {
            call: values.raw("call").filter(|call| is_call(call)).ok_or(AskedError::NoCall)?.to_owned(),
            channel: values.get("channel")?,
            called: values.get("to")?,
            language: values.get("language")?,
        })
    }

    /// Whether the called number is `number`: the one question about it that a route may ask.
    pub fn was_called(&self, number: &str) -> bool {
        self.called.as_deref().is_some_and(|called| called == number)
    }
}

/// What has ended: the form of `POST /asterisk/after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Of which call.
    pub call: Announced,
    /// What became of a handover; `None`: the agent's leg has ended.
    pub outcome: Option<Outcome>,
    /// Whether the agent's leg was ever connected.
    pub connected: bool,
    /// Whether the caller is still on the line.
    pub there: bool,
}

impl After {
    /// Reads a form.
    pub fn read(form: &[u8]) -> Result<After, AskedError> {
        let values = Values::read(form)?;
        let call = Announced::of(&values)?;
        let outcome = values.raw("outcome").filter(|name| !name.is_empty()).map(Outcome::of);
        let status = values.raw("status").unwrap_or_default();
        if outcome.is_none() && status.is_empty() {
            return Err(AskedError::NothingEnded);
        }
        // The caller hung up while the agent's leg was being dialled.
        let there = status != "CANCEL" && outcome != Some(Outcome::CallerLeft);
        Ok(After { call, outcome, connected: status == "ANSWER", there })
    }
}

struct Values(Vec<(String, String)>);

impl Values {
    fn read(form: &[u8]) -> Result<Values, AskedError> {
        if form.len() > FORM_BYTES {
            return Err(AskedError::TooLong);
        }
        Ok(Values(url::form_urlencoded::parse(form).into_owned().collect()))
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A value that is there; an empty one is not.
    fn get(&self, name: &'static str) -> Result<Option<String>, AskedError> {
        let value = self.raw(name).filter(|value| !value.is_empty());
        match value {
            Some(value) if value.len() > VALUE_BYTES || value.contains(char::is_control) => Err(AskedError::Value(name)),
            value => Ok(value.map(str::to_owned)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_channel() {
        let query = "call=pbx-1795307787.1&channel=PJSIP%2Fsip-1&from=%2B31612345678&to=%2B31201234567&language=nl";
        let announced = Announced::read(query.as_bytes()).unwrap();
        assert_eq!((announced.call.as_str(), announced.channel.as_deref()), ("pbx-1795307787.1", Some("PJSIP/sip-1")));
        assert!(announced.was_called("+31201234567") && !announced.was_called("+31612345678") && !announced.was_called(""));
        assert!(!format!("{announced:?}").contains("31"));
        let bare = Announced::read(b"call=1.1&to=&language=").unwrap();
        assert_eq!((bare.channel.as_deref(), bare.language.as_deref(), bare.was_called("")), (None, None, false));
        let long = "1".repeat(65);
        for wrong in ["", "call=", "call=a%20b", "call=1%2F2", "call=%24%7Bx%7D", &format!("call={long}")] {
            assert_eq!(Announced::read(wrong.as_bytes()), Err(AskedError::NoCall), "{wrong}");
        }
        assert_eq!(Announced::read(b"call=1.1&language=nl%0A"), Err(AskedError::Value("language")));
        assert_eq!(Announced::read(&[b'x'; FORM_BYTES + 1]), Err(AskedError::TooLong));
    }

    #[test]
    fn what_has_ended_is_the_agents_leg_or_a_handover() {
        let after = |form: &str| After::read(format!("call=1.1&{form}").as_bytes());
        let ended = |form: &str| after(form).map(|after| (after.outcome, after.connected, after.there)).unwrap();
        assert_eq!(ended("status=ANSWER"), (None, true, true));
        assert_eq!(ended("status=CHANUNAVAIL"), (None, false, true));
        assert_eq!(ended("status=CANCEL"), (None, false, false));
        assert_eq!(ended("outcome=no-answer"), (Some(Outcome::NoAnswer), false, true));
        assert_eq!(ended("outcome=caller-left&status=ANSWER"), (Some(Outcome::CallerLeft), true, false));
        assert_eq!(ended("outcome=novelty"), (Some(Outcome::Unknown), false, true));
        assert_eq!(after("status="), Err(AskedError::NothingEnded));
    }
}
