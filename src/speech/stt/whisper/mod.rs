//! Recognition by Whisper, through CTranslate2: one model for several languages, which hears an utterance as a whole.
//!
//! The model was made for pieces of thirty seconds and takes as long for a word as for all of them. It is shown only what was said and some
//! silence after it, which is what makes it fast enough for a call; where the answer looks as if that had been too little (it repeats itself, does not
//! come to an end, or is unsure) it is shown more, once.

mod decode;
mod mel;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

pub use decode::WhisperModel;

use super::kept::Kept;
use super::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, Source};
use crate::consent::{AnswerGrammar, Meaning};

/// How much of an utterance is listened to, in samples: the model's own limit of thirty seconds, less the silence that follows.
const LONGEST: usize = 28 * RECOGNITION_RATE as usize;

/// A Whisper model, listening in one language.
pub struct WhisperRecogniser {
    language: String,
    model: Arc<WhisperModel>,
}

impl WhisperRecogniser {
    /// A recogniser for a language that the model has; `None` where it has not.
    pub fn new(language: &str, model: Arc<WhisperModel>) -> Option<WhisperRecogniser> {
        model.has(language).then(|| WhisperRecogniser { language: language.to_owned(), model })
    }
}

impl WhisperRecogniser {
    /// The tokens of the words among what is expected that are a no each by itself.
    fn refusals(&self, expectation: &Expectation) -> Vec<usize> {
        let Some(grammar) = AnswerGrammar::for_language(&self.language) else { return Vec::new() };
        let is_no = |phrase: &&String| !phrase.contains(' ') && grammar.meaning(phrase) == Meaning::Refusal;
        self.model.tokens_of(expectation.phrases.iter().filter(is_no).map(String::as_str))
    }
}

impl Recogniser for WhisperRecogniser {
    fn language(&self) -> &str {
        &self.language
    }

    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        Ok(Box::new(WhisperRecognition {
            language: self.language.clone(),
            model: self.model.clone(),
            samples: Kept::at_most(LONGEST),
            against: if expectation.second_look { self.refusals(expectation) } else { Vec::new() },
            heard_out: expectation.second_look,
            found: None,
        }))
    }

    fn unknown_words(&self, _: &[String]) -> Vec<String> {
        // It spells.
        Vec::new()
    }

    fn has_grammar(&self) -> bool {
        false
    }
}

struct WhisperRecognition {
    language: String,
    model: Arc<WhisperModel>,
    samples: Kept,
    /// Whether every sound counts to the very end, as in an answer to a consent question: what is said too softly to end the pause may be a "but".
    heard_out: bool,
    /// The tokens of words that are a no, where a yes may be said. In noise a model hears one in the other.
    against: Vec<usize>,
    /// What was found in the pause that lasts.
    found: Option<Hypothesis>,
}

impl Recognition for WhisperRecognition {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        self.samples.push(samples);
        Ok(())
    }

    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        self.found = None;
        if self.heard_out {
            return Ok(());
        }
        let found = self.model.hear(&self.language, self.samples.samples(), &[], gone_on)?;
        if !gone_on.load(Ordering::Relaxed) {
            self.found = found;
        }
        Ok(())
    }

    fn goes_on(&mut self) {
        self.found = None;
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        self.found.as_ref().map(|found| Zeroizing::new(found.text.clone()))
    }

    fn finish(mut self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        if let Some(found) = self.found.take() {
            return Ok(found);
        }
        let heard = self.model.hear(&self.language, self.samples.samples(), &self.against, abandoned)?;
        Ok(heard.unwrap_or_else(|| Hypothesis::empty(Source::Open)))
    }
}

/// Reads a model's folder. Blocks for a second or two. Gives nothing where it is no Whisper model, or not a whole one.
pub fn load(folder: &Path, threads: usize) -> Option<Arc<WhisperModel>> {
    WhisperModel::read(folder, threads).map(Arc::new)
}
