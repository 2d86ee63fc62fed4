//! What the messages of a started leg mean, and how something is said in it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Message as Frame;
use bytes::Bytes;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::MarkCommand;
use super::leg::{COUNTS, Violation, count_of};
use super::message::{Command, Event, Form, Message};
use crate::transport::feed::Feed;
use crate::transport::marks::SharedMarks;
use crate::transport::socket::{End, Hears, Says};
use crate::transport::wire_sound::WireSound;
use crate::transport::{Inbound, Outbound};

/// The most sound in one message, in bytes: Asterisk drops the connection at more than 65,500.
const MESSAGE: usize = 64_000;
/// How much sound is held while Asterisk takes none, in bytes of μ-law: ten seconds.
const HELD: usize = 80_000;
/// The name of the mark that finds out whether there are marks.
const PROBE: &str = "probe";

/// What both directions of a leg know.
pub(super) struct Shared {
    pub(super) marks: SharedMarks,
    /// Each direction uses a half of its own. Locked for one piece of sound, never across a wait.
    sound: Mutex<WireSound>,
    peer: Mutex<Peer>,
    /// Wakes the writing direction.
    changed: Notify,
}

/// What has been heard of the peer.
struct Peer {
    /// Its queue is full.
    full: bool,
    /// It answers `MARK_MEDIA`.
    marks: bool,
    /// Whether it was found out, and not configured.
    probed: bool,
    /// A command was refused: marks on their way may never come back.
    refused: bool,
}

impl Shared {
    pub(super) fn new(marks: SharedMarks, sound: WireSound, command: MarkCommand) -> Shared {
        let peer =
            Peer { full: false, marks: command == MarkCommand::Mark, probed: command == MarkCommand::Auto, refused: false };
        Shared { marks, sound: Mutex::new(sound), peer: Mutex::new(peer), changed: Notify::new() }
    }

    fn sound(&self) -> MutexGuard<'_, WireSound> {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a look, never across a wait.
    fn peer(&self) -> MutexGuard<'_, Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self) -> bool {
        self.peer().full
    }
}

/// From Asterisk.
pub(super) struct Hearing<'a> {
    shared: &'a Shared,
    channel_id: Option<String>,
    /// The count of frames, looked up once: there are fifty a second.
    frames: metrics::Counter,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(shared: &'a Shared, channel_id: Option<String>) -> Hearing<'a> {
        Hearing { shared, channel_id, frames: count_of("binary") }
    }

    fn played(&self, name: &str, session: &mut Feed) {
        match self.shared.marks.lock().played(name) {
            Some(mark) => session.tell(Inbound::Played(mark)),
            None => (COUNTS.ignored)("unknown-mark"),
        }
    }
}

impl Hears for Hearing<'_> {
    type Violation = Violation;

    fn hear(&mut self, message: Frame, session: &mut Feed) -> Result<(), End<Violation>> {
        let text = match message {
            Frame::Binary(wire) => {
                self.frames.increment(1);
                let sound = self.shared.sound().inward(&wire);
                if !sound.is_empty() {
                    // Wiped when the last of its holders is done.
                    session.sound(Inbound::Audio(Bytes::from_owner(Zeroizing::new(sound.to_vec()))));
                }
                return Ok(());
            }
            Frame::Text(text) => text,
            _ => return Ok(()),
        };
        let message = Message::parse(text.as_str()).map_err(Violation::from)?;
        count_of(message.event.name()).increment(1);
        let other = |named: &String| self.channel_id.as_ref().is_some_and(|ours| ours != named);
        if message.channel_id.as_ref().is_some_and(other) {
            return Err(Violation::OtherChannel.into());
        }
        match message.event {
            Event::Key(Some(key)) => session.tell(Inbound::Key(key)),
            Event::Key(None) => (COUNTS.ignored)("other-key"),
            Event::MarkProcessed(name) if name == PROBE => {
                let mut peer = self.shared.peer();
                peer.marks |= peer.probed;
            }
            // A buffer that ended so that a mark comes behind all of its sound has no name.
            Event::BufferingCompleted(name) if name == PROBE || name.is_empty() => {}
            Event::MarkProcessed(name) | Event::BufferingCompleted(name) => self.played(&name, session),
            Event::Xoff => self.shared.peer().full = true,
            Event::Xon => {
                self.shared.peer().full = false;
                self.shared.changed.notify_one();
            }
            Event::QueueDrained | Event::Status | Event::Unknown => {}
            Event::Error { passthrough: true } => return Err(Violation::Passthrough.into()),
            Event::Error { passthrough: false } => {
                (COUNTS.ignored)("error");
                let mut peer = self.shared.peer();
                if peer.probed && peer.marks {
                    (peer.marks, peer.probed, peer.refused) = (false, false, true);
                    self.shared.changed.notify_one();
                }
            }
            event @ Event::Start(_) => return Err(Violation::OutOfPlace(event.name()).into()),
        }
        Ok(())
    }
}

/// What waits until Asterisk takes sound again.
enum Held {
    Sound(Bytes),
    Mark(String),
}

/// To Asterisk.
pub(super) struct Saying<'a> {
    shared: &'a Shared,
    form: Form,
    frame_bytes: usize,
    /// How many bytes of the last frame lie in Asterisk's buffer, which it plays when they are a frame or the buffer ends.
    left_over: usize,
    held: VecDeque<Held>,
    held_bytes: usize,
}

impl<'a> Saying<'a> {
    pub(super) fn new(shared: &'a Shared, form: Form, frame_bytes: usize) -> Saying<'a> {
        Saying { shared, form, frame_bytes, left_over: 0, held: VecDeque::new(), held_bytes: 0 }
    }

    fn command(&self, command: Command<'_>, messages: &mut Vec<Frame>) {
        messages.push(Frame::Text(command.text(self.form).into()));
    }

    fn send_sound(&mut self, ulaw: &Bytes, messages: &mut Vec<Frame>) {
        let mut wire = self.shared.sound().outward(ulaw);
        self.left_over = (self.left_over + wire.len()) % self.frame_bytes.max(1);
        while !wire.is_empty() {
            messages.push(Frame::Binary(wire.split_to(wire.len().min(MESSAGE))));
        }
    }

    fn send_mark(&mut self, name: &str, messages: &mut Vec<Frame>) {
        let marks = self.shared.peer().marks;
        // A mark overtakes what is less than a frame, unless the buffer ends before it.
        if !marks || self.left_over > 0 {
            self.command(Command::StopBuffering(if marks { "" } else { name }), messages);
            self.command(Command::StartBuffering, messages);
            self.left_over = 0;
        }
        if marks {
            self.command(Command::Mark(name), messages);
        }
    }

    fn hold(&mut self, held: Held) -> Result<(), End<Violation>> {
        if let Held::Sound(ulaw) = &held {
            self.held_bytes += ulaw.len();
        }
        self.held.push_back(held);
        if self.held_bytes > HELD { Err(Violation::NotPlaying.into()) } else { Ok(()) }
    }
}

impl Says for Saying<'_> {
    type Violation = Violation;

    /// A leg that was dialled without an automatic answer plays nothing before it is answered; the others take a second answer for none.
    fn begin(&mut self, messages: &mut Vec<Frame>) {
        self.command(Command::Answer, messages);
        if self.shared.peer().probed {
            // Both come back in this order, or the second alone from a version that has no marks.
            self.command(Command::Mark(PROBE), messages);
            self.command(Command::StopBuffering(PROBE), messages);
        }
        // Without a buffer Asterisk drops what is less than a frame.
        self.command(Command::StartBuffering, messages);
    }

    fn say(&mut self, said: Outbound, messages: &mut Vec<Frame>) -> Result<(), End<Violation>> {
        let full = self.shared.is_full() || !self.held.is_empty();
        match said {
            Outbound::Audio(ulaw) if full => return self.hold(Held::Sound(ulaw)),
            Outbound::Audio(ulaw) => self.send_sound(&ulaw, messages),
            Outbound::Mark(mark) => {
                let name = self.shared.marks.lock().sent(mark);
                if full {
                    return self.hold(Held::Mark(name));
                }
                self.send_mark(&name, messages);
            }
            Outbound::Clear => {
                self.shared.marks.clear();
                self.held.clear();
                self.held_bytes = 0;
                self.left_over = 0;
                self.command(Command::Flush, messages);
                // A flush ends the buffer, and does not end a pause.
                self.command(Command::Continue, messages);
                self.command(Command::StartBuffering, messages);
            }
            Outbound::Tell(_) | Outbound::End => {}
        }
        Ok(())
    }

    async fn woken(&self) {
        self.shared.changed.notified().await;
    }

    fn act(&mut self, messages: &mut Vec<Frame>) {
        let shared = self.shared;
        if std::mem::take(&mut shared.peer().refused) {
            let held = |name: &String| self.held.iter().any(|held| matches!(held, Held::Mark(waits) if waits == name));
            let sent: Vec<String> = shared.marks.lock().outstanding().into_iter().filter(|name| !held(name)).collect();
            sent.iter().for_each(|name| self.send_mark(name, messages));
        }
        while !shared.is_full()
            && let Some(held) = self.held.pop_front()
        {
            match held {
                Held::Sound(ulaw) => {
                    self.held_bytes -= ulaw.len();
                    self.send_sound(&ulaw, messages);
                }
                Held::Mark(name) => self.send_mark(&name, messages),
            }
        }
    }
}
