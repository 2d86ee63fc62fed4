//! Recognition by Whisper, through CTranslate2: one model for several languages, which hears an utterance as a whole.
//!
//! The model was made for pieces of thirty seconds and takes as long for a word as for all of them. It is shown only what was said and some
//! silence after it, which is what makes it fast enough for a call; where the answer looks as if that had been too little (it repeats itself, does not
//! come to an end, or is unsure) it is shown more, once.

mod answers;
mod decode;
mod mel;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

pub use decode::WhisperModel;

use self::answers::Answers;
use super::kept::Kept;
use super::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, Source};

/// How much of an utterance is listened to, in samples: the model's own limit of thirty seconds, less the silence that follows.
const LONGEST: usize = 28 * RECOGNITION_RATE as usize;

/// A Whisper model, listening in one language.
pub struct WhisperRecogniser {
    language: String,
    model: Arc<WhisperModel>,
    answers: Option<Arc<Answers>>,
}

impl WhisperRecogniser {
    /// A recogniser for a language that the model has; `None` where it has not.
    pub fn new(language: &str, model: Arc<WhisperModel>) -> Option<WhisperRecogniser> {
        let answers = model.answers(language).map(Arc::new);
        model.has(language).then(|| WhisperRecogniser { language: language.to_owned(), model, answers })
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
            answers: self.answers.clone().filter(|_| expectation.second_look),
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
    /// Where a yes may be said: in noise a model hears one in a no.
    answers: Option<Arc<Answers>>,
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
        let found = self.model.hear(&self.language, self.samples.samples(), None, gone_on)?;
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
        let heard = self.model.hear(&self.language, self.samples.samples(), self.answers.as_deref(), abandoned)?;
        Ok(heard.unwrap_or_else(|| Hypothesis::empty(Source::Open)))
    }
}

/// Reads a model's folder. Blocks for a second or two. Gives nothing where it is no Whisper model, or not a whole one.
pub fn load(folder: &Path, threads: usize) -> Option<Arc<WhisperModel>> {
    WhisperModel::read(folder, threads).map(Arc::new)
}
