//! A recogniser that fails, hangs or dies costs the caller an utterance, never the call. The engines here are made to fail; the real one
//! cannot be asked to.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use candor::audio::Codec;
use candor::audio::g711;
use candor::audio::resample::resample;
use candor::consent::SessionTime;
use candor::speech::stt::{Expectation, Hypothesis, Recogniser, Recognition, RecognitionError, Source};
use candor::speech::tts::espeak::Espeak;
use candor::speech::{Ears, EngineFailure, EspeakSettings, Heard, Settings};
use zeroize::Zeroizing;

#[derive(Clone, Copy)]
enum Failing {
    AtTheStart,
    WhileListening,
    ByPanic,
    ByHanging,
}

impl Recogniser for Failing {
    fn language(&self) -> &str {
        "nl"
    }

    fn start(&self, _: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        match self {
            Failing::AtTheStart => Err(RecognitionError::Start),
            other => Ok(Box::new(*other)),
        }
    }

    fn unknown_words(&self, _: &[String]) -> Vec<String> {
        Vec::new()
    }

    fn has_grammar(&self) -> bool {
        false
    }
}

impl Recognition for Failing {
    fn push(&mut self, _: &[i16]) -> Result<(), RecognitionError> {
        match self {
            Failing::WhileListening => Err(RecognitionError::Decode),
            Failing::ByPanic => panic!("an engine that dies"),
            _ => Ok(()),
        }
    }

    fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
        Ok(())
    }

    fn goes_on(&mut self) {}

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        None
    }

    fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        std::thread::sleep(Duration::from_secs(2));
        Ok(Hypothesis::empty(Source::Open))
    }
}

/// Says something twice and gives the two failures.
async fn failures(engine: Failing) -> Vec<EngineFailure> {
    let mut settings = Settings::default();
    // Shorter than the engine that hangs, longer than the others need on a busy machine.
    settings.recognition.time_limit_ms = if matches!(engine, Failing::ByHanging) { 200 } else { 30_000 };
    let (ears, mut heard) = Ears::start(Some(Arc::new(engine)), &settings, Codec::Ulaw).unwrap();
    let sound = Espeak::new(EspeakSettings::default()).speak("nl", "goedemiddag").await.unwrap();
    let mut ulaw = g711::encode(&resample(&sound.samples, sound.rate, 8000).unwrap());
    ulaw.resize(ulaw.len() + 8_000, 0xff);
    let twice = [ulaw.clone(), ulaw].concat();
    for (n, frame) in twice.chunks(160).enumerate() {
        ears.frame(SessionTime(Duration::from_millis(20 * n as u64)), Bytes::copy_from_slice(frame));
        tokio::task::yield_now().await;
    }
    drop(ears);
    let mut failures = Vec::new();
    while let Some(event) = heard.recv().await {
        match event {
            Heard::EngineFailed { failure, began, ended } => {
                assert!(began < ended);
                failures.push(failure);
            }
            Heard::Utterance { .. } => panic!("an utterance from an engine that fails"),
            _ => {}
        }
    }
    failures
}

#[tokio::test]
async fn every_way_to_fail_is_told_and_the_ears_go_on() {
    for (engine, failure) in [
        (Failing::AtTheStart, EngineFailure::Engine(RecognitionError::Start)),
        (Failing::WhileListening, EngineFailure::Engine(RecognitionError::Decode)),
        (Failing::ByPanic, EngineFailure::Died),
        (Failing::ByHanging, EngineFailure::TooSlow),
    ] {
        assert_eq!(failures(engine).await, [failure; 2], "{}", failure.class());
    }
}
