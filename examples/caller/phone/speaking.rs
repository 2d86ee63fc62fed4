//! What the caller says, in 20 ms of μ-law at a time.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::FramesSent;
use super::account::Happening;
use super::heard::is_audible;
use super::playout::{FRAME_BYTES, SILENCE};

/// The caller's side of a line.
pub(super) struct Speaking<'a> {
    frames: FramesSent,
    line_noise: &'a [u8],
    utterances: VecDeque<Utterance>,
    ticks: usize,
}

/// Something being said: what is left of it, and who waits for its end.
struct Utterance {
    rest: VecDeque<u8>,
    /// How many bytes have been sent, and between which two places of the whole there is something to be heard.
    sent: usize,
    voice: Option<(usize, usize)>,
    said: oneshot::Sender<()>,
}

/// The next 20 ms.
#[derive(Default)]
pub(super) struct Words {
    /// What goes to the server; nothing, where nothing does.
    pub frame: Option<Vec<u8>>,
    /// What the caller's voice does in them.
    pub voice: Vec<Happening>,
    /// Who is to be told that this was the last of it.
    pub finished: Option<oneshot::Sender<()>>,
}

impl<'a> Speaking<'a> {
    /// A caller who says nothing yet.
    pub fn new(frames: FramesSent, line_noise: &'a [u8]) -> Self {
        Self { frames, line_noise, utterances: VecDeque::new(), ticks: 0 }
    }

    /// Says this after what is being said; `said` is told when the last of it has been sent.
    pub fn say(&mut self, ulaw: Vec<u8>, said: oneshot::Sender<()>) {
        let first = ulaw.iter().position(|byte| is_audible(*byte));
        let last = ulaw.iter().rposition(|byte| is_audible(*byte));
        self.utterances.push_back(Utterance { rest: ulaw.into(), sent: 0, voice: first.zip(last), said });
    }

    /// Breaks off in the middle of a word.
    pub fn fall_silent(&mut self) {
        for utterance in self.utterances.drain(..) {
            let _ = utterance.said.send(());
        }
    }

    /// Goes 20 ms on.
    pub fn next(&mut self) -> Words {
        let mut words = self.next_words();
        words.frame = match (words.frame, self.frames) {
            (Some(frame), FramesSent::Always | FramesSent::WhileSpeaking) => Some(frame),
            (None, FramesSent::Always) => Some(self.nothing_said().to_vec()),
            _ => None,
        };
        self.ticks += 1;
        words
    }

    fn next_words(&mut self) -> Words {
        let Some(current) = self.utterances.front_mut() else {
            return Words::default();
        };
        let taken = current.rest.len().min(FRAME_BYTES);
        let mut frame: Vec<u8> = current.rest.drain(..taken).collect();
        frame.resize(FRAME_BYTES, SILENCE);
        let now_sent = current.sent..current.sent + taken;
        current.sent = now_sent.end;
        let mut voice = Vec::new();
        if let Some((first, last)) = current.voice {
            voice.extend(now_sent.contains(&first).then_some(Happening::VoiceBegins));
            voice.extend(now_sent.contains(&last).then_some(Happening::VoiceEnds));
        }
        let ended = current.rest.is_empty();
        let finished = if ended { self.utterances.pop_front().map(|utterance| utterance.said) } else { None };
        Words { frame: Some(frame), voice, finished }
    }

    /// 20 ms in which nothing is said.
    fn nothing_said(&self) -> &'a [u8] {
        let frames = self.line_noise.as_chunks::<FRAME_BYTES>().0;
        match frames.len() {
            0 => &[SILENCE; FRAME_BYTES],
            count => &frames[self.ticks % count],
        }
    }
}
