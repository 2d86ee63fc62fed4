use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::audio::Codec;
use crate::consent::{ConsentedTurn, Passage, SessionTime};
use crate::recording::{TurnAudio, TurnMemory};

/// The longest piece of a turn that is held in memory; a longer turn is sealed in parts.
const PART: Duration = Duration::from_secs(120);
/// Frames from the caller that wait for their 20 ms: enough to level the network's unevenness.
const LEVELLING: usize = 3;
/// With more than this many waiting, the caller's clock is ahead of ours and two are taken at once.
const BEHIND: usize = 15;

/// The running turn, in memory only, and only while a grant covers it.
pub(super) struct Turns {
    codec: Codec,
    memory: TurnMemory,
    /// The running turn had to be given up, because all turns together took too much memory.
    given_up: bool,
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
    pub(super) fn new(codec: Codec, memory: TurnMemory) -> Turns {
        Turns { codec, memory, given_up: false, running: None, waiting: VecDeque::new(), levelled: false }
    }

    /// A turn begins: from here on its sound is held, if it may be.
    pub(super) fn begin(&mut self, held: bool, now: SessionTime) {
        self.waiting.clear();
        self.levelled = false;
        self.given_up = false;
        self.running = held.then(|| Running { audio: TurnAudio::within(self.codec, &self.memory), part: 1, began: now });
    }

    /// Whether the running turn had to be given up for lack of memory.
    pub(super) fn was_given_up(&self) -> bool {
        self.given_up
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
        if !running.audio.has_room() {
            // The newest goes: what was said earlier is about to be sealed.
            self.given_up = true;
            self.drop_running();
        }
    }

    /// Whether the turn has become too long to hold in one piece.
    pub(super) fn is_full(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.audio.duration() >= PART)
    }

    /// Takes what is held of the running turn; without the gate's word it is wiped. The turn goes on.
    pub(super) fn part(&mut self, passage: Option<Passage>, now: SessionTime) -> Option<ConsentedTurn<TurnAudio>> {
        let running = self.running.as_mut()?;
        let audio = std::mem::replace(&mut running.audio, TurnAudio::within(self.codec, &self.memory));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Basis, Consents, Purpose, Terms, TurnKind};

    fn passage() -> Passage {
        let terms = Terms {
            purpose: Purpose::new("disputes").unwrap(),
            basis: Basis::LegitimateInterest,
            necessity: "a test".into(),
            retention: Duration::from_secs(86_400),
        };
        let mut consents = Consents::new(vec![terms]);
        consents.informed(SessionTime::START);
        let permit = consents.open_turn(1, SessionTime::START, &TurnKind::Dialog { evidence_for: Vec::new() }).unwrap();
        consents.pass(&permit, SessionTime(Duration::from_secs(500))).unwrap()
    }

    fn frame(byte: u8) -> Bytes {
        Bytes::from(vec![byte; 160])
    }

    #[test]
    fn nothing_is_held_without_leave() {
        let mut turns = Turns::new(Codec::Ulaw, TurnMemory::of(usize::MAX));
        turns.begin(false, SessionTime::START);
        turns.hear(&frame(1));
        turns.tick(&[2; 160]);
        assert!(turns.waiting.is_empty() && turns.running.is_none());
        assert!(turns.end(Some(passage())).is_none());
    }

    #[test]
    fn a_turn_that_ends_without_the_gates_word_is_gone() {
        let mut turns = Turns::new(Codec::Ulaw, TurnMemory::of(usize::MAX));
        turns.begin(true, SessionTime::START);
        turns.hear(&frame(1));
        turns.tick(&[2; 160]);
        assert!(turns.end(None).is_none());
        assert!(turns.end(Some(passage())).is_none());
    }

    #[test]
    fn every_frame_of_the_caller_is_in_the_turn_and_both_sides_keep_time() {
        let mut turns = Turns::new(Codec::Ulaw, TurnMemory::of(usize::MAX));
        turns.begin(true, SessionTime::START);
        for byte in 1..=10 {
            turns.hear(&frame(byte));
            turns.tick(&[100 + byte; 160]);
        }
        let turn = turns.end(Some(passage())).unwrap();
        let caller: Vec<u8> = turn.audio().caller().chunks(160).map(|chunk| chunk[0]).filter(|byte| *byte != 0xff).collect();
        assert_eq!(caller, (1..=10).collect::<Vec<_>>());
        let agent: Vec<u8> = turn.audio().agent().chunks(160).map(|chunk| chunk[0]).filter(|byte| *byte != 0xff).collect();
        assert_eq!(agent, (101..=110).collect::<Vec<_>>());
    }

    #[test]
    fn a_long_turn_is_given_up_in_parts() {
        let mut turns = Turns::new(Codec::Ulaw, TurnMemory::of(usize::MAX));
        turns.begin(true, SessionTime::START);
        for _ in 0..6000 {
            assert!(!turns.is_full());
            turns.tick(&[1; 160]);
        }
        assert!(turns.is_full());
        let first = turns.part(Some(passage()), SessionTime(PART)).unwrap();
        turns.tick(&[1; 160]);
        let second = turns.end(Some(passage())).unwrap();
        assert_eq!((first.part(), second.part(), second.began()), (1, 2, SessionTime(PART)));
        assert_eq!((first.audio().duration(), second.audio().duration()), (PART, Duration::from_millis(20)));
    }

    #[test]
    fn a_turn_for_which_there_is_no_memory_is_given_up_and_the_next_is_held_again() {
        let memory = TurnMemory::of(40_000);
        let mut turns = Turns::new(Codec::Ulaw, memory.clone());
        turns.begin(true, SessionTime::START);
        (0..500).for_each(|_| turns.tick(&[1; 160]));
        assert!(turns.was_given_up() && turns.end(Some(passage())).is_none());
        assert_eq!(memory.held(), 0);
        turns.begin(true, SessionTime(PART));
        turns.tick(&[1; 160]);
        assert!(!turns.was_given_up() && turns.end(Some(passage())).is_some());
    }
}
