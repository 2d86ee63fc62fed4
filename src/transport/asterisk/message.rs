use std::fmt;

use serde::{Deserialize, Serialize};

/// How a peer writes its events, and is to be written to: Asterisk's dial option `f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `f(json)`.
    Json,
    /// `f(plain-text)`, which is the default.
    PlainText,
}

/// An event of Asterisk's.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// In which form it came.
    pub form: Form,
    /// The id of the leg's channel, where the event names it.
    pub channel_id: Option<String>,
    /// What it says.
    pub event: Event,
}

/// What an event says.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The first: how sound is carried.
    Start(MediaStart),
    /// A key; `None` for one that a telephone's keypad does not have.
    Key(Option<char>),
    /// All before this mark was played.
    MarkProcessed(String),
    /// The same of the end of a buffer; empty for one without a name.
    BufferingCompleted(String),
    /// The queue is nearly full: send no more.
    Xoff,
    /// There is room again.
    Xon,
    /// The queue is empty.
    QueueDrained,
    /// How full the queue is.
    Status,
    /// A command was not taken, because the leg passes its sound through or for another reason.
    Error {
        /// The leg passes sound through as it is.
        passthrough: bool,
    },
    /// An event that this version does not know.
    Unknown,
}

/// How sound is carried in a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaStart {
    /// Asterisk's name of the codec: `ulaw`, `slin16`, …
    pub format: String,
    /// How many bytes of it Asterisk plays at once.
    pub optimal_frame_size: u64,
    /// How long that is, in milliseconds; versions before 22.8 do not say.
    pub ptime: Option<u64>,
}

impl Event {
    /// The event's name, fit for a label.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Start(_) => "media-start",
            Event::Key(_) => "dtmf-end",
            Event::MarkProcessed(_) => "media-mark-processed",
            Event::BufferingCompleted(_) => "media-buffering-completed",
            Event::Xoff => "media-xoff",
            Event::Xon => "media-xon",
            Event::QueueDrained => "queue-drained",
            Event::Status => "status",
            Event::Error { .. } => "error",
            Event::Unknown => "unknown",
        }
    }
}

/// Never shows keys or ids.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {:?})", self.event.name(), self.form)
    }
}

/// Never shows keys.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A message that cannot be read. Says what is wrong where, and never quotes what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Neither a JSON object with an `event` nor the name of one.
    #[error("a message is neither a JSON object with an `event` nor an event in plain text (column {column})")]
    NotAnEvent {
        /// Where reading stopped.
        column: usize,
    },
    /// A part has another type than it should.
    #[error("a `{event}` event has a part of the wrong type (column {column})")]
    WrongType {
        /// The event.
        event: &'static str,
        /// Where reading stopped.
        column: usize,
    },
    /// A part is missing.
    #[error("a `{event}` event has no `{field}`")]
    Missing {
        /// The event.
        event: &'static str,
        /// The missing part.
        field: &'static str,
    },
}

const EVENTS: [&str; 9] = [
    "MEDIA_START",
    "DTMF_END",
    "MEDIA_MARK_PROCESSED",
    "MEDIA_BUFFERING_COMPLETED",
    "MEDIA_XOFF",
    "MEDIA_XON",
    "QUEUE_DRAINED",
    "STATUS",
    "ERROR",
];

fn known(event: &str) -> Option<&'static str> {
    EVENTS.into_iter().find(|known| *known == event)
}

/// The parts of an event that mean something here, whatever form they came in.
#[derive(Deserialize)]
struct Parts {
    channel_id: Option<String>,
    format: Option<String>,
    optimal_frame_size: Option<u64>,
    ptime: Option<u64>,
    digit: Option<String>,
    correlation_id: Option<String>,
    error_text: Option<String>,
}

#[derive(Deserialize)]
struct Name {
    event: String,
}

impl Message {
    /// Reads one text message.
    pub fn parse(text: &str) -> Result<Message, MessageError> {
        if text.trim_start().starts_with('{') { json(text) } else { plain(text) }
    }
}

fn json(text: &str) -> Result<Message, MessageError> {
    let name: Name = serde_json::from_str(text).map_err(|error| MessageError::NotAnEvent { column: error.column() })?;
    // What an event that we do not know consists of is not ours to judge.
    let Some(event) = known(&name.event) else {
        return Ok(Message { form: Form::Json, channel_id: None, event: Event::Unknown });
    };
    let parts = serde_json::from_str(text)
        .map_err(|error: serde_json::Error| MessageError::WrongType { event, column: error.column() })?;
    read(Form::Json, event, parts)
}

/// `NAME`, `NAME id` or `NAME key:value key:value`; the text of an error is the rest of its line.
fn plain(text: &str) -> Result<Message, MessageError> {
    let text = text.trim();
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        return Err(MessageError::NotAnEvent { column: 1 });
    }
    let Some(event) = known(name) else {
        return Ok(Message { form: Form::PlainText, channel_id: None, event: Event::Unknown });
    };
    let (pairs, error_text) = match rest.split_once("error_text:") {
        Some((before, text)) if event == "ERROR" => (before, Some(text.to_owned())),
        _ => (rest, None),
    };
    let value = |key: &str| pairs.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix(':')).map(str::to_owned);
    let number = |key: &str| match value(key).map(|text| text.parse()) {
        Some(Err(_)) => Err(MessageError::WrongType { event, column: name.len() + 2 }),
        Some(Ok(number)) => Ok(Some(number)),
        None => Ok(None),
    };
    let parts = Parts {
        channel_id: value("channel_id"),
        format: value("format"),
        optimal_frame_size: number("optimal_frame_size")?,
        ptime: number("ptime")?,
        digit: value("digit"),
        correlation_id: Some(rest.to_owned()),
        error_text,
    };
    read(Form::PlainText, event, parts)
}

fn read(form: Form, name: &'static str, parts: Parts) -> Result<Message, MessageError> {
    let missing = |field| MessageError::Missing { event: name, field };
    let event = match name {
        "MEDIA_START" => Event::Start(MediaStart {
            format: parts.format.ok_or(missing("format"))?,
            optimal_frame_size: parts.optimal_frame_size.ok_or(missing("optimal_frame_size"))?,
            ptime: parts.ptime,
        }),
        "DTMF_END" => {
            let digit = parts.digit.ok_or(missing("digit"))?;
            let mut keys = digit.chars();
            let key = keys.next().filter(|key| key.is_ascii_digit() || *key == '*' || *key == '#');
            Event::Key(key.filter(|_| keys.next().is_none()))
        }
        "MEDIA_MARK_PROCESSED" => Event::MarkProcessed(parts.correlation_id.ok_or(missing("correlation_id"))?),
        "MEDIA_BUFFERING_COMPLETED" => Event::BufferingCompleted(parts.correlation_id.unwrap_or_default()),
        "MEDIA_XOFF" => Event::Xoff,
        "MEDIA_XON" => Event::Xon,
        "QUEUE_DRAINED" => Event::QueueDrained,
        "STATUS" => Event::Status,
        _ => Event::Error { passthrough: parts.error_text.is_some_and(|text| text.contains("passthrough")) },
    };
    Ok(Message { form, channel_id: parts.channel_id, event })
}

/// What Asterisk is told. A command of more than 128 bytes is ignored there, with a line in its log alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command<'a> {
    Answer,
    HangUp,
    StartBuffering,
    /// Ends the buffer, and is reported when all in it has been played.
    StopBuffering(&'a str),
    Mark(&'a str),
    Flush,
    Continue,
}

#[derive(Serialize)]
struct JsonCommand<'a> {
    command: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    correlation_id: &'a str,
}

impl Command<'_> {
    /// As the peer reads it.
    pub(super) fn text(self, form: Form) -> String {
        let (command, correlation_id) = match self {
            Command::Answer => ("ANSWER", ""),
            Command::HangUp => ("HANGUP", ""),
            Command::StartBuffering => ("START_MEDIA_BUFFERING", ""),
            Command::StopBuffering(id) => ("STOP_MEDIA_BUFFERING", id),
            Command::Mark(id) => ("MARK_MEDIA", id),
            Command::Flush => ("FLUSH_MEDIA", ""),
            Command::Continue => ("CONTINUE_MEDIA", ""),
        };
        match form {
            // Text in a struct has no way to fail in JSON.
            #[allow(clippy::expect_used)]
            Form::Json => {
                serde_json::to_string(&JsonCommand { command, correlation_id }).expect("text in a struct is always JSON")
            }
            Form::PlainText if correlation_id.is_empty() => command.to_owned(),
            Form::PlainText => format!("{command} {correlation_id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest that Asterisk reads.
    const COMMAND_BYTES: usize = 128;

    #[test]
    fn commands_are_written_as_the_peer_reads_them() {
        let cases = [
            (Command::Answer, r#"{"command":"ANSWER"}"#, "ANSWER"),
            (Command::Mark("0.1"), r#"{"command":"MARK_MEDIA","correlation_id":"0.1"}"#, "MARK_MEDIA 0.1"),
            (Command::StopBuffering(""), r#"{"command":"STOP_MEDIA_BUFFERING"}"#, "STOP_MEDIA_BUFFERING"),
            (Command::Flush, r#"{"command":"FLUSH_MEDIA"}"#, "FLUSH_MEDIA"),
        ];
        for (command, json, plain) in cases {
            assert_eq!((command.text(Form::Json).as_str(), command.text(Form::PlainText).as_str()), (json, plain));
        }
    }

    #[test]
    fn the_longest_command_is_one_that_asterisk_reads() {
        let longest = format!("{}.{}", u64::MAX, u64::MAX);
        for command in [Command::StopBuffering(&longest), Command::Mark(&longest)] {
            assert!(command.text(Form::Json).len() <= COMMAND_BYTES && command.text(Form::PlainText).len() <= COMMAND_BYTES);
        }
    }
}
