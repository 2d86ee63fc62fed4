use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ct2rs::sys::{ComputeType, Config, Device, StorageView, Whisper, WhisperAlignmentResult, WhisperOptions};
use zeroize::Zeroizing;

use super::answers::{Answers, Said};
use super::mel::{BANDS, HOP, Mel};
use super::vocabulary::Vocabulary;
use crate::speech::stt::{HeardWord, Hypothesis, RECOGNITION_RATE, RecognitionError, Source, calibrated};

/// How many columns of silence follow what was said, and how many there are at least: 2 s and 8 s. With less the model finds no end.
const AFTER: usize = 200;
const LEAST: usize = 800;
/// How many there are when it is shown more, and the most that it takes: 30 s.
const MORE: usize = 1_500;
const MOST: usize = 3_000;
/// How many tokens a second of speech may take, beside a few for any answer: somebody who reads numbers aloud needs five.
const TOKENS_PER_SECOND: usize = 8;
const FEW: usize = 12;
/// Of the average token's logarithm of its probability: below this the answer is worth a second look.
const UNSURE: f32 = -1.0;
/// From this probability on that there is no speech, an unsure answer is none.
const NO_SPEECH: f32 = 0.6;
/// Words of which the least certain is less certain than this, on the scale of [`calibrated`], are none: the model finds some in music as well. Of what it
/// found in 26 pieces of hold music everything is below it, of what it found in 500 recordings of people one sentence.
const NO_WORDS: f32 = 0.46;
/// How often a row of words may follow itself: "nee nee nee" is said by people, more is the model's own echo.
const REPEATED: usize = 3;
/// How many of the tokens that an answer may begin with are looked at.
const FIRSTS: usize = 8;
/// How long a step of the decoder's attention lasts.
const STEP: Duration = Duration::from_millis(20);

/// One model in memory, shared by all languages and calls.
pub struct WhisperModel {
    engine: Whisper,
    vocabulary: Vocabulary,
    mel: Mel,
}

/// One attempt at an utterance.
struct Attempt {
    tokens: Vec<usize>,
    /// The average logarithm of a token's probability, the end's included.
    sure: f32,
    no_speech: f32,
    /// Whether the model came to an end by itself.
    ended: bool,
    encoded: StorageView<'static>,
    columns: usize,
}

impl WhisperModel {
    /// Reads a folder; nothing where it holds no whole model.
    pub(super) fn read(folder: &Path, threads: usize) -> Option<WhisperModel> {
        let vocabulary = Vocabulary::read(folder)?;
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            num_threads_per_replica: threads,
            ..Config::default()
        };
        let engine = Whisper::new(folder, config).ok()?;
        (engine.n_mels() == BANDS && engine.is_multilingual()).then(|| WhisperModel { engine, vocabulary, mel: Mel::new() })
    }

    /// Whether it knows a language.
    pub(super) fn has(&self, language: &str) -> bool {
        self.vocabulary.mark(language).is_some()
    }

    /// The answers of a language that can be told by their first token.
    pub(super) fn answers(&self, language: &str) -> Option<Answers> {
        Answers::of(language, &self.vocabulary)
    }

    /// What was said in a language; nothing where `stale` became true meanwhile. Blocks for as long as it takes.
    ///
    /// Where `answers` are given, it is as sure of what it found as it is that it was no no, and a yes in whatever word.
    pub(super) fn hear(
        &self,
        language: &str,
        samples: &[i16],
        answers: Option<&Answers>,
        stale: &AtomicBool,
    ) -> Result<Option<Hypothesis>, RecognitionError> {
        let said = samples.len() / HOP;
        let first = even((said + AFTER).max(LEAST));
        let Some(mut attempt) = self.attempt(language, samples, first, stale)? else { return Ok(None) };
        if self.doubtful(&attempt) && first < MORE {
            match self.attempt(language, samples, even((said + AFTER).max(MORE)), stale)? {
                Some(second) => attempt = second,
                None => return Ok(None),
            }
        }
        let nothing = attempt.tokens.is_empty()
            || !attempt.ended
            || repeats(&attempt.tokens)
            || (attempt.no_speech > NO_SPEECH && attempt.sure < UNSURE);
        if nothing {
            return Ok(Some(Hypothesis::empty(Source::Open)));
        }
        if stale.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (words, least) = self.words(language, &attempt)?;
        if words.confidence < NO_WORDS {
            return Ok(Some(Hypothesis::empty(Source::Open)));
        }
        match answers {
            Some(answers) => self.weighed(language, &attempt, answers, words, least).map(Some),
            None => Ok(Some(words)),
        }
    }

    fn doubtful(&self, attempt: &Attempt) -> bool {
        !attempt.ended || repeats(&attempt.tokens) || attempt.sure < UNSURE
    }

    fn attempt(
        &self,
        language: &str,
        samples: &[i16],
        columns: usize,
        stale: &AtomicBool,
    ) -> Result<Option<Attempt>, RecognitionError> {
        let mut seen = self.mel.of(samples, columns);
        let features = StorageView::new(&[1, BANDS, columns], &mut seen, Device::CPU).map_err(failed)?;
        if stale.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let encoded = self.engine.encode(&features, false).map_err(failed)?;
        if stale.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let seconds = samples.len().div_ceil(RECOGNITION_RATE as usize);
        let most = (FEW + TOKENS_PER_SECOND * seconds).min(220);
        let options = WhisperOptions {
            beam_size: 1,
            // The engine takes half of it for new tokens.
            max_length: 2 * most,
            return_scores: true,
            return_no_speech_prob: true,
            ..WhisperOptions::default()
        };
        let mut results = self.engine.generate(&encoded, &[prompt(language)], &options).map_err(failed)?;
        let result = results.pop().ok_or(RecognitionError::Answer)?;
        let ids = result.sequences_ids.into_iter().next().ok_or(RecognitionError::Answer)?;
        let tokens: Vec<usize> = ids.into_iter().filter(|token| self.vocabulary.is_text(*token)).collect();
        let count = tokens.len() as f32;
        // The engine's score is a sum over the tokens and the end, divided by the tokens alone.
        let sure = result.scores.first().map_or(f32::MIN, |score| score * count.max(1.0) / (count + 1.0));
        Ok(Some(Attempt { ended: tokens.len() < most, tokens, sure, no_speech: result.no_speech_prob, encoded, columns }))
    }

    /// The same, as sure as [`Answers::confidence`] is that it is this answer. `least`: the probability of its least certain piece.
    fn weighed(
        &self,
        language: &str,
        attempt: &Attempt,
        answers: &Answers,
        mut found: Hypothesis,
        least: f32,
    ) -> Result<Hypothesis, RecognitionError> {
        let Some(first) = attempt.tokens.first() else { return Ok(found) };
        if answers.is_no(*first) {
            return Ok(found);
        }
        let alone = attempt.tokens.iter().filter(|token| self.has_letters(**token)).count() == 1;
        let said = Said { first: *first, alone, least };
        found.confidence = answers.confidence(said, &self.firsts(language, attempt)?);
        Ok(found)
    }

    /// The likeliest tokens that what was said begins with, the likeliest first, each with its probability among all that there are.
    fn firsts(&self, language: &str, attempt: &Attempt) -> Result<Vec<(usize, f32)>, RecognitionError> {
        let prompt = prompt(language);
        let options = WhisperOptions {
            beam_size: FIRSTS,
            num_hypotheses: FIRSTS,
            length_penalty: 0.0,
            // The engine takes half of it for new tokens, and no more than it is longer than the prompt without its last mark: one.
            max_length: prompt.len(),
            return_scores: true,
            // Nothing is left out: it may have been silence, too.
            suppress_blank: false,
            suppress_tokens: Vec::new(),
            ..WhisperOptions::default()
        };
        let mut results = self.engine.generate(&attempt.encoded, &[prompt], &options).map_err(failed)?;
        let result = results.pop().ok_or(RecognitionError::Answer)?;
        let first = |(tokens, score): (Vec<usize>, f32)| Some((*tokens.first()?, score.exp()));
        Ok(result.sequences_ids.into_iter().zip(result.scores).filter_map(first).collect())
    }

    /// How a row of tokens fits what was shown to the model: where each is, and how likely after those before it.
    fn align(&self, language: &str, attempt: &Attempt, tokens: &Vec<usize>) -> Result<WhisperAlignmentResult, RecognitionError> {
        let mark = |name: &str| self.vocabulary.mark(name).ok_or(RecognitionError::Answer);
        let start = [mark("startoftranscript")?, mark(language)?, mark("transcribe")?];
        let aligned = self.engine.align(&attempt.encoded, &start, std::slice::from_ref(tokens), &[attempt.columns], 7);
        aligned.map_err(failed)?.pop().ok_or(RecognitionError::Answer)
    }

    /// The words of an attempt, with their times and how sure each is, and the probability of the least certain piece.
    fn words(&self, language: &str, attempt: &Attempt) -> Result<(Hypothesis, f32), RecognitionError> {
        let aligned = self.align(language, attempt, &attempt.tokens)?;
        let mut least = 1.0f32;
        // Where each token begins, and after them where the last ends.
        let mut begins = vec![Duration::ZERO; attempt.tokens.len() + 1];
        for step in aligned.alignments.iter().rev() {
            if let Some(begin) = usize::try_from(step.token_x).ok().and_then(|token| begins.get_mut(token)) {
                *begin = STEP * u32::try_from(step.frame_x).unwrap_or_default();
            }
        }
        let mut words: Vec<HeardWord> = Vec::new();
        for (word, tokens) in self.split(&attempt.tokens) {
            let probabilities = aligned.text_token_probs.get(tokens.clone()).unwrap_or_default();
            let letters = probabilities.iter().zip(tokens.clone()).filter(|(_, token)| self.has_letters(attempt.tokens[*token]));
            let probability = letters.map(|(probability, _)| *probability).reduce(f32::min).unwrap_or(0.0);
            least = least.min(probability);
            let confidence = calibrated(probability);
            let (start, end) = (begins[tokens.start], begins[tokens.end]);
            words.push(HeardWord { text: word, start, end: end.max(start), confidence });
        }
        Ok((Hypothesis::of_words(words, Source::Open), least))
    }

    /// The words of a row of tokens, in lower case and without punctuation, each with the range of its tokens.
    fn split(&self, tokens: &[usize]) -> Vec<(String, std::ops::Range<usize>)> {
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            match ranges.last_mut() {
                Some(range) if !self.vocabulary.begins_word(*token) => range.end = index + 1,
                _ => ranges.push(index..index + 1),
            }
        }
        let word = |range: &std::ops::Range<usize>| {
            let bytes: Zeroizing<Vec<u8>> =
                Zeroizing::new(tokens[range.clone()].iter().flat_map(|token| self.vocabulary.bytes(*token)).collect());
            let written = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
            written.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
        };
        ranges.into_iter().map(|range| (word(&range), range)).filter(|(word, _)| !word.is_empty()).collect()
    }

    fn has_letters(&self, token: usize) -> bool {
        self.vocabulary.bytes(token).any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
    }
}

/// What the model is told before it writes.
fn prompt(language: &str) -> Vec<String> {
    Vec::from(["startoftranscript", language, "transcribe", "notimestamps"].map(|mark| format!("<|{mark}|>")))
}

/// An even number of columns within what the model takes, and never the one by which the engine would mistake what it has encoded for columns.
fn even(columns: usize) -> usize {
    let columns = columns.next_multiple_of(2).min(MOST);
    if columns == 2 * BANDS { columns + 2 } else { columns }
}

/// Whether a row of tokens follows itself more often than people say things.
fn repeats(tokens: &[usize]) -> bool {
    (1..=tokens.len() / (REPEATED + 1)).any(|length| {
        (0..=tokens.len() - length * (REPEATED + 1)).any(|from| {
            let row = &tokens[from..from + length];
            tokens[from..].chunks_exact(length).take(REPEATED + 1).all(|other| other == row)
        })
    })
}

/// The engine says what went wrong in words of its own, which may hold some of the caller's.
fn failed(_: impl Sized) -> RecognitionError {
    RecognitionError::Decode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_follows_itself_too_often_is_no_speech() {
        assert!(!repeats(&[]) && !repeats(&[7, 7, 7]) && !repeats(&[1, 2, 1, 2, 1, 2]));
        assert!(repeats(&[7, 7, 7, 7]) && repeats(&[9, 1, 2, 1, 2, 1, 2, 1, 2, 3]));
        assert!(!repeats(&[1, 2, 3, 4, 5, 6, 7, 8]));
    }

    #[test]
    fn what_a_consent_asks_for_is_what_a_clear_word_has() {
        assert!(calibrated(0.45) > 0.85 && calibrated(0.43) < 0.85);
        assert_eq!((calibrated(0.0), calibrated(1.0), calibrated(f32::NAN).is_nan()), (0.0, 1.0, true));
    }

    #[test]
    fn the_columns_are_even_and_never_as_many_as_the_bands_take() {
        assert_eq!([even(801), even(800), even(159), even(160), even(9_000)], [802, 800, 162, 162, 3_000]);
    }
}
