use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A message from Twilio (twilio.com/docs/voice/media-streams/websocket-messages).
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Its place in the stream; `connected` has none.
    pub sequence: Option<u64>,
    /// The stream it belongs to; `connected` has none.
    pub stream_sid: Option<String>,
    /// What it says.
    pub event: Event,
}

/// What a message from Twilio says.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The first message.
    Connected {
        /// `Call`.
        protocol: Option<String>,
        /// `1.0.0`.
        version: Option<String>,
    },
    /// The second: what this stream is.
    Start {
        /// Twilio's id of the call.
        call_sid: String,
        /// Twilio's id of the stream; equals the message's own.
        stream_sid: String,
        /// How sound is encoded.
        format: MediaFormat,
        /// The `<Parameter>`s of the TwiML.
        parameters: BTreeMap<String, String>,
    },
    /// Sound.
    Media {
        /// Whether it is the caller's: the `inbound` track.
        inbound: bool,
        /// Its place in the track, from 1.
        chunk: u64,
        /// When it was said, in milliseconds since the stream began.
        timestamp: Option<u64>,
        /// The sound itself.
        payload: Bytes,
    },
    /// A key; `None` for one that a telephone's keypad does not have.
    Dtmf(Option<char>),
    /// A mark of ours came back, under its name.
    Mark(String),
    /// The stream is over.
    Stop,
    /// An event that this version does not know.
    Unknown,
}

impl Event {
    /// The event's name, fit for a label.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Connected { .. } => "connected",
            Event::Start { .. } => "start",
            Event::Media { .. } => "media",
            Event::Dtmf(_) => "dtmf",
            Event::Mark(_) => "mark",
            Event::Stop => "stop",
            Event::Unknown => "unknown",
        }
    }
}

/// Never shows sound, keys or parameters.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, sequence {:?})", self.event.name(), self.sequence)
    }
}

/// Never shows sound, keys or parameters.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sound is encoded in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFormat {
    /// `audio/x-mulaw`.
    pub encoding: String,
    /// In Hz.
    pub sample_rate: u64,
    /// 1.
    pub channels: u64,
}

impl MediaFormat {
    /// Whether it is μ-law, 8000 Hz, one channel: the one format of Media Streams.
    pub fn is_mulaw(&self) -> bool {
        self.encoding == "audio/x-mulaw" && self.sample_rate == 8000 && self.channels == 1
    }
}

/// A message that cannot be read. Says what is wrong where, and never quotes what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not JSON, or not an object with an `event`.
    #[error("a message is not a JSON object with an `event` (column {column})")]
    NotAMessage {
        /// Where reading stopped.
        column: usize,
    },
    /// A part has another type than it should.
    #[error("a `{event}` message has a part of the wrong type (column {column})")]
    WrongType {
        /// The event.
        event: &'static str,
        /// Where reading stopped.
        column: usize,
    },
    /// A part is missing.
    #[error("a `{event}` message has no `{field}`")]
    Missing {
        /// The event.
        event: &'static str,
        /// The missing part.
        field: &'static str,
    },
    /// The sound is not base64.
    #[error("the payload of a `media` message is not base64")]
    Payload,
}

impl Message {
    /// Reads one text message.
    pub fn parse(text: &str) -> Result<Message, MessageError> {
        // An array would be read as the parts of an object in order.
        if !text.trim_start().starts_with('{') {
            return Err(MessageError::NotAMessage { column: 1 });
        }
        let unknown = || Message { sequence: None, stream_sid: None, event: Event::Unknown };
        let error = match serde_json::from_str::<Wire>(text) {
            Ok(wire) => return known(&wire.event.0).map_or_else(|| Ok(unknown()), |event| wire.read(event)),
            Err(error) => error,
        };
        // What an event that we do not know consists of is not ours to judge.
        let name: Name = serde_json::from_str(text).map_err(|error| MessageError::NotAMessage { column: error.column() })?;
        known(&name.event.0).map_or_else(|| Ok(unknown()), |event| Err(MessageError::WrongType { event, column: error.column() }))
    }
}

fn known(event: &str) -> Option<&'static str> {
    ["media", "mark", "dtmf", "connected", "start", "stop"].into_iter().find(|known| *known == event)
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    event: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    sequence_number: Option<Number>,
    stream_sid: Option<String>,
    protocol: Option<String>,
    version: Option<String>,
    start: Option<WireStart>,
    #[serde(borrow)]
    media: Option<WireMedia<'a>>,
    dtmf: Option<WireDtmf>,
    mark: Option<WireMark>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStart {
    call_sid: Option<String>,
    stream_sid: Option<String>,
    media_format: Option<WireFormat>,
    custom_parameters: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireFormat {
    encoding: Option<String>,
    sample_rate: Option<Number>,
    channels: Option<Number>,
}

#[derive(Deserialize)]
struct WireMedia<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    chunk: Option<Number>,
    timestamp: Option<Number>,
    #[serde(borrow)]
    payload: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct WireDtmf {
    digit: Option<String>,
}

#[derive(Deserialize)]
struct WireMark {
    name: Option<String>,
}

impl Wire<'_> {
    fn read(self, event: &'static str) -> Result<Message, MessageError> {
        let missing = |field| MessageError::Missing { event, field };
        let sequence = self.sequence_number.map(|number| number.0);
        let stream_sid = self.stream_sid;
        let event = match event {
            "connected" => Event::Connected { protocol: self.protocol, version: self.version },
            "start" => {
                let start = self.start.ok_or(missing("start"))?;
                let format = start.media_format.ok_or(missing("start.mediaFormat"))?;
                let stream_sid = start.stream_sid.or_else(|| stream_sid.clone()).ok_or(missing("streamSid"))?;
                Event::Start {
                    call_sid: start.call_sid.ok_or(missing("start.callSid"))?,
                    stream_sid,
                    format: MediaFormat {
                        encoding: format.encoding.ok_or(missing("start.mediaFormat.encoding"))?,
                        sample_rate: format.sample_rate.ok_or(missing("start.mediaFormat.sampleRate"))?.0,
                        channels: format.channels.map_or(1, |channels| channels.0),
                    },
                    parameters: start.custom_parameters.unwrap_or_default(),
                }
            }
            "media" => {
                let media = self.media.ok_or(missing("media"))?;
                let payload = media.payload.ok_or(missing("media.payload"))?;
                Event::Media {
                    inbound: media.track.is_none_or(|track| track.0 == "inbound"),
                    chunk: media.chunk.ok_or(missing("media.chunk"))?.0,
                    timestamp: media.timestamp.map(|timestamp| timestamp.0),
                    // Wiped when the last of its holders is done.
                    payload: Bytes::from_owner(Zeroizing::new(
                        STANDARD.decode(payload.0.as_bytes()).map_err(|_| MessageError::Payload)?,
                    )),
                }
            }
            "dtmf" => {
                let digit = self.dtmf.and_then(|dtmf| dtmf.digit).ok_or(missing("dtmf.digit"))?;
                let mut keys = digit.chars();
                let key = keys.next().filter(|key| key.is_ascii_digit() || *key == '*' || *key == '#');
                Event::Dtmf(key.filter(|_| keys.next().is_none()))
            }
            "mark" => Event::Mark(self.mark.and_then(|mark| mark.name).ok_or(missing("mark.name"))?),
            _ => Event::Stop,
        };
        Ok(Message { sequence, stream_sid, event })
    }
}

/// Text that stays where it is in the message, unless JSON escapes have to be undone.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A whole number, which Twilio writes as text (`"3"`) in some places and as a number in others.
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::custom("not a whole number"))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
enum Outgoing<'a> {
    #[serde(rename_all = "camelCase")]
    Mark { stream_sid: &'a str, mark: OutgoingMark<'a> },
    #[serde(rename_all = "camelCase")]
    Clear { stream_sid: &'a str },
}

#[derive(Serialize)]
struct OutgoingMark<'a> {
    name: &'a str,
}

impl Outgoing<'_> {
    fn json(&self) -> String {
        // Text and structs have no way to fail in JSON.
        #[allow(clippy::expect_used)]
        serde_json::to_string(self).expect("text in structs is always JSON")
    }
}

/// A `media` message: `sound` for the caller, raw μ-law. Fifty a second of each call: written in one piece, which it can be because neither base64
/// nor a `stream_sid` ([`super::webhook::is_sid`]) holds anything that JSON would escape.
pub(super) fn media(stream_sid: &str, sound: &[u8]) -> String {
    const AROUND: [&str; 3] = [r#"{"event":"media","streamSid":""#, r#"","media":{"payload":""#, r#""}}"#];
    let around: usize = AROUND.iter().map(|part| part.len()).sum();
    let mut message = String::with_capacity(around + stream_sid.len() + sound.len().div_ceil(3) * 4);
    message.push_str(AROUND[0]);
    message.push_str(stream_sid);
    message.push_str(AROUND[1]);
    STANDARD.encode_string(sound, &mut message);
    message.push_str(AROUND[2]);
    message
}

/// A `mark` message: report `name` when everything before it has been played.
pub(super) fn mark(stream_sid: &str, name: &str) -> String {
    Outgoing::Mark { stream_sid, mark: OutgoingMark { name } }.json()
}

/// A `clear` message: throw away what has not been played.
pub(super) fn clear(stream_sid: &str) -> String {
    Outgoing::Clear { stream_sid }.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outgoing_messages_are_as_documented() {
        assert_eq!(media("MZ1", &[0xff, 0x7f]), r#"{"event":"media","streamSid":"MZ1","media":{"payload":"/38="}}"#);
        assert_eq!(mark("MZ1", "0.1"), r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"0.1"}}"#);
        assert_eq!(clear("MZ1"), r#"{"event":"clear","streamSid":"MZ1"}"#);
    }
}
