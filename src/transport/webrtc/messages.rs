//! The page's side of the data channel: what it may say, how much of it, and what it is told when it cannot be taken.

use serde::Deserialize;
use tokio::time::Instant;

use crate::transport::{Button, Inbound};

/// The label of the channel that is ours. Others are not taken.
pub(super) const LABEL: &str = "candor";
/// The longest message, in bytes.
pub(super) const MESSAGE_BYTES: usize = 1024;
/// How many messages at once, and then a second.
const BURST: f64 = 40.0;
const PER_SECOND: f64 = 20.0;
/// How many refused messages end the leg.
const PATIENCE: u32 = 200;

/// A message of the page (`docs/browser.md`).
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum Message {
    Key { key: char },
    Button { button: Button },
    Language { language: String },
    HangUp,
}

/// What a message comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// For the session.
    Tell(Inbound),
    /// The caller hangs up.
    HangUp,
    /// It cannot be taken; the page is told so.
    Refused(&'static str),
    /// Too much of what cannot be taken: the leg ends.
    Flood,
}

/// Reads messages within the limits.
pub(super) struct Reader {
    level: f64,
    at: Instant,
    refused: u32,
}

impl Reader {
    pub(super) fn new(now: Instant) -> Reader {
        Reader { level: BURST, at: now, refused: 0 }
    }

    /// Judges a message.
    pub(super) fn take(&mut self, now: Instant, is_text: bool, data: &[u8]) -> Taken {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * PER_SECOND).min(BURST);
        self.at = now;
        let taken = if self.level < 1.0 {
            Err("too many messages: at most 40 at once, and 20 a second")
        } else {
            self.level -= 1.0;
            read(is_text, data)
        };
        match taken {
            Ok(taken) => {
                metrics::counter!("candor_webrtc_messages_total", "outcome" => "taken").increment(1);
                taken
            }
            Err(why) => {
                metrics::counter!("candor_webrtc_messages_total", "outcome" => "refused").increment(1);
                self.refused += 1;
                if self.refused > PATIENCE { Taken::Flood } else { Taken::Refused(why) }
            }
        }
    }
}

fn read(is_text: bool, data: &[u8]) -> Result<Taken, &'static str> {
    if data.len() > MESSAGE_BYTES {
        return Err("the message is longer than 1024 bytes");
    }
    if !is_text {
        return Err("the message is binary: send JSON as text");
    }
    let message = serde_json::from_slice(data)
        .map_err(|_| "not understood: send a key, a button, a language or hang-up, as docs/browser.md describes")?;
    match message {
        Message::Key { key: key @ ('0'..='9' | '*' | '#') } => Ok(Taken::Tell(Inbound::Key(key))),
        Message::Key { .. } => Err("a key is one of 0 to 9, * and #"),
        Message::Button { button } => Ok(Taken::Tell(Inbound::Button(button))),
        Message::Language { language } if is_tag(&language) => Ok(Taken::Tell(Inbound::Language(language))),
        Message::Language { .. } => Err("a language is a BCP 47 tag, such as nl or en"),
        Message::HangUp => Ok(Taken::HangUp),
    }
}

fn is_tag(language: &str) -> bool {
    (2..=35).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn take(text: &str) -> Taken {
        Reader::new(Instant::now()).take(Instant::now(), true, text.as_bytes())
    }

    #[test]
    fn every_message_of_the_schema_is_taken() {
        assert_eq!(take(r##"{"type":"key","key":"#"}"##), Taken::Tell(Inbound::Key('#')));
        assert_eq!(take(r#"{"type":"hang-up"}"#), Taken::HangUp);
        assert_eq!(take(r#"{"type":"language","language":"nl-BE"}"#), Taken::Tell(Inbound::Language("nl-BE".into())));
        for (name, button) in [
            ("yes", Button::Yes),
            ("no", Button::No),
            ("person", Button::Person),
            ("stop", Button::Stop),
            ("ask-again", Button::AskAgain),
            ("repeat", Button::Repeat),
            ("agent", Button::Agent),
            ("call-back", Button::CallBack),
        ] {
            let message = format!(r#"{{"type":"button","button":"{name}"}}"#);
            assert_eq!(take(&message), Taken::Tell(Inbound::Button(button)), "{name}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_what_would_be_right() {
        for message in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"type":"key"}"#,
            r#"{"type":"key","key":"12"}"#,
            r#"{"type":"key","key":"A"}"#,
            r#"{"type":"button","button":"maybe"}"#,
            r#"{"type":"language","language":"../etc"}"#,
            r#"{"type":"key","key":"1","more":1}"#,
            r#"{"type":"consent","state":"given"}"#,
        ] {
            assert!(matches!(take(message), Taken::Refused(_)), "{message}");
        }
        let long = format!(r#"{{"type":"language","language":"{}"}}"#, "n".repeat(2000));
        assert_eq!(take(&long), Taken::Refused("the message is longer than 1024 bytes"));
        let mut reader = Reader::new(Instant::now());
        assert!(matches!(reader.take(Instant::now(), false, br#"{"type":"hang-up"}"#), Taken::Refused(_)));
    }

    #[test]
    fn a_burst_passes_then_the_rate_and_a_flood_ends_it() {
        let start = Instant::now();
        let mut reader = Reader::new(start);
        let key = br#"{"type":"key","key":"1"}"#;
        let taken = (0..50).filter(|_| matches!(reader.take(start, true, key), Taken::Tell(_))).count();
        assert_eq!(taken, 40);
        let later = start + Duration::from_secs(1);
        let taken = (0..50).filter(|_| matches!(reader.take(later, true, key), Taken::Tell(_))).count();
        assert_eq!(taken, 20);
        let flood = (0..300).find(|_| reader.take(later, true, key) == Taken::Flood);
        assert_eq!(flood, Some(160));
    }
}
