//! Where an utterance begins and ends. Pure: steps of sound go in with their times, beginnings and ends come out.

use std::time::Duration;

use super::EndpointSettings;
use crate::consent::SessionTime;

/// What a step of sound changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The caller has begun to speak.
    Began {
        /// When the voice began: earlier than now, by the voice that it took to be sure.
        at: SessionTime,
    },
    /// The caller has finished, or has spoken for as long as an utterance may last.
    Ended {
        /// When the voice began.
        began: SessionTime,
        /// When the last voice ended: earlier than now, by the silence that it took to be sure.
        ended: SessionTime,
        /// How much of it was voice.
        speech: Duration,
    },
}

/// Finds utterances in a sequence of steps, each voice or not.
#[derive(Clone, Debug)]
pub struct Endpointer {
    begin: Duration,
    trailing_silence: Duration,
    longest: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Silent,
    /// Some voice, not yet enough. `voice` runs down while there is none, so that a click now and then adds up to nothing.
    Perhaps {
        since: SessionTime,
        voice: Duration,
        until: SessionTime,
    },
    Speaking {
        began: SessionTime,
        voice: Duration,
        until: SessionTime,
    },
}

impl Endpointer {
    /// An endpointer that has heard nothing yet.
    pub fn new(settings: EndpointSettings) -> Self {
        Endpointer {
            begin: Duration::from_millis(settings.begin_ms),
            trailing_silence: Duration::from_millis(settings.trailing_silence_ms),
            longest: Duration::from_millis(settings.longest_ms),
            state: State::Silent,
        }
    }

    /// Takes the step of sound from `at` on that lasts `length`. Steps follow each other in time; what lies between two is silence.
    pub fn hear(&mut self, at: SessionTime, length: Duration, voice: bool) -> Option<Change> {
        let end = at + length;
        match self.state {
            State::Silent if voice => self.perhaps(at, length, end),
            State::Silent => None,
            State::Perhaps { since, voice: heard, .. } if voice => self.perhaps(since, heard + length, end),
            State::Perhaps { since, voice: heard, until } => {
                let left = heard.saturating_sub(length);
                self.state = if left.is_zero() { State::Silent } else { State::Perhaps { since, voice: left, until } };
                None
            }
            State::Speaking { began, voice: heard, until } => {
                let (heard, until) = if voice { (heard + length, end) } else { (heard, until) };
                if end.since(until) >= self.trailing_silence || end.since(began) >= self.longest {
                    self.state = State::Silent;
                    return Some(Change::Ended { began, ended: until, speech: heard });
                }
                self.state = State::Speaking { began, voice: heard, until };
                None
            }
        }
    }

    fn perhaps(&mut self, since: SessionTime, voice: Duration, until: SessionTime) -> Option<Change> {
        if voice >= self.begin {
            self.state = State::Speaking { began: since, voice, until };
            return Some(Change::Began { at: since });
        }
        self.state = State::Perhaps { since, voice, until };
        None
    }

    /// Whether the caller is speaking, as far as is known.
    pub fn speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: u64 = 16;

    /// Feeds runs of (voice, steps) and gives the changes with the step they came at.
    fn changes(settings: EndpointSettings, runs: &[(bool, u64)]) -> Vec<(u64, Change)> {
        let mut endpointer = Endpointer::new(settings);
        let steps = runs.iter().flat_map(|&(voice, count)| std::iter::repeat_n(voice, count as usize));
        steps
            .enumerate()
            .filter_map(|(n, voice)| {
                let at = SessionTime(Duration::from_millis(n as u64 * STEP));
                endpointer.hear(at, Duration::from_millis(STEP), voice).map(|change| (n as u64, change))
            })
            .collect()
    }

    fn at(step: u64) -> SessionTime {
        SessionTime(Duration::from_millis(step * STEP))
    }

    fn settings() -> EndpointSettings {
        EndpointSettings { begin_ms: 64, pre_roll_ms: 300, trailing_silence_ms: 320, longest_ms: 3200 }
    }

    #[test]
    fn an_utterance_begins_and_ends_where_the_voice_does() {
        let speech = Duration::from_millis(20 * STEP);
        assert_eq!(
            changes(settings(), &[(false, 10), (true, 20), (false, 40)]),
            [(13, Change::Began { at: at(10) }), (49, Change::Ended { began: at(10), ended: at(30), speech }),]
        );
    }

    #[test]
    fn a_pause_shorter_than_the_trailing_silence_is_part_of_the_utterance() {
        let found = changes(settings(), &[(true, 20), (false, 19), (true, 10), (false, 20)]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].1, Change::Ended { began: at(0), ended: at(49), speech: Duration::from_millis(30 * STEP) });
    }

    #[test]
    fn clicks_add_up_to_nothing() {
        let clicks: Vec<_> = (0..50).flat_map(|_| [(true, 2), (false, 3)]).collect();
        assert_eq!(changes(settings(), &clicks), []);
    }

    #[test]
    fn a_dropout_at_the_beginning_delays_it_but_keeps_its_place() {
        let found = changes(settings(), &[(true, 3), (false, 1), (true, 2)]);
        assert_eq!(found, [(5, Change::Began { at: at(0) })]);
    }

    #[test]
    fn an_endless_utterance_is_ended_and_the_next_one_begins() {
        let found = changes(settings(), &[(true, 300)]);
        assert_eq!(found[1], (199, Change::Ended { began: at(0), ended: at(200), speech: Duration::from_millis(3200) }));
        assert_eq!(found[2], (203, Change::Began { at: at(200) }));
    }

    #[test]
    fn a_hole_in_the_steps_is_silence() {
        let mut endpointer = Endpointer::new(settings());
        let step = Duration::from_millis(STEP);
        for n in 0..10 {
            endpointer.hear(at(n), step, true);
        }
        let change = endpointer.hear(at(60), step, false);
        assert_eq!(change, Some(Change::Ended { began: at(0), ended: at(10), speech: Duration::from_millis(10 * STEP) }));
    }
}
