//! A server that hears by a stand-in for a recogniser: what turn-taking takes when the words themselves take no time.
//!
//! The stand-in knows nothing of words. Every sound of less than a second it takes for the first phrase that is expected (and that is not
//! the beginning of a longer one), at once; a longer one for something else. So callers who say one word are understood, and what is
//! measured beside them is everything but recognition.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use candor::server::{Config, prepare_with};
use candor::speech::stt::{
    Expectation, HeardWord, Hypothesis, RECOGNITION_RATE, Recogniser, Recognisers, Recognition, RecognitionError, Source,
};

use zeroize::Zeroizing;

use crate::Failure;

/// The variable that names the server's settings.
pub const SETTINGS: &str = "LOAD_SETTINGS";
/// The language that it stands in for.
const LANGUAGE: &str = "ko";
/// The longest sound that it takes for an answer, with what the ears hand over from before the voice and after it.
const SHORT: Duration = Duration::from_millis(1400);

/// Serves until the process is ended.
pub async fn serve() -> Result<(), Failure> {
    let settings = PathBuf::from(std::env::var_os(SETTINGS).ok_or("there are no settings")?);
    let config = Config::read(&settings, true)?;
    let recognisers = Recognisers::of([Arc::new(StandIn) as Arc<dyn Recogniser>]);
    let server = prepare_with(&config, Some(recognisers), |_| {}).await?;
    server.run(std::future::pending(), std::future::pending()).await;
    Ok(())
}

struct StandIn;

impl Recogniser for StandIn {
    fn language(&self) -> &str {
        LANGUAGE
    }

    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        // After a phrase that a longer one begins with, the ears wait for the rest of it, as they should.
        let longer = |phrase: &str| expectation.phrases.iter().any(|other| other.starts_with(&format!("{phrase} ")));
        let whole = expectation.phrases.iter().find(|phrase| !longer(phrase));
        Ok(Box::new(Listening { first: whole.cloned().unwrap_or_default(), samples: 0 }))
    }

    fn unknown_words(&self, _: &[String]) -> Vec<String> {
        Vec::new()
    }

    fn has_grammar(&self) -> bool {
        false
    }
}

struct Listening {
    first: String,
    samples: usize,
}

impl Listening {
    fn text(&self) -> String {
        let length = Duration::from_secs_f64(self.samples as f64 / f64::from(RECOGNITION_RATE));
        if length <= SHORT { self.first.clone() } else { "무엇이든".to_owned() }
    }
}

impl Recognition for Listening {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        self.samples += samples.len();
        Ok(())
    }

    fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
        Ok(())
    }

    fn goes_on(&mut self) {}

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        Some(self.text().into())
    }

    fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        let text = self.text();
        let end = Duration::from_secs_f64(self.samples as f64 / f64::from(RECOGNITION_RATE));
        let words = vec![HeardWord { text: text.clone(), start: Duration::ZERO, end, confidence: 1.0 }];
        Ok(Hypothesis { text, confidence: 1.0, second: None, words, source: Source::Open })
    }
}
