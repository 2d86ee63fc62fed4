//! What the caller does, in order: `--press` and `--say`, each in its time.

use std::path::PathBuf;
use std::time::Duration;

use crate::phone::{Call, PhoneError, voice};

/// When an act is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// The agent has spoken since the last act and has fallen silent.
    Turn,
    /// The agent is speaking: into its words.
    Now,
    /// At this time after the ringing.
    At(Duration),
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Keys, one after the other.
    Press(String),
    /// A text, through speech synthesis.
    SayText(String),
    /// A WAV file.
    SayFile(PathBuf),
}

/// One act of the script.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// When.
    pub when: When,
    /// What.
    pub what: What,
}

/// Reads `KEYS`, `KEYS@now` or `KEYS@SECONDS`.
///
/// # Errors
/// The text says what is wrong with it.
pub fn press(written: &str) -> Result<Act, String> {
    let (keys, when) = split(written)?;
    if keys.is_empty() || !keys.chars().all(|key| matches!(key, '0'..='9' | '*' | '#')) {
        return Err("keys are 0 to 9, * and #, such as 1 or *9, followed by @now or @SECONDS if not in turn".to_owned());
    }
    Ok(Act { when, what: What::Press(keys.to_owned()) })
}

/// Reads `TEXT` or a WAV file's name, followed by `@now` or `@SECONDS` if not in turn.
///
/// # Errors
/// The text says what is wrong with it.
pub fn say(written: &str) -> Result<Act, String> {
    let (said, when) = split(written)?;
    if said.trim().is_empty() {
        return Err("there is nothing to say: give a text or the name of a WAV file".to_owned());
    }
    let file = PathBuf::from(said);
    let is_wav = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
    if is_wav && !file.is_file() {
        return Err(format!("there is no file {said}"));
    }
    let what = if is_wav { What::SayFile(file) } else { What::SayText(said.to_owned()) };
    Ok(Act { when, what })
}

fn split(written: &str) -> Result<(&str, When), String> {
    match written.rsplit_once('@') {
        Some((before, "now")) => Ok((before, When::Now)),
        Some((before, after)) if after.starts_with(|first: char| first.is_ascii_digit()) => {
            let seconds: f64 = after.parse().map_err(|_| format!("@{after} is no number of seconds"))?;
            let at = Duration::try_from_secs_f64(seconds).map_err(|_| format!("@{after} is no time in a call"))?;
            Ok((before, When::At(at)))
        }
        _ => Ok((written, When::Turn)),
    }
}

/// An act whose sound, if it has one, is ready.
pub struct Prepared {
    when: When,
    what: PreparedWhat,
}

enum PreparedWhat {
    Press(String),
    Say(Vec<u8>),
}

/// Renders what is to be said, before the telephone rings.
///
/// # Errors
/// A file cannot be read or a text cannot be spoken.
pub async fn prepare(acts: Vec<Act>, voice: &str) -> Result<Vec<Prepared>, PhoneError> {
    let mut prepared = Vec::new();
    for act in acts {
        let what = match act.what {
            What::Press(keys) => PreparedWhat::Press(keys),
            What::SayText(text) => PreparedWhat::Say(voice::from_text(&text, voice).await?),
            What::SayFile(file) => PreparedWhat::Say(voice::from_file(&file)?),
        };
        prepared.push(Prepared { when: act.when, what });
    }
    Ok(prepared)
}

/// Carries the acts out, in order; `pause` is how long the agent must be silent before the caller takes the turn. Gives how
/// many were left undone because the call ended.
pub async fn perform(call: &Call, acts: Vec<Prepared>, pause: Duration) -> usize {
    let count = acts.len();
    for (done, act) in acts.into_iter().enumerate() {
        let waited = match act.when {
            When::Turn => call.wait_for_turn(pause).await,
            When::Now => call.wait_for_agent_again().await,
            When::At(at) => call.wait_until(at).await,
        };
        let did = match (waited, act.what) {
            (Err(over), _) => Err(over),
            (Ok(()), PreparedWhat::Press(keys)) => call.press(keys).await,
            (Ok(()), PreparedWhat::Say(ulaw)) => call.say_ulaw(ulaw).await,
        };
        if did.is_err() {
            return count - done;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_due_in_turn_now_or_at_a_time() {
        let press = |written| press(written).map(|act| (act.what, act.when));
        let keys = |keys: &str| What::Press(keys.to_owned());
        assert_eq!(press("*9"), Ok((keys("*9"), When::Turn)));
        assert_eq!(press("1@now"), Ok((keys("1"), When::Now)));
        assert_eq!(press("1@12.5"), Ok((keys("1"), When::At(Duration::from_millis(12_500)))));
        for wrong in ["", "x", "1@12x", "1@soon", "1@1e400"] {
            assert!(press(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_said_is_a_text_or_a_file_that_exists() {
        assert_eq!(say("ja graag@now").map(|act| (act.what, act.when)), Ok((What::SayText("ja graag".into()), When::Now)));
        assert_eq!(say("ik@thuis").map(|act| act.what), Ok(What::SayText("ik@thuis".into())));
        assert!(say("missing-file.wav").is_err());
        assert!(say(" ").is_err());
    }
}
