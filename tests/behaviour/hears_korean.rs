//! The real engine at the end of the real path: eSpeak NG is the caller, through the telephone's codec, frame by frame at the pace of
//! speech. The Korean model has no `[unk]`, so it must never be narrowed to the expected answers.
//!
//! The engine understands little of eSpeak NG's Korean; the words here are those that it does understand, spoken by the voice `ko+f2`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use candor::audio::{Codec, FRAME};
use candor::consent::SessionTime;
use candor::speech::stt::{Expectation, Hypothesis, Recogniser, Recognisers, Source};
use candor::speech::tts::espeak::Espeak;
use candor::speech::{Ears, EspeakSettings, Heard, Settings};

/// The Korean recogniser, or nothing (and why).
pub async fn korean() -> Option<Arc<dyn Recogniser>> {
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    let settings = Settings { models, ..Default::default() };
    let (recognisers, notes) = Recognisers::load(&settings, &["ko".to_owned()]).await;
    let recogniser = recognisers.get("ko");
    if recogniser.is_none() {
        eprintln!("skipped: {}", notes[0]);
    }
    recogniser
}

async fn spoken(voice: &str, text: &str) -> Vec<u8> {
    let voices = [("caller".to_owned(), voice.to_owned())].into();
    let espeak = Espeak::new(EspeakSettings { voices, rate: 150, ..Default::default() });
    espeak.speak("caller", text).await.unwrap().encode_level(Codec::Ulaw).unwrap().bytes().to_vec()
}

/// Speaks into new ears at the pace of speech and gives what they understood.
pub async fn understood(recogniser: &Arc<dyn Recogniser>, voice: &str, text: &str) -> Hypothesis {
    // What is understood late is still understood: the machine is shared.
    let mut settings = Settings::default();
    settings.recognition.time_limit_ms = 20_000;
    let (ears, mut heard) = Ears::start(Some(Arc::clone(recogniser)), &settings, Codec::Ulaw).unwrap();
    ears.expect(Expectation {
        phrases: vec!["네".to_owned(), "아니에요".to_owned()],
        second_look: true,
        open: false,
        value: None,
    });
    let pause = vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(Duration::from_millis(400))];
    let sound = [pause, spoken(voice, text).await].concat();
    let mut clock = tokio::time::interval(FRAME);
    let mut at = SessionTime::START;
    let mut frames = sound.chunks(160);
    let mut parts: Option<Hypothesis> = None;
    let mut silent = 0;
    loop {
        tokio::select! {
            _ = clock.tick() => {
                // After the last word the phone system sends nothing: our own clock ends the utterance.
                match frames.next() {
                    Some(frame) => ears.frame(at, Bytes::copy_from_slice(frame)),
                    None => silent += 1,
                }
                ears.tick(at);
                at = at + FRAME;
                if silent > 1500 {
                    return parts.expect("nothing was heard within half a minute");
                }
                if silent > 100
                    && let Some(parts) = parts
                {
                    return parts;
                }
            }
            Some(event) = heard.recv() => match event {
                Heard::Utterance { began, ended, speech, hypothesis, .. } => {
                    assert!(began < ended && speech <= ended.since(began) + FRAME);
                    parts = Some(hypothesis);
                }
                Heard::EngineFailed { failure, .. } => panic!("the engine failed: {failure}"),
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_understood_in_korean() {
    let Some(recogniser) = korean().await else {
        return;
    };
    for (said, expected) in [("네", "네"), ("아니에요", "아니에요"), ("라면", "라면"), ("여름", "여름")] {
        let hypothesis = understood(&recogniser, "ko+f2", said).await;
        assert_eq!(hypothesis.text.replace(' ', ""), expected, "said {said}");
        assert!(hypothesis.confidence > 0.2 && hypothesis.confidence <= 1.0);
        assert!(hypothesis.covered() > Duration::from_millis(100));
        assert_eq!(hypothesis.source, Source::Open);
        assert_eq!(hypothesis.open_look(), Some(hypothesis.text.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn off_topic_and_foreign_speech_is_neither_yes_nor_no() {
    let Some(recogniser) = korean().await else {
        return;
    };
    assert!(!recogniser.has_grammar(), "the model has no [unk]");
    for (voice, said) in [
        ("ko+f2", "오늘 날씨가 정말 좋습니다"),
        ("ko+f2", "어제 친구와 함께 영화를 봤어요"),
        ("nl", "Ik wil graag weten waar mijn pakket is"),
        ("en", "I would like to know where my parcel is"),
    ] {
        let text = understood(&recogniser, voice, said).await.text.replace(' ', "");
        assert!(text != "네" && text != "아니에요", "{said} was heard as {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_the_model_does_not_know_are_named() {
    let Some(recogniser) = korean().await else {
        return;
    };
    let phrases = ["네, 라면!".to_owned(), "네 없는낱말임".to_owned(), "zzzqqq".to_owned()];
    assert_eq!(recogniser.unknown_words(&phrases), ["없는낱말임", "zzzqqq"]);
}
