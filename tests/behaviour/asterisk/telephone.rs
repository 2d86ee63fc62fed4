//! A telephone whose calls go through Asterisk: what it hears comes to the test as it sounds, what it says goes out in real time, and its keys are pressed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::Pbx;
use super::manager::Message;
use super::sound::{self, Found};

/// 20 ms at 8 kHz, in samples.
const FRAME: usize = 160;
const FRAME_TIME: Duration = Duration::from_millis(20);
/// How much longer than its own length a prompt may take to be heard: a second, in samples.
const SOME_GAPS: usize = 8_000;

/// What AudioSocket calls its messages.
const HANG_UP: u8 = 0x00;
const SOUND: u8 = 0x10;

/// A call of a telephone.
pub struct Telephone<'a> {
    pbx: &'a Pbx,
    /// The call's id in Asterisk, which is what Candor is told.
    pub id: String,
    /// The caller's channel.
    pub channel: String,
    /// Under which name Asterisk records what it hears.
    pub recording: String,
    line: Line,
}

/// The sound of a telephone.
#[derive(Clone)]
pub struct Line {
    heard: Arc<Mutex<Vec<i16>>>,
    say: mpsc::UnboundedSender<Vec<i16>>,
    open: watch::Receiver<bool>,
}

impl Line {
    /// Takes a telephone's connection over.
    pub fn of(stream: TcpStream) -> Line {
        stream.set_nodelay(true).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (say, said) = mpsc::unbounded_channel();
        let (close, open) = watch::channel(true);
        let (reading, writing) = stream.into_split();
        tokio::spawn(speak(writing, said, open.clone()));
        tokio::spawn({
            let heard = heard.clone();
            async move {
                listen(reading, &heard).await;
                let _ = close.send(false);
            }
        });
        Line { heard, say, open }
    }
}

async fn listen(mut reading: tokio::net::tcp::OwnedReadHalf, heard: &Mutex<Vec<i16>>) {
    loop {
        let mut head = [0; 3];
        if reading.read_exact(&mut head).await.is_err() || head[0] == HANG_UP {
            return;
        }
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        if reading.read_exact(&mut payload).await.is_err() {
            return;
        }
        if head[0] == SOUND {
            let samples = payload.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
            heard.lock().unwrap().extend(samples);
        }
    }
}

/// A telephone is never quite silent: it sends a frame every 20 ms.
async fn speak(
    mut writing: tokio::net::tcp::OwnedWriteHalf,
    mut said: mpsc::UnboundedReceiver<Vec<i16>>,
    open: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(FRAME_TIME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut waiting: Vec<i16> = Vec::new();
    while *open.borrow() {
        ticks.tick().await;
        while let Ok(more) = said.try_recv() {
            waiting.extend(more);
        }
        let frame: Vec<i16> = waiting.drain(..FRAME.min(waiting.len())).chain(std::iter::repeat(0)).take(FRAME).collect();
        let mut message = vec![SOUND, 0x01, 0x40];
        message.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
        if writing.write_all(&message).await.is_err() {
            return;
        }
    }
}

impl<'a> Telephone<'a> {
    pub(super) fn new(pbx: &'a Pbx, id: String, recording: String, channel: String, line: Line) -> Telephone<'a> {
        Telephone { pbx, id, channel, recording, line }
    }

    /// What was heard so far, from the beginning of the call. Where Asterisk sent nothing there is nothing.
    pub fn heard(&self) -> Vec<i16> {
        self.line.heard.lock().unwrap().clone()
    }

    /// How much was heard so far, in samples.
    pub fn now(&self) -> usize {
        self.line.heard.lock().unwrap().len()
    }

    /// Whether the telephone is still connected.
    pub fn is_open(&self) -> bool {
        *self.line.open.borrow()
    }

    /// Waits until a prompt has been heard whole.
    pub async fn hears(&self, what: &str, prompt: &[i16]) -> Found {
        self.hears_after(0, what, prompt).await
    }

    /// The same of what is heard from a place on.
    pub async fn hears_after(&self, from: usize, what: &str, prompt: &[i16]) -> Found {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut from = from;
        loop {
            let heard = self.heard();
            let found = heard.get(from..).and_then(|heard| sound::find(heard, prompt));
            if let Some(found) = found.filter(Found::is_whole) {
                return Found { begins: from + found.begins, ends: from + found.ends, ..found };
            }
            let seconds = heard.len() as f64 / 8_000.0;
            assert!(Instant::now() < deadline, "{what} is not heard in {seconds:.1} s: {found:?}\n{}", self.pbx.log());
            // What is not whole by now began no longer ago than it lasts.
            from = from.max(heard.len().saturating_sub(prompt.len() + SOME_GAPS));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until anything is heard.
    pub async fn hears_something(&self) {
        self.hears_something_after(0).await;
    }

    /// The same of what is heard from a place on.
    pub async fn hears_something_after(&self, from: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.heard().get(from..).unwrap_or_default().chunks(FRAME).any(sound::is_loud) {
            assert!(Instant::now() < deadline, "nothing is heard\n{}", self.pbx.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Says something, at the speed of speech.
    pub fn say(&self, samples: Vec<i16>) {
        self.line.say.send(samples).unwrap();
    }

    /// Presses a key for 100 ms, as people do, and gives the place in what is heard at which Asterisk passes its end on to the agent.
    pub async fn press(&self, digit: char) -> usize {
        let ends = |message: &&Message| message.is("Linkedid", &self.id) && message.is("Direction", "Sent");
        let before = self.pbx.manager.events("DTMFEnd").iter().filter(ends).count();
        let fields = [("Channel", self.channel.as_str()), ("Digit", &digit.to_string()), ("Duration", "100"), ("Receive", "yes")];
        self.pbx.manager.action("PlayDTMF", &fields).await;
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.pbx.manager.events("DTMFEnd").iter().filter(ends).count() <= before {
            assert!(Instant::now() < deadline, "Asterisk takes no key\n{}", self.pbx.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.now()
    }

    /// Hangs up, if the call is not over.
    pub async fn hang_up(&self) {
        self.pbx.manager.try_action("Hangup", &[("Channel", &self.channel)]).await;
    }

    /// Waits until the caller waits in a queue, and gives the event.
    pub async fn is_queued(&self) -> Message {
        self.pbx.manager.event("QueueCallerJoin", |message| message.is("Uniqueid", &self.id)).await
    }

    /// A variable of the caller's channel.
    pub async fn variable(&self, name: &str) -> String {
        self.pbx.manager.variable(&self.channel, name).await
    }
}
