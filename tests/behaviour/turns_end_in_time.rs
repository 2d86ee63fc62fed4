//! How much silence ends an utterance depends on what was said so far; an answer to a consent question is always heard out. The engine here
//! hears what it is told to; what matters is what the ears make of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use candor::audio::resample::resample;
use candor::audio::{Codec, FRAME, g711};
use candor::consent::SessionTime;
use candor::speech::stt::{Expectation, Hypothesis, Recogniser, Recognition, RecognitionError, Source};
use candor::speech::tts::espeak::Espeak;
use candor::speech::{Ears, EarsHandle, EspeakSettings, Heard, Settings};
use tokio::sync::mpsc::Receiver;
use zeroize::Zeroizing;

/// Always hears the same. What it said so far is known to the ears when it is given sound after that.
#[derive(Clone)]
struct Hears {
    text: &'static str,
    asked: Arc<AtomicBool>,
    known: Arc<AtomicBool>,
    /// What it was told of pauses, in order.
    pauses: Arc<Mutex<Vec<&'static str>>>,
}

impl Hears {
    fn saying(text: &'static str) -> Hears {
        Hears { text, asked: Arc::default(), known: Arc::default(), pauses: Arc::default() }
    }
}

/// Until it is so.
async fn until(flag: &AtomicBool) {
    let wait = async {
        while !flag.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the engine is asked what it has heard so far");
}

impl Recogniser for Hears {
    fn language(&self) -> &str {
        "nl"
    }

    fn start(&self, _: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        Ok(Box::new(self.clone()))
    }

    fn unknown_words(&self, _: &[String]) -> Vec<String> {
        Vec::new()
    }

    fn has_grammar(&self) -> bool {
        false
    }
}

impl Recognition for Hears {
    fn push(&mut self, _: &[i16]) -> Result<(), RecognitionError> {
        self.known.fetch_or(self.asked.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(())
    }

    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        // In a test the engine may come to it when the pause is long over.
        self.pauses.lock().unwrap().push(if gone_on.load(Ordering::SeqCst) { "pause that is over" } else { "pause" });
        Ok(())
    }

    fn goes_on(&mut self) {
        self.pauses.lock().unwrap().push("goes on");
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        self.asked.store(true, Ordering::SeqCst);
        Some(self.text.to_owned().into())
    }

    fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        let mut hypothesis = Hypothesis::empty(Source::Open);
        hypothesis.text = self.text.to_owned();
        Ok(hypothesis)
    }
}

/// Somebody on the telephone.
struct Speaker {
    ears: EarsHandle,
    heard: Receiver<Heard>,
    at: SessionTime,
}

impl Speaker {
    async fn send(&mut self, ulaw: &[u8]) {
        for frame in ulaw.chunks(160) {
            self.ears.frame(self.at, Bytes::copy_from_slice(frame));
            self.at = self.at + FRAME;
            tokio::task::yield_now().await;
        }
    }

    /// Whether the caller counts as finished, after all that was sent has been worked through.
    async fn has_finished(&mut self) -> bool {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        std::iter::from_fn(|| self.heard.try_recv().ok()).any(|event| matches!(event, Heard::SpeechEnded { .. }))
    }
}

async fn voice() -> Vec<u8> {
    let sound = Espeak::new(EspeakSettings::default()).speak("nl", "bestelling").await.unwrap();
    let mut ulaw = g711::encode(&resample(&sound.samples, sound.rate, 8000).unwrap());
    let last = ulaw.iter().rposition(|byte| audio_codec_algorithms::decode_ulaw(*byte).unsigned_abs() > 400).unwrap();
    ulaw.truncate(last / 160 * 160 + 160);
    ulaw
}

/// Says a word that the engine takes for `text`, then nothing, and gives how much silence made an end.
async fn silence_to_the_end(text: &'static str, expectation: Expectation) -> Duration {
    let engine = Hears::saying(text);
    let (asked, known) = (engine.asked.clone(), engine.known.clone());
    let (ears, heard) = Ears::start(Some(Arc::new(engine)), &Settings::default(), Codec::Ulaw).unwrap();
    ears.expect(expectation);
    let mut speaker = Speaker { ears, heard, at: SessionTime::START };
    speaker.send(&[0xff; 4800]).await;
    speaker.send(&voice().await).await;
    // The engine works on a thread of its own: it is waited for before so much silence has passed that it matters.
    until(&asked).await;
    speaker.send(&[0xff; 160]).await;
    until(&known).await;
    for frames in 2..100 {
        speaker.send(&[0xff; 160]).await;
        if speaker.has_finished().await {
            return FRAME * frames;
        }
    }
    panic!("two seconds of silence make no end");
}

fn expecting(phrases: &[&str], consent: bool) -> Expectation {
    Expectation {
        phrases: phrases.iter().map(|phrase| (*phrase).to_owned()).collect(),
        second_look: consent,
        open: false,
        value: None,
    }
}

/// What the detector of voices and the filter before it may add: they hear a little more than there is.
const HANG: Duration = Duration::from_millis(120);

#[tokio::test]
async fn an_engine_is_told_of_each_pause_and_that_the_caller_goes_on() {
    let engine = Hears::saying("bestelling");
    let pauses = engine.pauses.clone();
    let (ears, heard) = Ears::start(Some(Arc::new(engine)), &Settings::default(), Codec::Ulaw).unwrap();
    let mut speaker = Speaker { ears, heard, at: SessionTime::START };
    let word = voice().await;
    // A pause within what is said, and the one at its end.
    for sound in [&[0xff; 4800][..], &word, &[0xff; 3200], &word, &[0xff; 16_000]] {
        speaker.send(sound).await;
    }
    drop(speaker.ears);
    while let Some(event) = speaker.heard.recv().await {
        if let Heard::Utterance { .. } = event {
            let told = pauses.lock().unwrap().clone();
            assert!(told.windows(2).all(|two| two[0].starts_with("pause") != two[1].starts_with("pause")), "{told:?}");
            assert!(told.contains(&"goes on"), "{told:?}");
            assert_eq!(told.last(), Some(&"pause"), "what was begun in the last pause is of use: {told:?}");
            return;
        }
    }
    panic!("nothing was heard");
}

#[tokio::test]
async fn exactly_what_was_expected_ends_sooner_than_anything_else() {
    let settings = Settings::default().endpoint;
    let [expected, trailing, unfinished] =
        [settings.expected_silence_ms, settings.trailing_silence_ms, settings.unfinished_silence_ms].map(Duration::from_millis);
    let menu = ["bestelling", "stop opname"];
    for (text, least) in [("bestelling", expected), ("iets anders", trailing), ("stop", unfinished)] {
        let silence = silence_to_the_end(text, expecting(&menu, false)).await;
        assert!(silence >= least - FRAME && silence <= least + HANG, "{text}: {silence:?}");
    }
}

#[tokio::test]
async fn an_answer_to_a_consent_question_is_heard_out() {
    let least = Duration::from_millis(Settings::default().endpoint.consent_silence_ms);
    let silence = silence_to_the_end("ja", expecting(&["ja"], true)).await;
    assert!(silence >= least - FRAME, "a \"but\" may follow: {silence:?}");
}

#[tokio::test]
async fn what_was_begun_before_the_consent_question_is_heard_out_too() {
    let engine = Hears::saying("ja");
    let (ears, heard) = Ears::start(Some(Arc::new(engine.clone())), &Settings::default(), Codec::Ulaw).unwrap();
    ears.expect(expecting(&["ja"], false));
    let mut speaker = Speaker { ears, heard, at: SessionTime::START };
    speaker.send(&[0xff; 4800]).await;
    speaker.send(&voice().await).await;
    speaker.ears.expect(expecting(&["ja"], true));
    // 600 ms.
    speaker.send(&[0xff; 4800]).await;
    assert!(!speaker.has_finished().await);
    speaker.send(&[0xff; 4800]).await;
    assert!(speaker.has_finished().await);
}
