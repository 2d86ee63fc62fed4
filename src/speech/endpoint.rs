//! Where an utterance begins and ends. Pure: steps of sound go in with their times, beginnings and ends come out.
//!
//! How much silence makes an end depends on how much more may come: after exactly what was expected little, after the beginning of it much.

use std::time::Duration;

use super::EndpointSettings;
use super::stt::Expectation;
use crate::consent::SessionTime;
use crate::dialog::spoken::{Progress, Tongue};

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

/// Whether more may come of an utterance, by its words so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum More {
    /// There are no words yet, or others than were expected: nobody can tell.
    #[default]
    Perhaps,
    /// They are exactly an expected phrase, and no longer one begins with it; or as many digits as are taken.
    Hardly,
    /// They are the beginning of an expected phrase and none themselves, or of a number that is asked for.
    Surely,
    /// They answer a consent question, whatever they are: a "but" may follow.
    HeardOut,
}

impl More {
    /// By the words so far, among what is expected in this language: phrases, and a value where one is asked for.
    pub fn after(so_far: &str, expectation: &Expectation, language: &str) -> More {
        let among_phrases = More::among(so_far, &expectation.phrases);
        let value = expectation.value.zip(Tongue::of(language)).map(|(form, tongue)| tongue.progress(form, so_far));
        match value {
            Some(Progress::Begun) => More::Surely,
            Some(Progress::Full) => More::Hardly,
            Some(Progress::Enough) => More::Perhaps,
            Some(Progress::Other) | None => among_phrases,
        }
    }

    fn among(so_far: &str, phrases: &[String]) -> More {
        if words(so_far).next().is_none() {
            return More::Perhaps;
        }
        let (mut whole, mut beginning) = (false, false);
        for phrase in phrases {
            let (mut said, mut expected) = (words(so_far), words(phrase));
            loop {
                match (said.next(), expected.next()) {
                    (None, None) => whole = true,
                    (None, Some(_)) => beginning = true,
                    (Some(said), Some(expected)) if same(said, expected) => continue,
                    _ => {}
                }
                break;
            }
        }
        match (whole, beginning) {
            (true, false) => More::Hardly,
            (false, true) => More::Surely,
            _ => More::Perhaps,
        }
    }
}

/// The words of a text without the punctuation around them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).filter(|word| !word.is_empty())
}

fn same(one: &str, other: &str) -> bool {
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}

/// Finds utterances in a sequence of steps, each voice or not.
#[derive(Clone, Debug)]
pub struct Endpointer {
    begin: Duration,
    /// The silence that makes an end, by [`More`].
    silence: [Duration; 4],
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
            silence: [
                settings.trailing_silence_ms,
                settings.expected_silence_ms,
                settings.unfinished_silence_ms,
                settings.consent_silence_ms,
            ]
            .map(Duration::from_millis),
            longest: Duration::from_millis(settings.longest_ms),
            state: State::Silent,
        }
    }

    /// Takes the step of sound from `at` on that lasts `length`; `more` says what is known of what may follow. Steps follow each other in
    /// time; what lies between two is silence.
    pub fn hear(&mut self, at: SessionTime, length: Duration, voice: bool, more: More) -> Option<Change> {
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
                let silence = self.silence[more as usize];
                if end.since(until) >= silence || end.since(began) >= self.longest {
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

    /// How long the caller has said nothing, at `now`, in an utterance that has not ended.
    pub fn silent(&self, now: SessionTime) -> Option<Duration> {
        match self.state {
            State::Speaking { until, .. } => Some(now.since(until)),
            _ => None,
        }
    }

    /// Whether the caller is speaking, as far as is known.
    pub fn speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::spoken::Form;

    const STEP: u64 = 16;

    /// Feeds runs of (voice, steps) and gives the changes with the step they came at.
    fn changes(settings: EndpointSettings, runs: &[(bool, u64)]) -> Vec<(u64, Change)> {
        let mut endpointer = Endpointer::new(settings);
        let steps = runs.iter().flat_map(|&(voice, count)| std::iter::repeat_n(voice, count as usize));
        steps
            .enumerate()
            .filter_map(|(n, voice)| {
                let at = SessionTime(Duration::from_millis(n as u64 * STEP));
                endpointer.hear(at, Duration::from_millis(STEP), voice, More::Perhaps).map(|change| (n as u64, change))
            })
            .collect()
    }

    fn at(step: u64) -> SessionTime {
        SessionTime(Duration::from_millis(step * STEP))
    }

    fn settings() -> EndpointSettings {
        EndpointSettings {
            begin_ms: 64,
            pre_roll_ms: 300,
            pause_ms: 128,
            trailing_silence_ms: 320,
            expected_silence_ms: 160,
            unfinished_silence_ms: 640,
            consent_silence_ms: 480,
            longest_ms: 3200,
        }
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
    fn what_was_expected_ends_sooner_and_what_is_unfinished_later() {
        for (more, silent_steps) in [(More::Hardly, 10), (More::Perhaps, 20), (More::HeardOut, 30), (More::Surely, 40)] {
            let mut endpointer = Endpointer::new(settings());
            let step = Duration::from_millis(STEP);
            for n in 0..10 {
                endpointer.hear(at(n), step, true, more);
            }
            let ended = (10..60).find(|n| endpointer.hear(at(*n), step, false, more).is_some());
            assert_eq!(ended, Some(9 + silent_steps), "{more:?}");
        }
    }

    #[test]
    fn only_a_whole_phrase_that_begins_no_other_is_what_was_expected() {
        let phrases = ["ja", "ja graag", "Retour!", "ik wil een medewerker", "stop opname"].map(str::to_owned);
        for (so_far, more) in [
            ("", More::Perhaps),
            ("[unk]", More::Perhaps),
            ("retour", More::Hardly),
            ("Ja graag.", More::Hardly),
            ("ja", More::Perhaps),
            ("stop", More::Surely),
            ("ik wil een", More::Surely),
            ("ik wil een medewerker", More::Hardly),
            ("ik wil een medewerker spreken", More::Perhaps),
            ("retour maar", More::Perhaps),
            ("graag", More::Perhaps),
        ] {
            assert_eq!(More::among(so_far, &phrases), more, "{so_far}");
        }
        assert_eq!(More::among("retour", &[]), More::Perhaps);
    }

    #[test]
    fn a_number_is_unfinished_until_all_of_it_is_there() {
        let digits = |least, most| Expectation {
            phrases: vec!["medewerker".to_owned(), "stop opname".to_owned()],
            open: true,
            value: Some(Form::Digits { least, most }),
            ..Expectation::default()
        };
        for (so_far, more) in [
            ("mijn nummer is", More::Surely),
            ("vier vijf", More::Surely),
            ("vier dubbel", More::Surely),
            ("vier vijf zes", More::Surely),
            ("vier vijf zes zeven", More::Surely),
            ("vijfenveertig zevenenzestig acht negen", More::Hardly),
            ("vier vijf zes zeven acht negen een", More::Perhaps),
            ("medewerker", More::Hardly),
            ("stop", More::Surely),
            ("dat weet ik niet", More::Perhaps),
            ("", More::Perhaps),
        ] {
            assert_eq!(More::after(so_far, &digits(4, 6), "nl"), more, "{so_far}");
        }
        assert_eq!(More::after("one two three four", &digits(4, 4), "en"), More::Hardly);
        assert_eq!(More::after("one two three", &digits(4, 4), "ko"), More::Perhaps);
    }

    #[test]
    fn a_hole_in_the_steps_is_silence() {
        let mut endpointer = Endpointer::new(settings());
        let step = Duration::from_millis(STEP);
        for n in 0..10 {
            endpointer.hear(at(n), step, true, More::Perhaps);
        }
        let change = endpointer.hear(at(60), step, false, More::Perhaps);
        assert_eq!(change, Some(Change::Ended { began: at(0), ended: at(10), speech: Duration::from_millis(10 * STEP) }));
    }
}
