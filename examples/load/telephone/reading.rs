//! What a call's events say of its turns: how long the caller waited for an answer, who was cut off, how fast the agent fell silent. Pure.

use std::time::Duration;

use crate::phone::{Event, Happening};

/// What a caller meant by saying something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Into silence, one of the answers that the dialog expects.
    Answer,
    /// Into silence, something else, with a pause in it or without.
    SomethingElse,
    /// Into the agent's words, to interrupt.
    Interruption,
    /// Into the agent's words, where those go on: talk that nobody answers.
    Aside,
}

/// What a caller meant by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Into the agent's words.
    Interrupting,
    /// Into silence.
    InTurn,
}

/// What was found in the events of some calls.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// From the end of an expected answer to the first sound.
    pub after_answers: Vec<Duration>,
    /// The same after something else.
    pub after_others: Vec<Duration>,
    /// How often the agent spoke into an answer, and how many answers there were.
    pub cut_answers: (u64, u64),
    pub cut_others: (u64, u64),
    /// From the key to the `clear`, and from the beginning of the voice to it.
    pub cleared_by_key: Vec<Duration>,
    pub cleared_by_voice: Vec<Duration>,
}

/// How long an answer may take to count as one.
const PATIENCE: Duration = Duration::from_secs(8);
/// A clear that comes later than this was for something else.
const CLEARS: Duration = Duration::from_secs(2);

impl Turns {
    /// Reads a call: `said` and `pressed` give the meaning of what its caller said and pressed, in order.
    pub fn read(&mut self, events: &[Event], said: &[Meaning], pressed: &[Press]) {
        let after = |place: usize, wanted: fn(&Happening) -> bool| {
            let rest = events.get(place + 1..).unwrap_or_default();
            rest.iter().find(|event| wanted(&event.what)).map(|event| event.at)
        };
        let places = |wanted: fn(&Happening) -> bool| {
            events.iter().enumerate().filter(move |(_, event)| wanted(&event.what)).map(|(place, event)| (place, event.at))
        };
        for ((place, at), meaning) in places(|what| matches!(what, Happening::Pressed(_))).zip(pressed) {
            if *meaning == Press::Interrupting
                && let Some(cleared) = after(place, |what| matches!(what, Happening::Cleared(_)))
                && cleared - at < CLEARS
            {
                self.cleared_by_key.push(cleared - at);
            }
        }
        for ((place, began), meaning) in places(|what| matches!(what, Happening::VoiceBegins)).zip(said) {
            match meaning {
                Meaning::Aside => {}
                Meaning::Interruption => {
                    let cleared = after(place, |what| matches!(what, Happening::Cleared(_)));
                    self.cleared_by_voice.extend(cleared.map(|cleared| cleared - began).filter(|took| *took < CLEARS));
                }
                Meaning::Answer | Meaning::SomethingElse => {
                    let ended = after(place, |what| matches!(what, Happening::VoiceEnds));
                    let answered = after(place, |what| matches!(what, Happening::AgentBegins));
                    let (Some(ended), Some(answered)) = (ended, answered) else { continue };
                    let (times, cut) = match meaning {
                        Meaning::Answer => (&mut self.after_answers, &mut self.cut_answers),
                        _ => (&mut self.after_others, &mut self.cut_others),
                    };
                    cut.1 += 1;
                    match answered.checked_sub(ended) {
                        None => cut.0 += 1,
                        Some(waited) if waited < PATIENCE => times.push(waited),
                        Some(_) => {}
                    }
                }
            }
        }
    }

    /// Takes what was found elsewhere in.
    pub fn add(&mut self, other: Turns) {
        self.after_answers.extend(other.after_answers);
        self.after_others.extend(other.after_others);
        for (all, more) in [(&mut self.cut_answers, other.cut_answers), (&mut self.cut_others, other.cut_others)] {
            *all = (all.0 + more.0, all.1 + more.1);
        }
        self.cleared_by_key.extend(other.cleared_by_key);
        self.cleared_by_voice.extend(other.cleared_by_voice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(of: &[(u64, Happening)]) -> Vec<Event> {
        of.iter().map(|(at, what)| Event { at: Duration::from_millis(*at), what: what.clone() }).collect()
    }

    fn ms(times: &[u64]) -> Vec<Duration> {
        times.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn an_answer_is_timed_from_the_end_of_the_voice() {
        let call = events(&[
            (100, Happening::AgentBegins),
            (5000, Happening::VoiceBegins),
            (5600, Happening::VoiceEnds),
            (5900, Happening::AgentBegins),
            (9000, Happening::VoiceBegins),
            (11_000, Happening::VoiceEnds),
            (11_420, Happening::AgentBegins),
        ]);
        let mut turns = Turns::default();
        turns.read(&call, &[Meaning::Answer, Meaning::SomethingElse], &[]);
        assert_eq!((&turns.after_answers, &turns.after_others), (&ms(&[300]), &ms(&[420])));
        assert_eq!((turns.cut_answers, turns.cut_others), ((0, 1), (0, 1)));
    }

    #[test]
    fn an_agent_that_speaks_into_an_answer_has_cut_it_off() {
        let call = events(&[(0, Happening::VoiceBegins), (900, Happening::AgentBegins), (2000, Happening::VoiceEnds)]);
        let mut turns = Turns::default();
        turns.read(&call, &[Meaning::SomethingElse], &[]);
        assert_eq!((turns.cut_others, turns.after_others.len()), ((1, 1), 0));
        // What is said into the agent's words is no answer, and cannot be cut off.
        let mut asides = Turns::default();
        asides.read(&call, &[Meaning::Aside], &[]);
        assert_eq!((asides.cut_others, asides.cut_answers), ((0, 0), (0, 0)));
    }

    #[test]
    fn an_interruption_is_timed_to_the_clear() {
        let call = events(&[
            (1000, Happening::Pressed('1')),
            (1004, Happening::Cleared(Duration::ZERO)),
            (3000, Happening::Pressed('2')),
            (5000, Happening::VoiceBegins),
            (5130, Happening::Cleared(Duration::ZERO)),
            (5400, Happening::VoiceEnds),
        ]);
        let mut turns = Turns::default();
        turns.read(&call, &[Meaning::Interruption], &[Press::Interrupting, Press::InTurn]);
        assert_eq!((turns.cleared_by_key, turns.cleared_by_voice), (ms(&[4]), ms(&[130])));
    }
}
