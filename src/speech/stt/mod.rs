//! Recognisers: what the caller said, in words.
//!
//! A [`Recogniser`] is one loaded engine for one language, shared by all calls. [`Recogniser::start`] gives a [`Recognition`], which
//! lives for one utterance: sound goes in while the caller speaks, a [`Hypothesis`] comes out when they have finished. All of it
//! blocks and belongs on a thread of its own ([`super::Ears`] sees to that).
//!
//! **Architecture invariant:** words and sound exist in memory only. `Debug` of a hypothesis shows no word, errors carry none,
//! and both are wiped when they are dropped.

mod in_turn;
mod kept;
mod load;
mod panics;
mod places;
mod remote;
mod seats;
#[cfg(feature = "vosk")]
mod vosk;
mod waiting;
mod watched;
#[cfg(feature = "whisper")]
mod whisper;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::dialog::flow::Expecting;
use crate::dialog::spoken::Form;

pub use load::{Listens, LoadNote, Recognisers};
pub(super) use remote::check as check_remotes;
#[cfg(any(fuzzing, test))]
pub use remote::parsers;
pub use remote::{Address, Protocol, RemoteSettings, RemoteSettingsError};
pub use seats::Seat;
use seats::Seats;
#[cfg(feature = "vosk")]
pub use vosk::VoskRecogniser;
#[cfg(feature = "whisper")]
pub use whisper::{WhisperModel, WhisperRecogniser};

/// The sample rate that every recogniser takes, in Hz.
pub const RECOGNITION_RATE: u32 = 16_000;

/// The name of the threads that recognition runs on. What an engine says in a panic on them is not reported, as it may hold words.
pub const THREAD: &str = "recogniser";

/// What the dialog expects the caller to say now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The phrases of the state: options, answers, commands. They narrow an engine that can be narrowed safely; empty means
    /// anything may be said.
    pub phrases: Vec<String>,
    /// Whether an answer found among the phrases is to be confirmed by an open look at the same sound. Always so for consent.
    pub second_look: bool,
    /// Whether anything may be said although there are phrases: the engine then listens with its whole vocabulary.
    pub open: bool,
    /// A value that is asked for, which takes as long to say as it takes: see [`super::endpoint::More`].
    pub value: Option<Form>,
}

impl Expectation {
    /// What the dialog wants the ears to expect. A value is no phrase, so an engine that could be narrowed is not.
    pub fn of(expecting: Expecting) -> Expectation {
        let Expecting { phrases, consent, value } = expecting;
        Expectation { phrases, second_look: consent, open: value.is_some(), value }
    }
}

/// One engine, loaded for one language, shared by all calls.
pub trait Recogniser: Send + Sync {
    /// The language it understands, as the dialog writes it: `nl`, `en`, `ko`.
    fn language(&self) -> &str;

    /// Begins with a new utterance. Blocks for up to some hundred milliseconds.
    ///
    /// # Errors
    /// [`RecognitionError`] when the engine refuses.
    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError>;

    /// A seat for one more utterance, taken before anything else is done for it. An engine that sets no bound gives any number.
    ///
    /// # Errors
    /// [`RecognitionError::Busy`]: as many are heard as may be. [`RecognitionError::Stuck`]: nobody hears now.
    fn seat(&self) -> Result<Seat, RecognitionError> {
        Ok(Seat::free())
    }

    /// The words of `phrases` that this engine does not know and so can never hear, each once, in order of appearance. Asked
    /// once at the start, so that an author learns of them.
    fn unknown_words(&self, phrases: &[String]) -> Vec<String>;

    /// Whether this engine can be narrowed to phrases and still say "none of these".
    fn has_grammar(&self) -> bool;
}

/// One utterance on its way through an engine. Every call blocks.
pub trait Recognition: Send {
    /// Takes sound at [`RECOGNITION_RATE`], one channel.
    ///
    /// # Errors
    /// [`RecognitionError`]; nothing more can be expected of this utterance then.
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError>;

    /// The caller has fallen silent for a moment, and may have finished. An engine that hears utterances as a whole begins with it here, so that its
    /// answer is there when they have; what comes until [`Recognition::goes_on`] is silence. `gone_on` becomes true when there is no use in it any more.
    ///
    /// # Errors
    /// [`RecognitionError`], as for [`Recognition::push`].
    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError>;

    /// The caller goes on after a pause.
    fn goes_on(&mut self);

    /// The words as they look so far, which decides only how long the ears wait for more: nothing is ever understood by it. An engine that
    /// cannot tell gives nothing.
    fn so_far(&mut self) -> Option<Zeroizing<String>>;

    /// Ends the utterance. `abandoned` becomes true when nobody waits for its words any more; whatever comes then is of no use.
    ///
    /// # Errors
    /// [`RecognitionError`] when the engine failed on the way.
    fn finish(self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError>;
}

/// Why an utterance was not recognised. Never holds what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecognitionError {
    /// The engine gave no recogniser for this utterance.
    #[error("the recognition engine could not start an utterance; see whether memory is short")]
    Start,
    /// The engine failed while it listened.
    #[error("the recognition engine failed while it listened")]
    Decode,
    /// The engine's answer could not be read.
    #[error("the recognition engine gave an answer that cannot be read")]
    Answer,
    /// The engine has not come back from earlier utterances, or failed too often, and is not asked.
    #[error("the recognition engine does not answer")]
    Stuck,
    /// Too many others are being heard: there was no place at the engine in time.
    #[error("the recognition engine has too much to do")]
    Busy,
    /// The engine is another machine's, and cannot be reached.
    #[error("the recognition engine cannot be reached")]
    Unreachable,
    /// It is reached, and refuses.
    #[error("the recognition engine refuses to hear")]
    Refused,
    /// It does not answer in time.
    #[error("the recognition engine did not answer in time")]
    Late,
    /// Nobody waits for the words any more.
    #[error("nobody waits for what was said")]
    Abandoned,
}

impl RecognitionError {
    /// A short name for metrics and the log.
    pub fn class(self) -> &'static str {
        match self {
            RecognitionError::Start => "start",
            RecognitionError::Decode => "decode",
            RecognitionError::Answer => "answer",
            RecognitionError::Stuck => "stuck",
            RecognitionError::Busy => "busy",
            RecognitionError::Unreachable => "unreachable",
            RecognitionError::Refused => "refused",
            RecognitionError::Late => "late",
            RecognitionError::Abandoned => "abandoned",
        }
    }
}

/// How a hypothesis came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The engine could choose among the expected phrases and "none of these".
    Grammar,
    /// The engine listened with its whole vocabulary.
    Open,
}

/// What the engine believes the caller said. Wiped when it is dropped.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub struct Hypothesis {
    /// The words, separated by single spaces. Empty when nothing was understood; `[unk]` stands for speech that is none of the
    /// expected phrases.
    pub text: String,
    /// The engine's confidence in its least certain word, 0 to 1; 0 when there is no word. Of an answer to a consent question, where the engine can tell: in
    /// its being that answer, in whatever word.
    pub confidence: f32,
    /// The text of the open look, where one was asked for and the first look had a grammar.
    pub second: Option<String>,
    /// The words with their times.
    pub words: Vec<HeardWord>,
    /// How `text` came about.
    #[zeroize(skip)]
    pub source: Source,
}

impl Hypothesis {
    /// What the engine heard with its whole vocabulary: the second look, or the text itself where it was open in the first place.
    /// Absent when only a grammar has listened.
    pub fn open_look(&self) -> Option<&str> {
        match self.source {
            Source::Open => Some(&self.text),
            Source::Grammar => self.second.as_deref(),
        }
    }

    /// How much of the utterance the words cover, to be held against how long the caller spoke.
    pub fn covered(&self) -> Duration {
        self.words.iter().map(|word| word.end.saturating_sub(word.start)).sum()
    }

    /// What these words say: no more certain than the least certain of them.
    pub fn of_words(words: Vec<HeardWord>, source: Source) -> Self {
        // Room for all of it at once, so that no half-grown copy is left behind.
        let mut text = String::with_capacity(words.iter().map(|word| word.text.len() + 1).sum());
        for word in &words {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word.text);
        }
        let confidence = words.iter().map(|word| word.confidence).reduce(f32::min).unwrap_or(0.0).clamp(0.0, 1.0);
        Hypothesis { text, confidence, second: None, words, source }
    }

    /// A hypothesis of nothing.
    pub fn empty(source: Source) -> Self {
        Hypothesis { text: String::new(), confidence: 0.0, second: None, words: Vec::new(), source }
    }
}

/// Shows numbers, never words.
impl fmt::Debug for Hypothesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hypothesis")
            .field("words", &self.words.len())
            .field("confidence", &self.confidence)
            .field("second", &self.second.is_some())
            .field("source", &self.source)
            .finish()
    }
}

/// How sure a word is on one scale for all engines, by the probability that a model gives it, where it shares that out among the ways to write a
/// word ("Yes", "yes", "Yes."): one that is understood has 0.4 to 0.9, by recordings of people through the telephone's codec (docs/hearing.md). With the fifth root, what a
/// consent asks for (0.85) is a probability of 0.44.
fn calibrated(probability: f32) -> f32 {
    probability.clamp(0.0, 1.0).powf(0.2)
}

/// The power that takes the probability of a whole answer in one word to the scale of [`calibrated`]. That one allows for a probability that is shared out among
/// the ways to write a word; a yes that may be kept as a consent gets no such allowance. What a consent asks for (0.85) is two thirds here: twice as likely a yes as
/// anything else. Of what people said that was no yes, the word "learn" into noise came nearest, with little more than a half.
const ANSWER: f32 = 0.4;

/// How sure an answer in one word is, by the probability of its being that answer, on the scale of [`calibrated`].
fn calibrated_answer(probability: f32) -> f32 {
    probability.clamp(0.0, 1.0).powf(ANSWER)
}

/// A word and when it was said. Wiped when it is dropped.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub struct HeardWord {
    /// The word.
    pub text: String,
    /// Its beginning, from the first sample of the utterance.
    #[zeroize(skip)]
    pub start: Duration,
    /// Its end, from the first sample of the utterance.
    #[zeroize(skip)]
    pub end: Duration,
    /// The engine's confidence, 0 to 1.
    pub confidence: f32,
}

/// Shows times, never the word.
impl fmt::Debug for HeardWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeardWord({:?}..{:?}, {})", self.start, self.end, self.confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hypothesis(source: Source, second: Option<&str>) -> Hypothesis {
        let word = |text: &str, start, end| HeardWord {
            text: text.to_owned(),
            start: Duration::from_millis(start),
            end: Duration::from_millis(end),
            confidence: 0.9,
        };
        Hypothesis {
            text: "geheim woord".to_owned(),
            confidence: 0.9,
            second: second.map(str::to_owned),
            words: vec![word("geheim", 100, 400), word("woord", 500, 700)],
            source,
        }
    }

    #[test]
    fn debug_shows_no_word() {
        let hypothesis = hypothesis(Source::Grammar, Some("nog een geheim"));
        let shown = format!("{hypothesis:?} {hypothesis:#?} {:?}", hypothesis.words);
        assert!(!shown.contains("geheim") && !shown.contains("woord"), "{shown}");
    }

    #[test]
    fn a_grammar_alone_gives_no_open_look() {
        assert_eq!(hypothesis(Source::Grammar, None).open_look(), None);
        assert_eq!(hypothesis(Source::Grammar, Some("iets")).open_look(), Some("iets"));
        assert_eq!(hypothesis(Source::Open, None).open_look(), Some("geheim woord"));
    }

    #[test]
    fn covered_is_the_words_without_the_pauses() {
        assert_eq!(hypothesis(Source::Open, None).covered(), Duration::from_millis(500));
    }
}
