//! A leg over AudioSocket: bare packets over TCP, without marks, without a buffer. What comes is heard when it comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::super::account::{Happening, Mark, MarkReturn};
use super::super::playout;
use super::super::speaking::{Speaking, Words};
use super::super::stream::{Command as Act, StreamEnd};
use super::leg::LegSettings;
use super::lines::Lines;

/// The caller's clock.
const TICK: Duration = Duration::from_millis(20);
/// A server that takes no packet for this long has left.
const STALLED: Duration = Duration::from_secs(5);
/// How long a server may take to close after it has said that it is over, or after we have.
const CLOSING: Duration = Duration::from_secs(8);

const HANG_UP: u8 = 0x00;
const UUID: u8 = 0x01;
const KEY: u8 = 0x03;
const SLIN: u8 = 0x10;
/// 20 ms of 16-bit samples at 8000 Hz.
const SLIN_BYTES: usize = 320;

/// How the simulated Asterisk reaches the server by AudioSocket.
#[derive(Debug, Clone)]
pub struct AudioSocket {
    /// Where.
    pub address: SocketAddr,
    /// What the caller knows by ear, in μ-law: when one of these has been heard to its end, that counts as a mark that was played.
    pub known: Arc<[Vec<u8>]>,
}

/// A running leg.
pub(super) struct AudioSocketLeg<'a> {
    socket: TcpStream,
    settings: LegSettings<'a>,
    lines: Lines,
    speaking: Speaking<'a>,
    read: Vec<u8>,
    /// The server has said that it is over.
    hung_up: bool,
}

impl<'a> AudioSocketLeg<'a> {
    pub fn new(socket: TcpStream, settings: LegSettings<'a>, audiosocket: &AudioSocket) -> Self {
        let speaking = Speaking::new(settings.frames, settings.line_noise);
        Self { socket, settings, lines: Lines::new(&audiosocket.known), speaking, read: Vec::new(), hung_up: false }
    }

    /// Runs the leg to its end, whoever brings it about.
    pub async fn run(mut self, uuid: Uuid, commands: &mut mpsc::Receiver<Act>) -> StreamEnd {
        let account = self.settings.account;
        if !self.send(UUID, uuid.as_bytes()).await {
            return self.lost("it does not take the UUID");
        }
        account.write(|state| state.heard.stream_begins(account.now()));
        account.happens(Happening::StreamOpened);
        let mut clock = interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let deadline = self.settings.deadline;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(deadline) => {
                    self.hang_up().await;
                    return StreamEnd::Limit;
                }
                command = commands.recv() => match command {
                    None | Some(Act::HangUp) => {
                        account.happens(Happening::HungUp);
                        self.hang_up().await;
                        return StreamEnd::HungUp;
                    }
                    Some(Act::Drop) => {
                        account.happens(Happening::Dropped);
                        // As when the machine is gone: no word, and a reset for whoever goes on sending.
                        let _ = self.socket.set_zero_linger();
                        return StreamEnd::Dropped;
                    }
                    Some(command) => if !self.obey(command).await {
                        return self.unsent().await;
                    },
                },
                _ = clock.tick(), if !self.hung_up => if !self.speak().await {
                    return self.unsent().await;
                },
                read = self.socket.read_buf(&mut self.read) => if let Some(end) = self.receive(read.map(|count| count > 0)).await {
                    return end;
                },
            }
        }
    }

    async fn send(&mut self, kind: u8, held: &[u8]) -> bool {
        let length = u16::try_from(held.len()).unwrap_or_default().to_be_bytes();
        let packet = [&[kind], &length[..], held].concat();
        matches!(timeout(STALLED, self.socket.write_all(&packet)).await, Ok(Ok(())))
    }

    async fn obey(&mut self, command: Act) -> bool {
        let account = self.settings.account;
        match command {
            Act::Press(key, pressed) => {
                account.happens(Happening::Pressed(key));
                let sent = self.send(KEY, key.to_string().as_bytes()).await;
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
                let bytes = match message {
                    Message::Text(text) => text.as_bytes().to_vec(),
                    message => message.into_data().to_vec(),
                };
                let sent = matches!(timeout(STALLED, self.socket.write_all(&bytes)).await, Ok(Ok(())));
                let _ = done.send(());
                sent
            }
            Act::HangUp | Act::Drop => true,
        }
    }

    async fn speak(&mut self) -> bool {
        let Words { frame, voice, finished } = self.speaking.next();
        let sent = match frame {
            Some(frame) => {
                let samples = frame.iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte));
                let wire: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
                self.send(SLIN, &wire).await
            }
            None => true,
        };
        voice.into_iter().for_each(|happening| self.settings.account.happens(happening));
        if let Some(said) = finished {
            let _ = said.send(());
        }
        sent
    }

    /// Bytes have come (`true`), or the end of them.
    async fn receive(&mut self, read: std::io::Result<bool>) -> Option<StreamEnd> {
        match read {
            Ok(true) => self.packets(),
            Ok(false) => return Some(self.closed().await),
            Err(error) => return Some(self.lost(&format!("it was reset, which hangs callers up ({error})"))),
        }
        None
    }

    fn packets(&mut self) {
        while let Some(&[kind, high, low]) = self.read.first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if self.read.len() < 3 + length {
                return;
            }
            let packet: Vec<u8> = self.read.drain(..3 + length).collect();
            match kind {
                HANG_UP if length == 0 => self.hung_up = true,
                SLIN if length == SLIN_BYTES => self.hear(&packet[3..]),
                kind => self
                    .settings
                    .account
                    .violation(format!("a packet of kind {kind:#04x} with {length} bytes, which Asterisk does not take")),
            }
        }
    }

    fn hear(&mut self, wire: &[u8]) {
        let account = self.settings.account;
        if self.hung_up {
            account.violation("sound after the end");
        }
        let samples = wire.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
        let frame: Vec<u8> = samples.map(audio_codec_algorithms::encode_ulaw).collect();
        let over = self.lines.hear(&frame);
        account.hears(&playout::Tick { played_marks: Vec::new(), frame }, false);
        for _ in 0..over {
            let received = account.now();
            let index = account.write(|state| {
                let name = format!("line {}", state.marks.len() + 1);
                state.marks.push(Mark { name, received, returned: None });
                state.marks.len() - 1
            });
            account.mark_returns(index, MarkReturn::Played);
        }
    }

    /// The server has closed its direction.
    async fn closed(&mut self) -> StreamEnd {
        self.settings.account.happens(Happening::ServerClosed(None));
        if !self.hung_up {
            self.settings.account.violation("the leg was closed without a word");
        }
        let _ = self.socket.shutdown().await;
        StreamEnd::Server
    }

    /// Nothing can be sent any more. A server that closed first has said so in what is still to be read.
    async fn unsent(&mut self) -> StreamEnd {
        loop {
            match timeout(STALLED, self.socket.read_buf(&mut self.read)).await {
                Ok(read) => {
                    if let Some(end) = self.receive(read.map(|count| count > 0)).await {
                        return end;
                    }
                }
                Err(_) => return self.lost("the server stopped reading"),
            }
        }
    }

    fn lost(&self, reason: &str) -> StreamEnd {
        self.settings.account.violation(format!("the leg was lost without a closing: {reason}"));
        StreamEnd::Server
    }

    /// The caller's channel is gone.
    async fn hang_up(&mut self) {
        let _ = self.send(HANG_UP, &[]).await;
        let _ = self.socket.shutdown().await;
        let mut rest = Vec::new();
        if timeout(CLOSING, self.socket.read_to_end(&mut rest)).await.is_err() {
            self.settings.account.violation("the server did not close after the caller had");
        }
    }
}
