//! What the messages of a started stream mean, and how something is said in it.

use axum::extract::ws::Message as Frame;

use super::leg::{COUNTS, Reader, Violation};
use super::message::{self, Event};
use crate::transport::feed::Feed;
use crate::transport::marks::SharedMarks;
use crate::transport::socket::{End, Hears, Says};
use crate::transport::{Inbound, Outbound, PeerEnd};

/// From Twilio.
pub(super) struct Hearing<'a> {
    reader: Reader,
    stream_sid: &'a str,
    marks: &'a SharedMarks,
    last_chunk: Option<u64>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(reader: Reader, stream_sid: &'a str, marks: &'a SharedMarks) -> Hearing<'a> {
        Hearing { reader, stream_sid, marks, last_chunk: None }
    }
}

impl Hears for Hearing<'_> {
    type Violation = Violation;

    fn hear(&mut self, message: Frame, session: &mut Feed) -> Result<(), End<Violation>> {
        let Some(message) = self.reader.message(message)? else { return Ok(()) };
        if message.stream_sid.is_some_and(|named| named != self.stream_sid) {
            return Err(Violation::OtherStream.into());
        }
        match message.event {
            Event::Media { inbound: true, chunk, payload, .. } => {
                // Sound that comes late is of no use any more: the session has heard what follows it.
                if self.last_chunk.is_some_and(|last| chunk <= last) {
                    (COUNTS.ignored)("late-sound");
                    return Ok(());
                }
                self.last_chunk = Some(chunk);
                if !payload.is_empty() {
                    session.sound(Inbound::Audio(payload));
                }
            }
            Event::Media { .. } => (COUNTS.ignored)("other-track"),
            Event::Dtmf(Some(key)) => session.tell(Inbound::Key(key)),
            Event::Dtmf(None) => (COUNTS.ignored)("other-key"),
            Event::Mark(name) => match self.marks.lock().played(&name) {
                Some(mark) => session.tell(Inbound::Played(mark)),
                None => (COUNTS.ignored)("unknown-mark"),
            },
            Event::Stop => return Err(End::Peer(PeerEnd::HungUp)),
            event => return Err(Violation::OutOfPlace(event.name()).into()),
        }
        Ok(())
    }
}

/// To Twilio, which names no limit to the sound of a message.
pub(super) struct Saying<'a> {
    stream_sid: &'a str,
    marks: &'a SharedMarks,
}

impl<'a> Saying<'a> {
    pub(super) fn new(stream_sid: &'a str, marks: &'a SharedMarks) -> Saying<'a> {
        Saying { stream_sid, marks }
    }
}

impl Says for Saying<'_> {
    type Violation = Violation;

    fn say(&mut self, said: Outbound, messages: &mut Vec<Frame>) -> Result<(), End<Violation>> {
        let message = match said {
            Outbound::Audio(sound) => message::media(self.stream_sid, &sound),
            Outbound::Mark(mark) => message::mark(self.stream_sid, &self.marks.lock().sent(mark)),
            Outbound::Clear => {
                self.marks.clear();
                message::clear(self.stream_sid)
            }
            Outbound::Tell(_) | Outbound::End => return Ok(()),
        };
        messages.push(Frame::Text(message.into()));
        Ok(())
    }
}
