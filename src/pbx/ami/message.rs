//! The lines of the manager interface: a banner, then messages of `Key: Value` lines, each ended by an empty one.

use std::fmt::Write;
use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};
use zeroize::Zeroizing;

/// What Asterisk says before anything else, up to its version.
const BANNER: &str = "Asterisk Call Manager/";
/// The longest line that Asterisk reads is 1024 bytes with its end; the key is a part of it.
const LONGEST_LINE: usize = 1_000;
/// The longest message that is read, in bytes: more than any answer to what is asked here.
const LONGEST_MESSAGE: usize = 64 << 10;
/// The most lines that a message is read with.
const MOST_LINES: usize = 512;

/// Something that Asterisk said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pbx) enum Incoming {
    /// The first line of a connection.
    Banner,
    /// A response or an event.
    Message(Message),
}

/// A response or an event: keys and values in their order.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::pbx) struct Message(Vec<(String, String)>);

impl Message {
    /// The first value of a key, whatever its letters' case.
    pub(in crate::pbx) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    /// Whether it is a response that says that the action was carried out.
    pub(in crate::pbx) fn is_success(&self) -> bool {
        self.get("Response").is_some_and(|response| response.eq_ignore_ascii_case("Success"))
    }
}

/// The keys: values may be a caller's.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// An order to Asterisk. It exists only with values that are one line each, so that none can be read as a line of its own.
#[derive(Clone)]
pub(in crate::pbx) struct Action {
    name: &'static str,
    fields: Vec<(&'static str, Zeroizing<String>)>,
}

/// A value that Asterisk would read as something else than a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value of {key} cannot be sent: it is longer than a line of Asterisk's, or holds the end of one")]
pub(in crate::pbx) struct NotALine {
    key: &'static str,
}

impl Action {
    pub(in crate::pbx) fn new(name: &'static str) -> Action {
        Action { name, fields: Vec::new() }
    }

    /// With one more field.
    pub(in crate::pbx) fn with(mut self, key: &'static str, value: &str) -> Result<Action, NotALine> {
        let whole = value.bytes().all(|byte| byte != b'\r' && byte != b'\n' && byte != 0);
        if !whole || key.len() + 2 + value.len() > LONGEST_LINE {
            return Err(NotALine { key });
        }
        self.fields.push((key, Zeroizing::new(value.to_owned())));
        Ok(self)
    }
}

/// The name alone: values may be a caller's, or the secret.
impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({})", self.name)
    }
}

/// Why what came cannot be a manager's.
#[derive(Debug, thiserror::Error)]
pub(in crate::pbx) enum CodecError {
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another program listens there.
    #[error("it does not begin as Asterisk's manager interface does")]
    NotAsterisk,
    /// A message without an end.
    #[error("a message is longer than any of Asterisk's")]
    TooLong,
}

/// Reads [`Incoming`], writes an [`Action`] under its id.
#[derive(Debug, Default)]
pub(in crate::pbx) struct Codec {
    greeted: bool,
    /// Up to where the buffer has been looked through for a line's end.
    seen: usize,
    bytes: usize,
    message: Message,
}

impl Codec {
    /// The next line without its end.
    fn line(&mut self, buffer: &mut BytesMut) -> Result<Option<String>, CodecError> {
        let Some(end) = buffer[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.seen = buffer.len();
            return if self.bytes + buffer.len() > LONGEST_MESSAGE { Err(CodecError::TooLong) } else { Ok(None) };
        };
        let line = buffer.split_to(self.seen + end);
        buffer.advance(1);
        self.seen = 0;
        self.bytes += line.len() + 1;
        if self.bytes > LONGEST_MESSAGE {
            return Err(CodecError::TooLong);
        }
        Ok(Some(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned()))
    }
}

impl Decoder for Codec {
    type Item = Incoming;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, CodecError> {
        // What is shorter already cannot be a greeting any more.
        if !self.greeted && !buffer.iter().zip(BANNER.as_bytes()).all(|(came, expected)| came == expected) {
            return Err(CodecError::NotAsterisk);
        }
        while let Some(line) = self.line(buffer)? {
            if !self.greeted {
                self.greeted = true;
                self.bytes = 0;
                return if line.starts_with(BANNER) { Ok(Some(Incoming::Banner)) } else { Err(CodecError::NotAsterisk) };
            }
            if line.is_empty() {
                self.bytes = 0;
                let message = std::mem::take(&mut self.message);
                if !message.0.is_empty() {
                    return Ok(Some(Incoming::Message(message)));
                }
                continue;
            }
            // Lines of another form are a command's output, which is never asked for.
            if let Some((key, value)) = line.split_once(':') {
                if self.message.0.len() >= MOST_LINES {
                    return Err(CodecError::TooLong);
                }
                self.message.0.push((key.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Ok(None)
    }

    /// What has no end when the connection ends is nothing.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, CodecError> {
        let whole = self.decode(buffer)?;
        if whole.is_none() {
            buffer.clear();
        }
        Ok(whole)
    }
}

impl Encoder<(&str, &Action)> for Codec {
    type Error = CodecError;

    fn encode(&mut self, (id, action): (&str, &Action), buffer: &mut BytesMut) -> Result<(), CodecError> {
        // Writing into memory does not fail.
        let _ = write!(buffer, "Action: {}\r\nActionID: {id}\r\n", action.name);
        for (key, value) in &action.fields {
            let _ = write!(buffer, "{key}: {}\r\n", value.as_str());
        }
        let _ = write!(buffer, "\r\n");
        Ok(())
    }
}

/// Reads what a manager says, for fuzzing and for a test that does the same in a small way.
///
/// # Panics
/// When what comes of it is longer than what was said, or depends on how it was cut into pieces.
#[cfg(any(fuzzing, test))]
pub fn ami_message(bytes: &[u8]) {
    let read = |size: usize| {
        let (mut codec, mut buffer, mut all) = (Codec::default(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(size.max(1)) {
            buffer.extend_from_slice(piece);
            loop {
                match codec.decode(&mut buffer) {
                    Ok(Some(incoming)) => all.push(incoming),
                    Ok(None) => break,
                    Err(_) => return (all, true),
                }
            }
        }
        (all, false)
    };
    let (whole, failed) = read(bytes.len());
    assert_eq!((&whole, failed), (&read(1).0, read(1).1));
    let said: usize =
        whole.iter().map(|incoming| if let Incoming::Message(message) = incoming { message.0.len() } else { 1 }).sum();
    assert!(said <= bytes.iter().filter(|byte| **byte == b'\n').count());
    for incoming in &whole {
        let Incoming::Message(message) = incoming else { continue };
        assert!(!message.0.is_empty() && message.0.len() <= MOST_LINES);
        assert!(message.0.iter().all(|(key, value)| !key.contains('\n') && !value.contains('\n')));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(action: &Action) -> String {
        let mut buffer = BytesMut::new();
        Codec::default().encode(("candor-1", action), &mut buffer).unwrap();
        String::from_utf8(buffer.to_vec()).unwrap()
    }

    fn read(text: &str) -> Vec<Incoming> {
        let (mut codec, mut buffer, mut all) = (Codec::default(), BytesMut::from(text), Vec::new());
        while let Some(incoming) = codec.decode(&mut buffer).unwrap() {
            all.push(incoming);
        }
        all
    }

    #[test]
    fn an_action_is_written_as_the_protocol_has_it() {
        let action = Action::new("Setvar").with("Channel", "1795909069.1").unwrap().with("Variable", "__CANDOR_REASON").unwrap();
        let action = action.with("Value", "no-match").unwrap();
        let expected = "Action: Setvar\r\nActionID: candor-1\r\nChannel: 1795909069.1\r\nVariable: __CANDOR_REASON\r\nValue: no-match\r\n\r\n";
        assert_eq!(written(&action), expected);
    }

    #[test]
    fn no_value_becomes_a_line_of_its_own() {
        for value in ["x\r\nAction: Originate", "x\nAction: Originate", "x\r", "\0"] {
            assert_eq!(Action::new("Setvar").with("Value", value).unwrap_err(), NotALine { key: "Value" }, "{value:?}");
        }
        assert!(Action::new("Setvar").with("Value", &"7".repeat(993)).is_ok());
        assert!(Action::new("Setvar").with("Value", &"7".repeat(994)).is_err());
    }

    #[test]
    fn answers_are_read_in_whatever_pieces_they_come() {
        let text = "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: candor-1\r\nMessage: Variable Set\r\n\r\n";
        let all = read(text);
        assert_eq!(all.len(), 2);
        let Incoming::Message(message) = &all[1] else { panic!("{all:?}") };
        assert!(message.is_success());
        assert_eq!((message.get("actionid"), message.get("Message")), (Some("candor-1"), Some("Variable Set")));
        assert_eq!(message.get("Value"), None);
        ami_message(text.as_bytes());
    }

    #[test]
    fn another_program_is_told_apart_by_its_first_bytes() {
        let mut codec = Codec::default();
        assert!(codec.decode(&mut BytesMut::from("Asterisk Call Man")).unwrap().is_none());
        for first in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP", "\r\n", "asterisk"] {
            let came = Codec::default().decode(&mut BytesMut::from(first));
            assert!(matches!(came, Err(CodecError::NotAsterisk)), "{first:?}");
        }
    }

    #[test]
    fn a_message_without_an_end_is_not_gathered_for_ever() {
        let mut long = BytesMut::from("Asterisk Call Manager/11.0.0\r\n");
        long.extend_from_slice(&vec![b'x'; LONGEST_MESSAGE + 1]);
        let mut codec = Codec::default();
        assert_eq!(codec.decode(&mut long).unwrap(), Some(Incoming::Banner));
        assert!(matches!(codec.decode(&mut long), Err(CodecError::TooLong)));
        let mut many = BytesMut::from("Asterisk Call Manager/11.0.0\r\n");
        many.extend_from_slice("a: b\r\n".repeat(MOST_LINES + 1).as_bytes());
        let mut codec = Codec::default();
        codec.decode(&mut many).unwrap();
        assert!(matches!(codec.decode(&mut many), Err(CodecError::TooLong)));
    }

    #[test]
    fn nothing_shows_what_is_a_callers() {
        let action = Action::new("Setvar").with("Value", "81726354").unwrap();
        assert_eq!(format!("{action:?}"), "Action(Setvar)");
        let shown = format!("{:?}", read("Asterisk Call Manager/11\r\nValue: 81726354\r\n\r\n"));
        assert!(!shown.contains("81726354"), "{shown}");
    }

    const SEEDS: &[&str] = &[
        include_str!("../../../fuzz/corpus/ami_message/login"),
        include_str!("../../../fuzz/corpus/ami_message/orders"),
        include_str!("../../../fuzz/corpus/ami_message/events"),
    ];

    proptest! {
        #[test]
        fn whatever_comes_is_read_the_same_in_whatever_pieces(seed in prop::sample::select(SEEDS), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12)) {
            let mut bytes = seed.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            ami_message(&bytes);
        }
    }
}
