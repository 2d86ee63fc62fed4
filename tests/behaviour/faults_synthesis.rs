//! Synthesis that fails for a text with a caller's number in it: nobody confirms what they have not heard, and everybody gets on.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::by_key::{Prompts, answer, next_prompt_sounds, ring};
use crate::faults_disk::{hears, patient};
use crate::http::count;
use crate::phone::{Call, Desk, Outcome};
use crate::service::Service;

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };

/// eSpeak NG behind a script that fails as it is told.
struct Voice {
    folder: TempDir,
}

impl Voice {
    fn new() -> Voice {
        let folder = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\ncase $(cat \"$(dirname \"$0\")/mode\") in\n  hangs) exec sleep 60 ;;\n  crashes) kill -SEGV $$ ;;\n  silent) exit 0 ;;\n  *) exec espeak-ng \"$@\" ;;\nesac\n";
        std::fs::write(folder.path().join("voice"), script).unwrap();
        std::fs::set_permissions(folder.path().join("voice"), PermissionsExt::from_mode(0o755)).unwrap();
        let voice = Voice { folder };
        voice.becomes("well");
        voice
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("voice")
    }

    fn becomes(&self, mode: &str) {
        if mode == "missing" {
            return std::fs::remove_file(self.program()).unwrap();
        }
        std::fs::write(self.folder.path().join("mode"), mode).unwrap();
    }
}

fn spoken_by(voice: &Voice) -> Service {
    let plan = patient().with("SPEECH__ESPEAK__PROGRAM", voice.program().to_str().unwrap());
    plan.with("SPEECH__ESPEAK__CALL_TIME_LIMIT_MS", "1000").start()
}

/// Refuses recording, and is where an order number is asked for.
async fn order_number(service: &Service) -> (Call, String) {
    let (call, session) = ring(service, service.caller().desk(TALKS)).await;
    answer(&call, "2").await;
    next_prompt_sounds(&call).await;
    call.press("1").await.unwrap();
    next_prompt_sounds(&call).await;
    (call, session)
}

fn handed_over(outcome: &Outcome) -> &serde_json::Value {
    assert_eq!(outcome.violations, Vec::<String>::new());
    &outcome.task.as_ref().expect("the caller reaches a person")["candor"]
}

async fn a_voice_that_is(mode: &str) {
    let voice = Voice::new();
    let service = spoken_by(&voice);
    let prompts = Prompts::of_the_webshop().await;
    let (call, _) = order_number(&service).await;
    voice.becomes(mode);
    call.press("123456#").await.unwrap();
    hears(&call, &prompts, "read-back-failed").await;
    // A yes now is no yes to a number that nobody has heard: it is a digit.
    next_prompt_sounds(&call).await;
    call.press("123456#").await.unwrap();
    let outcome = call.outcome().await;
    let task = handed_over(&outcome);
    assert_eq!(task["reason"], "engine-failed", "the second time a person helps");
    assert!(task["slots"].get("order_number").is_none(), "a number that nobody confirmed is nobody's: {task}");
    let said = prompts.heard(&outcome.heard, "nl", &["read-back-keys", "cannot-be-said"]);
    assert_eq!(said, ["cannot-be-said"], "nothing is to be confirmed");
    assert!(count(&service, "candor_render_failures_total").await >= 2.0);
    let told = service.complaints("texts with a caller's values cannot be spoken");
    assert_eq!(told.len(), 1, "{:#?}", service.complaints(""));
    assert!(!service.log().contains("123456"), "a number is in no log");
}

#[tokio::test]
async fn missing_gets_nothing_confirmed_and_a_person() {
    a_voice_that_is("missing").await;
}

#[tokio::test]
async fn hanging_gets_nothing_confirmed_and_a_person() {
    a_voice_that_is("hangs").await;
}

#[tokio::test]
async fn crashing_gets_nothing_confirmed_and_a_person() {
    a_voice_that_is("crashes").await;
}

#[tokio::test]
async fn silent_gets_nothing_confirmed_and_a_person() {
    a_voice_that_is("silent").await;
}

#[tokio::test]
async fn a_voice_that_comes_back_goes_on_where_the_caller_is() {
    let voice = Voice::new();
    let service = spoken_by(&voice);
    let prompts = Prompts::of_the_webshop().await;
    let (call, _) = order_number(&service).await;
    voice.becomes("crashes");
    call.press("123456#").await.unwrap();
    hears(&call, &prompts, "read-back-failed").await;
    voice.becomes("well");
    next_prompt_sounds(&call).await;
    call.press("123456#").await.unwrap();
    hears(&call, &prompts, "read-back-keys").await;
    call.press("1").await.unwrap();
    assert_eq!(handed_over(&call.outcome().await)["slots"]["order_number"], "123456");
}

#[tokio::test]
async fn a_text_with_a_number_that_is_no_question_is_told_of_and_the_dialog_goes_on() {
    let voice = Voice::new();
    let service = spoken_by(&voice);
    let prompts = Prompts::of_the_webshop().await;
    let (call, _) = ring(&service, service.caller().desk(TALKS)).await;
    answer(&call, "2").await;
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    next_prompt_sounds(&call).await;
    call.press("123456#").await.unwrap();
    hears(&call, &prompts, "read-back-keys").await;
    voice.becomes("crashes");
    call.press("1").await.unwrap();
    // In the place of how a return works; then what would have come after it.
    hears(&call, &prompts, "cannot-be-said").await;
    hears(&call, &prompts, "anything-else").await;
    call.press("*0").await.unwrap();
    assert_eq!(handed_over(&call.outcome().await)["reason"], "asked");
}
