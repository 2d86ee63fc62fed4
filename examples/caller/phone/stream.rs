//! One media stream: the WebSocket, the caller's own 20 ms clock, the playout buffer and the marks.
//!
//! The clock is never the server's: frames go out and are heard every 20 ms whatever comes in.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};

use super::account::{Account, Happening, Mark, MarkReturn};
use super::playout::Playout;
use super::protocol::{MessageWriter, ServerMessage, read};
use super::speaking::{Speaking, Words};
use super::{FramesSent, MarkAnswers};

/// The caller's clock.
const TICK: Duration = Duration::from_millis(20);
/// A server that takes no message for this long has left.
const STALLED: Duration = Duration::from_secs(5);
/// How long a server may take to answer our closing; messages on their way may still come in this time.
const CLOSING: Duration = Duration::from_secs(2);
/// What the person at the telephone does.
pub(super) enum Command {
    /// A key; the sender is told when it has been sent.
    Press(char, oneshot::Sender<()>),
    /// Something said, in μ-law; the sender is told when the last of it has been sent.
    Say(Vec<u8>, oneshot::Sender<()>),
    /// Falls silent in the middle of a word.
    FallSilent,
    /// Puts the receiver down.
    HangUp,
    /// Pulls the plug.
    Drop,
    /// A message as it is, right or wrong.
    Raw(Message, oneshot::Sender<()>),
}

/// How a stream ended.
pub(super) enum StreamEnd {
    /// The server closed it, or let it fall.
    Server,
    /// The caller hung up.
    HungUp,
    /// The caller's connection was dropped.
    Dropped,
    /// The call's limit was reached.
    Limit,
}

/// What a stream is told of its call.
pub(super) struct StreamSettings<'a> {
    pub account: &'a Account,
    pub parameters: &'a [(String, String)],
    pub stream_sid: &'a str,
    pub call_sid: &'a str,
    pub account_sid: &'a str,
    pub frames: FramesSent,
    pub line_noise: &'a [u8],
    pub mark_answers: MarkAnswers,
    pub deadline: Instant,
}

/// A running stream.
pub(super) struct Stream<'a> {
    socket: WebSocketStream<TcpStream>,
    settings: StreamSettings<'a>,
    writer: MessageWriter,
    playout: Playout,
    speaking: Speaking<'a>,
    ticks: u64,
}

impl<'a> Stream<'a> {
    pub fn new(socket: WebSocketStream<TcpStream>, settings: StreamSettings<'a>) -> Self {
        let writer = MessageWriter::new(settings.stream_sid, settings.call_sid, settings.account_sid);
        let speaking = Speaking::new(settings.frames, settings.line_noise);
        Self { socket, settings, writer, playout: Playout::default(), speaking, ticks: 0 }
    }

    /// Runs the stream to its end, whoever brings it about.
    pub async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> StreamEnd {
        let account = self.settings.account;
        let (connected, start) = (self.writer.connected(), self.writer.start(self.settings.parameters));
        if !(self.send(connected).await && self.send(start).await) {
            return StreamEnd::Server;
        }
        account.write(|state| state.heard.stream_begins(account.now()));
        account.happens(Happening::StreamOpened);
        let mut clock = interval(TICK);
        // A late tick is made up for at once, so that the clock keeps real time.
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let deadline = self.settings.deadline;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => {
                    self.stop().await;
                    return StreamEnd::Limit;
                }
                command = commands.recv() => match command {
                    // The handle is gone: nobody holds the receiver any more.
                    None => {
                        self.stop().await;
                        return StreamEnd::HungUp;
                    }
                    Some(command) => if let Some(end) = self.obey(command).await {
                        return end;
                    },
                },
                _ = clock.tick() => if !self.tick().await {
                    return self.unsent().await;
                },
                message = self.socket.next() => if let Some(end) = self.receive(message).await {
                    return end;
                },
            }
        }
    }

    async fn send(&mut self, message: impl Into<Message>) -> bool {
        matches!(timeout(STALLED, self.socket.send(message.into())).await, Ok(Ok(())))
    }

    /// 20 ms: hear, answer marks, speak.
    async fn tick(&mut self) -> bool {
        let tick = self.playout.tick();
        self.settings.account.hears(&tick, self.playout.holds_sound());
        for mark in tick.played_marks {
            if !self.return_mark(mark, MarkReturn::Played).await {
                return false;
            }
        }
        let timestamp = self.ticks * 20;
        self.ticks += 1;
        let Words { frame, voice, finished } = self.speaking.next();
        let sent = match frame {
            Some(frame) => {
                let media = self.writer.media(timestamp, &frame);
                self.send(media).await
            }
            None => true,
        };
        voice.into_iter().for_each(|happening| self.settings.account.happens(happening));
        if let Some(said) = finished {
            // Whoever said it may have left meanwhile.
            let _ = said.send(());
        }
        sent
    }

    async fn return_mark(&mut self, index: usize, why: MarkReturn) -> bool {
        let expected = match why {
            MarkReturn::AtOnce => MarkAnswers::AtOnce,
            MarkReturn::Played | MarkReturn::Cleared => MarkAnswers::WhenPlayed,
        };
        if self.settings.mark_answers != expected {
            return true;
        }
        let name = self.settings.account.read().marks.get(index).map(|mark| mark.name.clone());
        let message = self.writer.mark(&name.unwrap_or_default());
        self.settings.account.mark_returns(index, why);
        self.send(message).await
    }

    async fn obey(&mut self, command: Command) -> Option<StreamEnd> {
        let account = self.settings.account;
        let sent = match command {
            Command::Press(key, pressed) => {
                account.happens(Happening::Pressed(key));
                let message = self.writer.dtmf(key);
                let sent = self.send(message).await;
                let _ = pressed.send(());
                sent
            }
            Command::Say(ulaw, said) => {
                account.happens(Happening::Says(Duration::from_millis(ulaw.len() as u64 / 8)));
                self.speaking.say(ulaw, said);
                true
            }
            Command::FallSilent => {
                self.speaking.fall_silent();
                true
            }
            Command::HangUp => {
                account.happens(Happening::HungUp);
                self.stop().await;
                return Some(StreamEnd::HungUp);
            }
            Command::Drop => {
                account.happens(Happening::Dropped);
                return Some(StreamEnd::Dropped);
            }
            Command::Raw(message, done) => {
                let sent = self.send(message).await;
                let _ = done.send(());
                sent
            }
        };
        if sent { None } else { Some(self.unsent().await) }
    }

    /// Nothing can be sent any more. A server that closed first has said so in what is still to be read.
    async fn unsent(&mut self) -> StreamEnd {
        while let Ok(Some(Ok(message))) = timeout(STALLED, self.socket.next()).await {
            if let Message::Close(frame) = message {
                return self.closed(frame).await;
            }
        }
        self.lost("the server stopped reading")
    }

    async fn receive(&mut self, message: Option<tungstenite::Result<Message>>) -> Option<StreamEnd> {
        match message {
            Some(Ok(Message::Text(text))) => {
                if self.take(&text).await {
                    None
                } else {
                    Some(self.unsent().await)
                }
            }
            Some(Ok(Message::Binary(_))) => {
                self.settings.account.violation("a binary message, expected JSON text");
                None
            }
            Some(Ok(Message::Close(frame))) => Some(self.closed(frame).await),
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(self.lost(&error.to_string())),
            None => Some(self.lost("the connection ended")),
        }
    }

    /// A text message of the server. `false`: an answer could not be sent.
    async fn take(&mut self, text: &str) -> bool {
        let account = self.settings.account;
        match read(text, self.settings.stream_sid) {
            Err(violation) => account.violation(violation),
            Ok(ServerMessage::Media(ulaw)) => {
                self.playout.receive_audio(&ulaw);
                let (now, length) = (account.now(), Duration::from_micros(ulaw.len() as u64 * 125));
                let (sounds, largest) = (self.playout.holds_sound(), self.playout.largest_backlog());
                account.write(|state| {
                    state.pace.sound(now, length);
                    state.holds_sound = sounds;
                    state.largest_backlog = state.largest_backlog.max(largest);
                });
            }
            Ok(ServerMessage::Mark(name)) => {
                let received = account.now();
                let index = account.write(|state| {
                    state.pace.line_ends();
                    state.marks.push(Mark { name, received, returned: None });
                    state.marks.len() - 1
                });
                if self.settings.mark_answers == MarkAnswers::AtOnce {
                    return self.return_mark(index, MarkReturn::AtOnce).await;
                }
                if self.playout.receive_mark(index) {
                    return self.return_mark(index, MarkReturn::Played).await;
                }
            }
            Ok(ServerMessage::Clear) => {
                let (marks, dropped) = self.playout.clear();
                let now = account.now();
                account.write(|state| {
                    state.pace.cleared(now);
                    state.holds_sound = false;
                });
                account.happens(Happening::Cleared(Duration::from_millis(dropped as u64 / 8)));
                for mark in marks {
                    if !self.return_mark(mark, MarkReturn::Cleared).await {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// The server closed the stream in the way the protocol has for it.
    async fn closed(&mut self, frame: Option<CloseFrame>) -> StreamEnd {
        let code = frame.map(|frame| u16::from(frame.code));
        self.settings.account.happens(Happening::ServerClosed(code));
        if code != Some(u16::from(CloseCode::Normal)) {
            let named = code.map_or("without a code".to_owned(), |code| format!("with code {code}"));
            self.settings.account.violation(format!("the stream was closed {named}, expected 1000"));
        }
        if self.playout.holds_sound() {
            let (_, dropped) = self.playout.clear();
            self.settings.account.happens(Happening::CutOff(Duration::from_millis(dropped as u64 / 8)));
        }
        // The answer to the closing goes out with the next read; what comes of it changes nothing any more.
        let _ = timeout(CLOSING, async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
        StreamEnd::Server
    }

    fn lost(&self, reason: &str) -> StreamEnd {
        self.settings.account.violation(format!("the stream was lost without a closing: {reason}"));
        StreamEnd::Server
    }

    /// Ends the stream from this side: `stop`, then the closing. What was under way is still read, and must stop soon.
    async fn stop(&mut self) {
        let stop = self.writer.stop();
        let closing = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if !self.send(stop).await || !self.send(Message::Close(Some(closing))).await {
            return;
        }
        let answered = timeout(CLOSING, async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Text(text) = message
                    && let Err(violation) = read(&text, self.settings.stream_sid)
                {
                    self.settings.account.violation(violation);
                }
            }
        });
        if answered.await.is_err() {
            let seconds = CLOSING.as_secs();
            self.settings.account.violation(format!("the server did not answer the closing within {seconds} s"));
        }
    }
}
