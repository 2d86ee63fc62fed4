//! One leg: the WebSocket, the channel's own 20 ms clock, its queue and its reports.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};

use super::super::account::{Account, Happening, Mark, MarkReturn};
use super::super::heard::is_audible;
use super::super::playout::{self, FRAME_BYTES, SILENCE};
use super::super::speaking::{Speaking, Words};
use super::super::stream::{Command as Act, StreamEnd};
use super::super::{FramesSent, MarkAnswers};
use super::Asterisk;
use super::protocol::{Command, EventWriter, LONGEST_SOUND, read};
use super::queue::{FrameQueue, Report};

/// The channel's clock.
const TICK: Duration = Duration::from_millis(20);
/// A server that takes no message for this long has left.
const STALLED: Duration = Duration::from_secs(5);
/// How long a server may take to answer our closing.
const CLOSING: Duration = Duration::from_secs(2);

/// What a leg is told of its call.
pub(super) struct LegSettings<'a> {
    pub account: &'a Account,
    pub asterisk: &'a Asterisk,
    pub channel_id: String,
    pub frames: FramesSent,
    pub line_noise: &'a [u8],
    pub mark_answers: MarkAnswers,
    pub deadline: Instant,
}

/// A mark as the account knows it: its number, if sound came before it.
struct Named {
    id: String,
    index: Option<usize>,
}

/// A running leg.
pub(super) struct Leg<'a> {
    socket: WebSocketStream<TcpStream>,
    settings: LegSettings<'a>,
    writer: EventWriter,
    queue: FrameQueue,
    speaking: Speaking<'a>,
    marks: Vec<Named>,
    /// Sound has come since the last mark.
    sound_since_mark: bool,
    answered: bool,
    /// The server has hung the leg up.
    hung_up: bool,
}

impl<'a> Leg<'a> {
    pub fn new(socket: WebSocketStream<TcpStream>, settings: LegSettings<'a>) -> Self {
        Self {
            socket,
            writer: EventWriter { speaks: settings.asterisk.speaks, channel_id: settings.channel_id.clone() },
            queue: FrameQueue::new(settings.asterisk.format.frame()),
            speaking: Speaking::new(settings.frames, settings.line_noise),
            marks: Vec::new(),
            sound_since_mark: false,
            answered: settings.asterisk.answers,
            hung_up: false,
            settings,
        }
    }

    /// Runs the leg to its end, whoever brings it about.
    pub async fn run(mut self, commands: &mut mpsc::Receiver<Act>) -> StreamEnd {
        let account = self.settings.account;
        let start = self.writer.start(self.settings.asterisk.format);
        if !self.send(Message::text(start)).await {
            return StreamEnd::Server;
        }
        account.write(|state| state.heard.stream_begins(account.now()));
        account.happens(Happening::StreamOpened);
        let mut clock = interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let deadline = self.settings.deadline;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => {
                    self.close().await;
                    return StreamEnd::Limit;
                }
                command = commands.recv() => match command {
                    None | Some(Act::HangUp) => {
                        account.happens(Happening::HungUp);
                        self.close().await;
                        return StreamEnd::HungUp;
                    }
                    Some(Act::Drop) => {
                        account.happens(Happening::Dropped);
                        return StreamEnd::Dropped;
                    }
                    Some(command) => if !self.obey(command).await {
                        return self.unsent().await;
                    },
                },
                _ = clock.tick() => if !self.tick().await {
                    return self.unsent().await;
                },
                message = self.socket.next() => if let Some(end) = self.receive(message).await {
                    return end;
                },
            }
            if self.hung_up {
                return self.hang_up().await;
            }
        }
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(STALLED, self.socket.send(message)).await, Ok(Ok(())))
    }

    async fn obey(&mut self, command: Act) -> bool {
        let account = self.settings.account;
        match command {
            Act::Press(key, pressed) => {
                account.happens(Happening::Pressed(key));
                let event = self.writer.key(key);
                let sent = self.send(Message::text(event)).await;
                let _ = pressed.send(());
                sent
            }
            Act::Say(ulaw, said) => {
                account.happens(Happening::Says(Duration::from_millis(ulaw.len() as u64 / 8)));
                self.speaking.say(ulaw, said);
                true
            }
            Act::FallSilent => {
                self.speaking.fall_silent();
                true
            }
            Act::Raw(message, done) => {
                let sent = self.send(message).await;
                let _ = done.send(());
                sent
            }
            Act::HangUp | Act::Drop => true,
        }
    }

    /// 20 ms: play, report, speak.
    async fn tick(&mut self) -> bool {
        let account = self.settings.account;
        let tick = if self.answered { self.queue.tick() } else { super::queue::Tick::default() };
        let mut events = Vec::new();
        let mut played = Vec::new();
        for report in tick.reports {
            let (Report::Mark(id) | Report::Completed(id)) = &report;
            let index = self.take(id);
            if self.settings.mark_answers == MarkAnswers::WhenPlayed {
                played.extend(index);
                events.push(self.report(&report));
            }
        }
        events.extend(tick.has_room_again.then(|| self.writer.plain("MEDIA_XON")));
        events.extend(tick.drained.then(|| self.writer.plain("QUEUE_DRAINED")));
        let mut frame = tick.frame.map(|frame| self.settings.asterisk.format.decode(&frame)).unwrap_or_default();
        frame.resize(FRAME_BYTES, SILENCE);
        let holds_sound = self.holds_sound();
        account.hears(&playout::Tick { played_marks: Vec::new(), frame }, holds_sound);
        played.into_iter().for_each(|index| account.mark_returns(index, MarkReturn::Played));
        for event in events {
            if !self.send(Message::text(event)).await {
                return false;
            }
        }
        let Words { frame, voice, finished } = self.speaking.next();
        let sent = match frame {
            Some(frame) => {
                let wire = self.settings.asterisk.format.encode(&frame);
                self.send(Message::binary(wire)).await
            }
            None => true,
        };
        voice.into_iter().for_each(|happening| account.happens(happening));
        if let Some(said) = finished {
            let _ = said.send(());
        }
        sent
    }

    fn report(&self, report: &Report) -> String {
        match report {
            Report::Mark(id) => self.writer.mark(id),
            Report::Completed(id) => self.writer.completed(id),
        }
    }

    /// The number of the mark of this name, which comes back now.
    fn take(&mut self, id: &str) -> Option<usize> {
        let place = self.marks.iter().position(|mark| mark.id == id)?;
        self.marks.remove(place).index
    }

    fn holds_sound(&self) -> bool {
        let format = self.settings.asterisk.format;
        self.queue.waiting().any(|frame| format.decode(frame).into_iter().any(is_audible))
    }

    async fn receive(&mut self, message: Option<tungstenite::Result<Message>>) -> Option<StreamEnd> {
        let account = self.settings.account;
        match message {
            Some(Ok(Message::Text(text))) => match read(&text, self.settings.asterisk.speaks) {
                Ok(Some(command)) => return if self.command(command).await { None } else { Some(self.unsent().await) },
                Ok(None) => {}
                Err(violation) => account.violation(violation),
            },
            Some(Ok(Message::Binary(sound))) if sound.len() > LONGEST_SOUND => {
                account.violation(format!("a message of {} bytes of sound, which the connection does not survive", sound.len()));
                return Some(StreamEnd::Server);
            }
            Some(Ok(Message::Binary(sound))) => return if self.sound(&sound).await { None } else { Some(self.unsent().await) },
            Some(Ok(Message::Close(frame))) => return Some(self.closed(frame).await),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(self.lost(&error.to_string())),
            None => return Some(self.lost("the connection ended")),
        }
        None
    }

    async fn sound(&mut self, sound: &[u8]) -> bool {
        let account = self.settings.account;
        if !self.answered {
            account.violation("sound before the leg was answered");
        }
        let taken = self.queue.sound(sound);
        if taken.dropped > 0 {
            account
                .violation(format!("{} bytes of sound found no room or were less than a frame without a buffer", taken.dropped));
        }
        self.sound_since_mark = true;
        let frames = sound.len() as u64 / self.settings.asterisk.format.frame() as u64;
        let (now, holds, backlog) = (account.now(), self.holds_sound(), self.queue.frames() * FRAME_BYTES);
        account.write(|state| {
            state.pace.sound(now, TICK * frames as u32);
            state.holds_sound = holds;
            state.largest_backlog = state.largest_backlog.max(backlog);
        });
        !taken.nearly_full || self.send(Message::text(self.writer.plain("MEDIA_XOFF"))).await
    }

    /// A command. `false`: an answer could not be sent.
    async fn command(&mut self, command: Command) -> bool {
        let account = self.settings.account;
        match command {
            Command::Answer => self.answered = true,
            Command::HangUp => self.hung_up = true,
            Command::StartBuffering => self.queue.start_buffering(),
            Command::StopBuffering(id) => {
                let report = Report::Completed(id.clone());
                self.queue.stop_buffering(id.clone());
                return self.marked(id, report).await;
            }
            Command::Mark(id) => {
                let report = Report::Mark(id.clone());
                self.queue.mark(id.clone());
                return self.marked(id, report).await;
            }
            Command::Flush => {
                let dropped = self.queue.flush() / self.settings.asterisk.format.frame() * FRAME_BYTES;
                let now = account.now();
                self.sound_since_mark = false;
                account.write(|state| {
                    state.pace.cleared(now);
                    state.holds_sound = false;
                });
                account.happens(Happening::Cleared(Duration::from_millis(dropped as u64 / 8)));
                // The channel forgets them and never says so.
                for index in std::mem::take(&mut self.marks).into_iter().filter_map(|mark| mark.index) {
                    account.mark_returns(index, MarkReturn::Cleared);
                }
            }
            Command::Pause => self.queue.pause(true),
            Command::Continue => self.queue.pause(false),
            Command::ReportDrained => self.queue.report_drained(),
            Command::Status => {
                let status = self.writer.status(self.queue.frames());
                return self.send(Message::text(status)).await;
            }
        }
        true
    }

    /// A mark has come, under whatever command.
    async fn marked(&mut self, id: String, report: Report) -> bool {
        if id.is_empty() {
            return true;
        }
        let account = self.settings.account;
        let received = account.now();
        // What is asked behind no sound tells of none.
        let index = std::mem::take(&mut self.sound_since_mark).then(|| {
            account.write(|state| {
                state.pace.line_ends();
                state.marks.push(Mark { name: id.clone(), received, returned: None });
                state.marks.len() - 1
            })
        });
        if self.settings.mark_answers != MarkAnswers::AtOnce {
            self.marks.push(Named { id, index });
            return true;
        }
        if let Some(index) = index {
            account.mark_returns(index, MarkReturn::AtOnce);
        }
        let event = self.report(&report);
        self.send(Message::text(event)).await
    }

    /// The server has hung up: the channel closes, and whatever the queue holds is not heard.
    async fn hang_up(&mut self) -> StreamEnd {
        if self.holds_sound() {
            let length = Duration::from_millis(self.queue.frames() as u64 * 20);
            self.settings.account.happens(Happening::CutOff(length));
        }
        // What the server's own closing says is still read.
        match timeout(CLOSING, self.socket.next()).await {
            Ok(Some(Ok(Message::Close(frame)))) => return self.closed(frame).await,
            Ok(_) | Err(_) => self.settings.account.violation("the leg was hung up and not closed"),
        }
        self.close().await;
        StreamEnd::Server
    }

    async fn closed(&mut self, frame: Option<CloseFrame>) -> StreamEnd {
        let account = self.settings.account;
        let code = frame.map(|frame| u16::from(frame.code));
        account.happens(Happening::ServerClosed(code));
        if code != Some(u16::from(CloseCode::Normal)) {
            let named = code.map_or("without a code".to_owned(), |code| format!("with code {code}"));
            account.violation(format!("the leg was closed {named}, expected 1000"));
        }
        if !self.hung_up {
            account.violation("the leg was closed without HANGUP");
        }
        let _ = timeout(CLOSING, async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
        StreamEnd::Server
    }

    /// Nothing can be sent any more. A server that closed first has said so in what is still to be read.
    async fn unsent(&mut self) -> StreamEnd {
        while let Ok(Some(Ok(message))) = timeout(STALLED, self.socket.next()).await {
            match message {
                Message::Close(frame) => return self.closed(frame).await,
                Message::Text(text) if matches!(read(&text, self.settings.asterisk.speaks), Ok(Some(Command::HangUp))) => {
                    self.hung_up = true;
                }
                _ => {}
            }
        }
        self.lost("the server stopped reading")
    }

    fn lost(&self, reason: &str) -> StreamEnd {
        self.settings.account.violation(format!("the leg was lost without a closing: {reason}"));
        StreamEnd::Server
    }

    /// Closes from this side: the caller's channel is gone.
    async fn close(&mut self) {
        let closing = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if !self.send(Message::Close(Some(closing))).await {
            return;
        }
        let answered = timeout(CLOSING, async { while let Some(Ok(_)) = self.socket.next().await {} });
        if answered.await.is_err() {
            self.settings.account.violation("the server did not answer the closing");
        }
    }
}
