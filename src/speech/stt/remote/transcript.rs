use std::time::Duration;

use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::speech::stt::{HeardWord, Hypothesis, RecognitionError, Source, calibrated, calibrated_answer};

/// The most words that an utterance can have.
const MOST_WORDS: usize = 500;
/// A part with at least this probability that there is no speech, and an average token of at most this logarithm, is none.
const NO_SPEECH: f32 = 0.6;
const UNSURE: f32 = -1.0;
/// What is so much shorter when it is compressed repeats itself: the model's own echo, not what somebody said.
const REPEATED: f32 = 2.4;

/// An answer to a transcription, in any of the forms that servers give it.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Written {
    text: String,
    #[serde(default)]
    words: Option<Vec<Word>>,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
    #[serde(default)]
    logprobs: Option<Vec<Piece>>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Segment {
    #[serde(default)]
    avg_logprob: Option<f32>,
    #[serde(default)]
    no_speech_prob: Option<f32>,
    #[serde(default)]
    compression_ratio: Option<f32>,
    #[serde(default)]
    words: Option<Vec<Word>>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Word {
    word: String,
    start: f64,
    end: f64,
    #[serde(default)]
    probability: Option<f32>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Piece {
    token: String,
    logprob: f32,
}

/// Reads an answer. A word without a probability of its own is as sure as the part that it is in; without one of that, it is not sure at all, and no
/// consent comes of it. `consent`: it may be an answer to a consent question, and of one in a single word more is asked.
///
/// # Errors
/// [`RecognitionError::Answer`]: it is none, or its words are others than its text.
pub(super) fn read(body: &[u8], consent: bool) -> Result<Hypothesis, RecognitionError> {
    // What is wrong with it would quote it.
    let written: Written = serde_json::from_slice(body).map_err(|_| RecognitionError::Answer)?;
    let segments = written.segments.as_deref().unwrap_or_default();
    if written.text.trim().is_empty() || segments.iter().any(|segment| segment.is_none()) {
        return Ok(Hypothesis::empty(Source::Open));
    }
    let sure = written.sure();
    let timed: Vec<&Word> = written.words.iter().flatten().collect();
    let timed =
        if timed.is_empty() { segments.iter().flat_map(|segment| segment.words.iter().flatten()).collect() } else { timed };
    // Of a "yes, but" whose "but" has no time, only the "yes" would be left.
    if !timed.is_empty() && !letters(&written.text).eq(timed.iter().flat_map(|word| letters(&word.word))) {
        return Err(RecognitionError::Answer);
    }
    let words: Option<Vec<Option<HeardWord>>> = if timed.is_empty() {
        let word = |text: &str| plain(text).map(|text| heard(text, Duration::ZERO, Duration::ZERO, sure));
        Some(written.text.split_whitespace().map(word).collect())
    } else {
        timed.into_iter().map(|word| word.heard(sure)).collect()
    };
    let mut words: Vec<HeardWord> = words.ok_or(RecognitionError::Answer)?.into_iter().flatten().collect();
    if words.len() > MOST_WORDS {
        return Err(RecognitionError::Answer);
    }
    let scale = if consent && words.len() == 1 { calibrated_answer } else { calibrated };
    words.iter_mut().for_each(|word| word.confidence = scale(word.confidence));
    Ok(Hypothesis::of_words(words, Source::Open))
}

/// The letters and digits of a text, whatever stands between them.
fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

impl Written {
    /// How sure the least certain part is, as a probability.
    fn sure(&self) -> f32 {
        let spoken = |piece: &&Piece| piece.token.chars().any(char::is_alphanumeric);
        let pieces = self.logprobs.iter().flatten().filter(spoken).map(|piece| piece.logprob);
        let segments = self.segments.iter().flatten().map(|segment| segment.avg_logprob.unwrap_or(f32::NEG_INFINITY));
        let least = pieces.chain(segments).reduce(|one, other| if one.is_nan() { one } else { one.min(other) });
        least.map_or(0.0, f32::exp)
    }
}

impl Segment {
    /// Whether nobody has said it.
    fn is_none(&self) -> bool {
        let silent = self.no_speech_prob.is_some_and(|silent| silent > NO_SPEECH);
        let unsure = self.avg_logprob.is_some_and(|sure| sure < UNSURE);
        (silent && unsure) || self.compression_ratio.is_some_and(|ratio| ratio > REPEATED)
    }
}

impl Word {
    /// Nothing where its times are impossible; `Some(None)` where it is a mark and no word.
    fn heard(&self, sure: f32) -> Option<Option<HeardWord>> {
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).ok().filter(|time| *time < Duration::from_secs(3600));
        let (start, end) = (time(self.start)?, time(self.end)?);
        let probability = self.probability.unwrap_or(sure);
        (start <= end).then(|| plain(&self.word).map(|text| heard(text, start, end, probability)))
    }
}

/// A word with its probability, which is not on the scale of all engines yet.
fn heard(text: String, start: Duration, end: Duration, probability: f32) -> HeardWord {
    // What is no probability is none.
    let confidence = if (0.0..=1.001).contains(&probability) { probability } else { 0.0 };
    HeardWord { text, start, end, confidence }
}

/// A word in lower case and without the punctuation around it.
fn plain(word: &str) -> Option<String> {
    let word = word.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(body: &str) -> (String, f32) {
        let hypothesis = read(body.as_bytes(), false).unwrap();
        (hypothesis.text.clone(), (hypothesis.confidence * 100.0).round() / 100.0)
    }

    #[test]
    fn every_form_of_an_answer_is_read() {
        // As faster-whisper's servers give it: parts with how sure they are.
        let parts =
            r#"{"text": " Ja, hoor.", "segments": [{"avg_logprob": -0.105, "no_speech_prob": 0.01, "compression_ratio": 0.6}]}"#;
        assert_eq!(heard(parts), ("ja hoor".to_owned(), 0.98));
        let words = r#"{"text": "Ja.", "words": [{"word": " Ja.", "start": 0.1, "end": 0.4, "probability": 0.5}],
            "segments": [{"avg_logprob": -0.1}]}"#;
        assert_eq!(heard(words), ("ja".to_owned(), 0.87));
        let inside = r#"{"text": "Ja.", "segments": [{"avg_logprob": -0.1, "words": [{"word": "Ja", "start": 0, "end": 1, "probability": 1}]}]}"#;
        assert_eq!(heard(inside), ("ja".to_owned(), 1.0));
        let pieces = r#"{"text": "Ja.", "logprobs": [{"token": "Ja", "logprob": -0.01}, {"token": ".", "logprob": -9}]}"#;
        assert_eq!(heard(pieces), ("ja".to_owned(), 1.0));
        // Nothing says how sure it is: no consent can come of it.
        assert_eq!(heard(r#"{"text": "Ja."}"#), ("ja".to_owned(), 0.0));
        assert_eq!(heard(r#"{"text": "  "}"#), (String::new(), 0.0));
    }

    #[test]
    fn a_yes_in_one_word_has_to_be_twice_as_likely_as_anything_else() {
        let sure = |text: &str, probability: f32, consent| {
            let body = format!(r#"{{"text": "{text}", "segments": [{{"avg_logprob": {}}}]}}"#, probability.ln());
            read(body.as_bytes(), consent).unwrap().confidence >= 0.85
        };
        assert!(sure("Ja.", 0.67, true) && !sure("Ja.", 0.65, true));
        // In a dialog, and with words around it, less is asked of each.
        assert!(sure("Ja.", 0.45, false) && sure("Ja, hoor.", 0.45, true) && !sure("Ja, hoor.", 0.43, true));
    }

    #[test]
    fn words_may_be_cut_differently_in_the_text_and_in_the_list() {
        let body = r#"{"text": "Om 12:30, e-mail!", "words": [{"word": "om", "start": 0, "end": 1}, {"word": "12", "start": 1, "end": 2},
            {"word": ":30", "start": 2, "end": 3}, {"word": "E", "start": 3, "end": 4}, {"word": "-mail", "start": 4, "end": 5}]}"#;
        assert_eq!(heard(body).0, "om 12 30 e mail");
    }

    #[test]
    fn what_nobody_said_is_nothing() {
        let silence = r#"{"text": "Ondertiteling.", "segments": [{"avg_logprob": -1.2, "no_speech_prob": 0.8}]}"#;
        let echo = r#"{"text": "ja ja ja ja ja ja", "segments": [{"avg_logprob": -0.1, "compression_ratio": 2.5}]}"#;
        assert_eq!((heard(silence).0, heard(echo).0), (String::new(), String::new()));
    }

    #[test]
    fn what_is_no_answer_or_impossible_gives_no_sure_word() {
        for body in [
            "",
            "{}",
            "ja",
            r#"{"text": 1}"#,
            r#"{"text": "ja", "words": [{"word": "ja", "start": 2, "end": 1}]}"#,
            r#"{"text": "ja", "words": [{"word": "ja", "start": -1, "end": 1}]}"#,
            // A "but" without a time, in one list and in one of several parts; and words that stand nowhere in the text.
            r#"{"text": "Ja, maar niet alles.", "words": [{"word": "Ja,", "start": 0, "end": 1, "probability": 1}]}"#,
            r#"{"text": "Ja. Maar niet.", "segments": [{"words": [{"word": "Ja.", "start": 0, "end": 1, "probability": 1}]}, {"avg_logprob": 0}]}"#,
            r#"{"text": "ja", "words": [{"word": "ja", "start": 0, "end": 1}, {"word": "nee", "start": 1, "end": 2}]}"#,
        ] {
            assert_eq!(read(body.as_bytes(), false), Err(RecognitionError::Answer), "{body}");
        }
        for body in [
            r#"{"text": "ja", "words": [{"word": "ja", "start": 0, "end": 1, "probability": 7}]}"#,
            r#"{"text": "ja", "segments": [{"avg_logprob": 3}]}"#,
            r#"{"text": "ja", "segments": [{"avg_logprob": -0.1}, {}]}"#,
        ] {
            assert_eq!(heard(body), ("ja".to_owned(), 0.0), "{body}");
        }
    }
}
