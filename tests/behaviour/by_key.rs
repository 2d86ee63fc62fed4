//! What the tests of whole calls share: a server whose callers answer by key, the moves that bring a caller through the opening, and ways
//! to look at a call afterwards: its ledger in short, the prompts by their sound, the log.

use std::path::Path;
use std::time::{Duration, Instant};

use candor::audio::Codec;
use candor::dialog::prompt::{Hearing, Line, Slots};
use candor::server::library;
use candor::session::prompt_key;
use candor::speech::{EspeakSettings, PromptCache, PromptSource, PromptText};
use serde_json::Value;

use crate::phone::{Call, Caller, Heard, Outcome};
use crate::service::{Plan, Service, project, webshop};

/// Words per minute: nobody has to understand them, they only have to be heard to the end.
const RATE: u32 = 400;
/// The only purpose of the sample dialog.
pub const PURPOSE: &str = "service-quality";

/// Marks that have been played when each of these has been heard, in a call whose caller has not chosen a language.
pub const AUTOMATED: usize = 1;
pub const RECORDING: usize = 3;
pub const QUESTION: usize = 4;
/// Yes, no, or the question put again.
pub const ANSWERED: usize = 5;

/// The sample dialog where callers are understood by their keys alone, whatever models this machine has.
pub fn by_key() -> Plan {
    with_keys_alone(webshop())
}

/// The same for another plan.
pub fn with_keys_alone(plan: Plan) -> Plan {
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-models");
    let plan = plan.rate(RATE).with("SPEECH__MODELS", nowhere.to_str().unwrap());
    plan.with("SESSION__CONSENT_WINDOW_MS", "3000").with("SESSION__NO_INPUT_MS", "3000")
}

/// Rings, and gives the call with its session's id. One call after the other: a session is known by being new.
pub async fn ring(service: &Service, caller: Caller) -> (Call, String) {
    let before = service.sessions();
    let call = caller.ring().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(session) = service.sessions().into_iter().find(|session| !before.contains(session)) {
            return (call, session);
        }
        assert!(Instant::now() < deadline, "no session for the call:\n{}", service.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the prompt after those heard so far is sounding.
pub async fn next_prompt_sounds(call: &Call) {
    let audible = |byte: &u8| audio_codec_algorithms::decode_ulaw(*byte).unsigned_abs() > 400;
    let before = call.heard().ulaw().len();
    let deadline = Instant::now() + Duration::from_secs(20);
    while call.heard().ulaw()[before..].iter().filter(|byte| audible(byte)).count() < 400 {
        assert!(Instant::now() < deadline, "no prompt sounds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Hears the opening to the end of the question and presses a key then.
pub async fn answer(call: &Call, key: &str) {
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    call.press(key).await.unwrap();
    call.wait_for_completed_marks(ANSWERED).await.unwrap();
}

/// From the first menu to the end by the shortest way that has turns: the opening hours, then no more. Three turns of the dialog.
pub async fn opening_hours_and_goodbye(call: &Call) {
    let marks = call.prompts_heard();
    next_prompt_sounds(call).await;
    call.press("3").await.unwrap();
    call.wait_for_completed_marks(marks + 2).await.unwrap();
    call.press("2").await.unwrap();
}

/// From the first menu to the desk by the way that the dialog has where no web shop is there: a colleague looks an order up.
pub async fn order_is_looked_up(call: &Call) {
    order_is_asked_for(call, "123456").await;
}

/// From the first menu to where an order of this number is looked up.
pub async fn order_is_asked_for(call: &Call, number: &str) {
    next_prompt_sounds(call).await;
    call.press("1").await.unwrap();
    order_number(call, number).await;
}

/// Gives an order number, and says that it is right.
pub async fn order_number(call: &Call, number: &str) {
    next_prompt_sounds(call).await;
    call.press(format!("{number}#")).await.unwrap();
    // The number and how to say whether it is right.
    let marks = call.prompts_heard();
    call.wait_for_completed_marks(marks + 2).await.unwrap();
    call.press("1").await.unwrap();
}

/// The ledger in short, one line an event. Turns are sealed beside the call, so they are left out: their number stands at the end.
pub fn outline(events: &[Value]) -> Vec<String> {
    events.iter().filter(|event| event["type"] != "turn.sealed").map(line).collect()
}

fn line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
    match text("type").as_str() {
        "session.opened" => format!("opened {}", text("language")),
        "disclosure" | "question" => {
            let prompt = text("prompt");
            let evidence = event["evidence"].as_str().map(|evidence| format!(" {evidence}")).unwrap_or_default();
            format!("{} {} {}{evidence}", text("language"), prompt.trim_end_matches(&format!("/{PURPOSE}")), text("outcome"))
        }
        "answer" => match event["key"].as_str() {
            Some(key) => format!("answer {} by {key}", text("outcome")),
            None => format!("answer {} by {}", text("outcome"), text("method")),
        },
        "consent" => format!("consent {} to {}", text("from"), text("to")),
        "recorder.started" => "recorder started".to_owned(),
        "recorder.stopped" => {
            format!("recorder stopped {}{}", text("reason"), if event["turn-dropped"] == true { ", turn dropped" } else { "" })
        }
        "wraps.deleted" => {
            format!("deleted {}: {} wraps, {} turns, {} held", text("reason"), event["wraps"], event["turns"], event["held"])
        }
        "handover.requested" => format!("handover {}", text("reason")),
        "handover.result" => format!("handover result {}", text("result")),
        "session.closed" => format!("closed {}, {} sealed", text("outcome"), event["turns-sealed"]),
        other => other.to_owned(),
    }
}

/// The outline of an opening in a language that was heard to the end of the question, when nothing was pressed in it.
pub fn opening(language: &str) -> Vec<String> {
    vec![
        format!("opened {language}"),
        format!("{language} disclosure-automated heard peer"),
        format!("{language} disclosure-consent heard peer"),
        "consent unknown to requested".to_owned(),
        format!("{language} consent-question heard peer"),
    ]
}

/// Some lines, and what comes after them.
pub fn then(mut lines: Vec<String>, more: &[&str]) -> Vec<String> {
    lines.extend(more.iter().map(|line| (*line).to_owned()));
    lines
}

/// Nothing broke the protocol, and the server has nothing to complain about but what a machine like this one gives reason for.
pub fn assert_clean(service: &Service, outcome: &Outcome) {
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_log(service, &[]);
}

/// The log holds no warning but those expected, and holds each of them.
pub fn assert_log(service: &Service, expected: &[&str]) {
    // Without an account only this machine may call; no models were given; the disk of a busy machine is slow.
    const OF_THE_MACHINE: [&str; 3] = ["no auth token is set", "keys only", "slow statement"];
    let complaint = |line: &&str| line.contains(" WARN ") || line.contains("ERROR");
    // What the server does is logged a moment later.
    let deadline = Instant::now() + Duration::from_secs(5);
    let lacks =
        |log: &str| expected.iter().find(|wanted| !log.lines().filter(complaint).any(|line| line.contains(**wanted))).copied();
    while lacks(&service.log()).is_some() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = service.log();
    let surprise = |line: &&str| !OF_THE_MACHINE.iter().chain(expected).any(|known| line.contains(known));
    let surprises: Vec<&str> = log.lines().filter(complaint).filter(surprise).collect();
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(lacks(&log), None, "not in the log:\n{log}");
}

/// The wall-clock time of the first entry of a session's ledger that matches.
pub fn written_at(service: &Service, session: &str, wanted: impl Fn(&Value) -> bool) -> jiff::Timestamp {
    let text = std::fs::read_to_string(service.data().join(format!("ledger/sessions/{session}.jsonl"))).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entry = entries.into_iter().find(|entry| wanted(&entry["event"])).expect("the ledger holds such an entry");
    entry["at"].as_str().unwrap().parse().unwrap()
}

/// Every fixed prompt of the sample dialog as these servers say it.
pub struct Prompts(PromptCache, Vec<(String, String)>);

impl Prompts {
    pub async fn of_the_webshop() -> Prompts {
        Prompts::of(&project("dialogs/webshop.yaml"), &project("prompts")).await
    }

    /// The same of another dialog, or of the same as it was edited.
    pub async fn of(dialog: &Path, prompts: &Path) -> Prompts {
        let loaded = library::load(dialog, prompts, None).unwrap();
        let dialog = &loaded.dialog;
        let purpose = loaded.purposes().next();
        let mut texts = Vec::new();
        for language in dialog.file.languages.iter().map(|language| language.value.clone()) {
            for (id, message) in dialog.texts.messages(&language) {
                if !message.spoken || dialog.texts.has_slots(&language, id) {
                    continue;
                }
                let about = message.variables.contains("purpose") || message.variables.contains("days");
                let purpose = purpose.clone().filter(|_| about);
                let (id, language) = (id.to_owned(), language.clone());
                let line = Line {
                    id: id.clone(),
                    language: language.clone(),
                    hearing: Hearing::Keys,
                    purpose,
                    slots: false,
                    place: None,
                };
                let Ok(text) = dialog.texts.text(&dialog.file, &line, &Slots::default()) else { continue };
                let recorded = loaded.recorded.get(&(language.clone(), id.clone())).cloned();
                texts.push(PromptText { id, language, text: text.to_string(), source: PromptSource::from(recorded) });
                assert!(prompt_key("webshop", &line).ends_with("/keys"));
            }
        }
        let names = texts.iter().map(|text| (text.language.clone(), text.id.clone())).collect();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rendered");
        let espeak = EspeakSettings { rate: RATE, ..EspeakSettings::default() };
        Prompts(PromptCache::prepare(&folder, &espeak, &[Codec::Ulaw], texts, |_| {}).await.unwrap(), names)
    }

    /// The sounds of all of them.
    pub fn sounds(&self) -> Vec<Vec<u8>> {
        self.1.iter().map(|(language, id)| self.sound(language, id)).collect()
    }

    /// The sound of a prompt.
    pub fn sound(&self, language: &str, id: &str) -> Vec<u8> {
        self.0.get(Codec::Ulaw, language, id).unwrap_or_else(|| panic!("no prompt {id} in {language}")).audio.bytes().to_vec()
    }

    /// The sound of a text that holds something of a call.
    pub async fn said(&self, language: &str, text: &str) -> Vec<u8> {
        self.0.render(Codec::Ulaw, language, text).await.unwrap().audio.bytes().to_vec()
    }

    /// Which of these were heard to their end, in the order in which they are asked for.
    pub fn heard<'a>(&self, heard: &Heard, language: &str, ids: &[&'a str]) -> Vec<&'a str> {
        ids.iter().copied().filter(|id| heard.contains_audio(&self.sound(language, id))).collect()
    }
}
