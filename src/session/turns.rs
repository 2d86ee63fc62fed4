use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::audio::Codec;
use crate::consent::{ConsentedTurn, Passage, SessionTime};
use crate::recording::TurnAudio;

/// The longest piece of a turn that is held in memory; a longer turn is sealed in parts.
const PART: Duration = Duration::from_secs(120);
/// Frames from the caller that wait for their 20 ms: enough to level the network's unevenness.
const LEVELLING: usize = 3;
/// With more than this many waiting, the caller's clock is ahead of ours and two are taken at once.
const BEHIND: usize = 15;

/// The running turn, in memory only, and only while a grant covers it.
pub(super) struct Turns {
    codec: Codec,
    running: Option<Running>,
    waiting: VecDeque<Bytes>,
    levelled: bool,
}

struct Running {
    audio: TurnAudio,
    part: u32,
    began: SessionTime,
}

impl Turns {
    pub(super) fn new(codec: Codec) -> Turns {
        Turns { codec, running: None, waiting: VecDeque::new(), levelled: false }
    }

    /// A turn begins: from here on its sound is held, if it may be.
    pub(super) fn begin(&mut self, held: bool, now: SessionTime) {
        self.waiting.clear();
        self.levelled = false;
        self.running = held.then(|| Running { audio: TurnAudio::new(self.codec), part: 1, began: now });
    }

    /// Sound from the caller. Without a running turn it goes nowhere.
    pub(super) fn hear(&mut self, frame: &Bytes) {
        if self.running.is_some() {
            self.waiting.push_back(frame.clone());
        }
    }

    /// 20 ms have passed, in which the caller heard `agent`.
    pub(super) fn tick(&mut self, agent: &[u8]) {
        let Some(running) = &mut self.running else { return };
        self.levelled |= self.waiting.len() >= LEVELLING;
        let caller = if self.levelled { self.waiting.pop_front() } else { None };
        self.levelled &= caller.is_some();
        running.audio.push(caller.as_deref().unwrap_or_default(), agent);
        if self.waiting.len() > BEHIND
            && let Some(more) = self.waiting.pop_front()
        {
            running.audio.push(&more, &[]);
        }
    }

    /// Whether the turn has become too long to hold in one piece.
    pub(super) fn is_full(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.audio.duration() >= PART)
    }

    /// Takes what is held of the running turn; without the gate's word it is wiped. The turn goes on.
    pub(super) fn part(&mut self, passage: Option<Passage>, now: SessionTime) -> Option<ConsentedTurn<TurnAudio>> {
        let running = self.running.as_mut()?;
        let audio = std::mem::replace(&mut running.audio, TurnAudio::new(self.codec));
        let (part, began) = (running.part, running.began);
        running.part += 1;
        running.began = now;
        Some(passage?.with(part, began, audio))
    }

    /// The turn has ended: its sound is kept with the gate's word, and wiped without.
    pub(super) fn end(&mut self, passage: Option<Passage>) -> Option<ConsentedTurn<TurnAudio>> {
        let mut running = self.running.take()?;
        for frame in self.waiting.drain(..) {
            running.audio.push(&frame, &[]);
        }
        if running.audio.is_empty() {
            return None;
        }
        Some(passage?.with(running.part, running.began, running.audio))
    }

    /// The turn is dropped whole; its memory is wiped.
    pub(super) fn drop_running(&mut self) {
        self.running = None;
        self.waiting.clear();
    }
}
