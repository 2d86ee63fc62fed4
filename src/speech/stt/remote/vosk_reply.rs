use std::time::Duration;

use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::speech::stt::{HeardWord, RecognitionError};

/// The most words that an utterance can have.
const MOST_WORDS: usize = 500;

/// What a vosk-server says to a piece of sound.
pub(super) enum Reply {
    /// The words of the part that goes on, as they look so far.
    Partial(Zeroizing<String>),
    /// The words of a part that is over.
    Part(Vec<HeardWord>),
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Written {
    partial: Option<String>,
    text: Option<String>,
    #[serde(default)]
    result: Vec<WrittenWord>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct WrittenWord {
    word: String,
    start: f64,
    end: f64,
    conf: f32,
}

/// Reads a reply. Whatever it holds, no word with an impossible time or confidence comes of it.
///
/// # Errors
/// [`RecognitionError::Answer`]: it is none.
pub(super) fn read(text: &str) -> Result<Reply, RecognitionError> {
    // What is wrong with it would quote it.
    let mut written: Written = serde_json::from_str(text).map_err(|_| RecognitionError::Answer)?;
    if let Some(partial) = written.partial.take() {
        return Ok(Reply::Partial(Zeroizing::new(partial)));
    }
    let said = written.text.as_deref().ok_or(RecognitionError::Answer)?;
    // Words without times and confidence are words nobody can vouch for: the server was not asked for them, or did not listen.
    let as_many = said.split_whitespace().count() == written.result.len();
    if !as_many || written.result.len() > MOST_WORDS {
        return Err(RecognitionError::Answer);
    }
    std::mem::take(&mut written.result)
        .iter()
        .map(word)
        .collect::<Option<Vec<_>>>()
        .map(Reply::Part)
        .ok_or(RecognitionError::Answer)
}

fn word(written: &WrittenWord) -> Option<HeardWord> {
    let time = |seconds: f64| Duration::try_from_secs_f64(seconds).ok().filter(|time| *time < Duration::from_secs(3600));
    let (start, end) = (time(written.start)?, time(written.end)?);
    let right = start <= end && (0.0..=1.001).contains(&written.conf) && !written.word.is_empty();
    right.then(|| HeardWord { text: written.word.clone(), start, end, confidence: written.conf.min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read() {
        assert!(matches!(read(r#"{"partial" : "ja ho"}"#), Ok(Reply::Partial(partial)) if *partial == "ja ho"));
        let part = r#"{"result": [{"conf": 1.000000, "end": 0.9, "start": 0.6, "word": "ja"}], "text": "ja"}"#;
        let Ok(Reply::Part(words)) = read(part) else { panic!("no part") };
        assert_eq!((words[0].text.as_str(), words[0].start.as_millis(), words[0].confidence), ("ja", 600, 1.0));
        assert!(matches!(read(r#"{"text": ""}"#), Ok(Reply::Part(words)) if words.is_empty()));
    }

    #[test]
    fn what_is_none_gives_no_word() {
        let word = |start: &str, end: &str, conf: &str| {
            format!(r#"{{"result": [{{"conf": {conf}, "end": {end}, "start": {start}, "word": "ja"}}], "text": "ja"}}"#)
        };
        for text in [
            "",
            "{}",
            "[]",
            "ja",
            r#"{"text": "ja"}"#,
            r#"{"text": "ja", "result": []}"#,
            &word("2.0", "1.0", "1.0"),
            &word("-1.0", "1.0", "1.0"),
            &word("0.0", "1e300", "1.0"),
            &word("0.0", "1.0", "1.5"),
            &word("0.0", "1.0", "-0.1"),
        ] {
            assert!(matches!(read(text), Err(RecognitionError::Answer)), "{text}");
        }
    }
}
