//! A recogniser whose threads hang or die: calls go on by keys and their callers are told, and it is not asked for ever. The engine here is
//! a stand-in (`shim.c`), loaded into a real server in the place of the real one, which cannot be asked to hang.

use std::time::Duration;

use serde_json::Value;

use crate::by_key::{ANSWERED, Prompts, QUESTION, next_prompt_sounds};
use crate::faults_disk::hears;
use crate::http::{count, get};
use crate::openings::announce;
use crate::phone::{Call, Desk};
use crate::service::{Plan, Service, webshop};
use crate::shim::Shim;

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };

/// A server that hears, by the stand-in; or nothing where this build hears nothing.
fn hearing(shim: &Shim) -> Option<Service> {
    hearing_plan(shim).map(Plan::start)
}

fn hearing_plan(shim: &Shim) -> Option<Plan> {
    if !cfg!(feature = "vosk") {
        eprintln!("skipped: this build has no recogniser");
        return None;
    }
    shim.engine("well");
    let models = tempfile::tempdir().unwrap().keep();
    for model in ["vosk-model-small-nl-0.22", "vosk-model-small-en-us-0.15"] {
        std::fs::create_dir_all(models.join(model)).unwrap();
    }
    let plan = shim.put_into(webshop().rate(400)).with("SPEECH__MODELS", models.to_str().unwrap());
    let plan = plan.with("SPEECH__RECOGNITION__TIME_LIMIT_MS", "1000").with("SESSION__CONSENT_WINDOW_MS", "3000");
    Some(plan.with("SESSION__NO_INPUT_MS", "30000"))
}

async fn says_something(call: &Call) {
    next_prompt_sounds(call).await;
    call.say_text("openingstijden", "nl").await.unwrap();
}

/// Refuses, and is in the menu.
async fn in_the_menu(service: &Service) -> Call {
    let call = service.caller().desk(TALKS).ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    call.press("2").await.unwrap();
    call.wait_for_completed_marks(ANSWERED).await.unwrap();
    call
}

/// Sends the caller to a person by key.
async fn reaches_a_person(call: Call) {
    call.press("0").await.unwrap();
    let outcome = call.outcome().await;
    assert_eq!((outcome.violations.clone(), outcome.verbs_named("Enqueue").len()), (vec![], 1), "{:?}", outcome.verbs);
}

async fn heard_in_dutch(service: &Service) -> Value {
    let ready: Value = serde_json::from_str(&get("/readyz").send(service).await.body).unwrap();
    ready["languages"]["nl"].clone()
}

async fn an_engine_that(mode: &str) {
    let shim = Shim::build();
    let Some(service) = hearing(&shim) else { return };
    assert_eq!(heard_in_dutch(&service).await, "speech-and-keys");
    let prompts = Prompts::of_the_webshop().await;
    let understood = in_the_menu(&service).await;
    says_something(&understood).await;
    hears(&understood, &prompts, "we-are-open").await;
    understood.hang_up().await.unwrap();
    understood.outcome().await;

    // Each of these loses a thread to the engine.
    shim.engine(mode);
    for _ in 0..4 {
        let call = in_the_menu(&service).await;
        says_something(&call).await;
        hears(&call, &prompts, "engine-failed").await;
        reaches_a_person(call).await;
    }
    assert!(count(&service, "candor_recognition_failures_total").await >= 4.0);
    let told = service.complaints("the recogniser fails: calls go on by keys, and their callers are told");
    assert_eq!(told.len(), 1, "{:#?}", service.complaints(""));
    assert!(told[0].contains("too-slow"), "{told:?}");

    // The engine is not asked any more: the next callers are offered keys from the beginning, and no thread is lost to them.
    assert_eq!(heard_in_dutch(&service).await, "keys");
    let threads = || {
        std::fs::read_dir(format!("/proc/{}/task", service.process_id()))
            .unwrap()
            .filter(|thread| {
                let name = thread.as_ref().unwrap().path().join("comm");
                std::fs::read_to_string(name).is_ok_and(|name| name.trim() == "recogniser")
            })
            .count()
    };
    let before = threads();
    let call = in_the_menu(&service).await;
    next_prompt_sounds(&call).await;
    call.wait_until_agent_silent(Duration::from_millis(400)).await.unwrap();
    call.say_text("openingstijden", "nl").await.unwrap();
    hears(&call, &prompts, "keys-only").await;
    reaches_a_person(call).await;
    assert_eq!(threads(), before);
    assert_eq!(service.complaints("the recogniser does not answer: callers go on by keys until it does").len(), 1);
    assert_eq!(service.complaints("").iter().filter(|line| line.contains("ERROR")).count(), 2, "{:#?}", service.complaints(""));
}

#[tokio::test]
async fn that_hangs_costs_an_utterance_and_then_nothing() {
    an_engine_that("hang").await;
}

#[tokio::test]
async fn whose_threads_die_costs_an_utterance_and_then_nothing() {
    an_engine_that("die").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_cannot_keep_up_offers_keys_and_then_lets_no_more_callers_in() {
    let shim = Shim::build();
    let Some(plan) = hearing_plan(&shim) else { return };
    let plan = plan.with("SPEECH__RECOGNITION__PLACES", "1").with("SPEECH__RECOGNITION__REFUSE_AFTER_MS", "1500");
    let service = plan.with("SPEECH__RECOGNITION__TIME_LIMIT_MS", "60000").start();
    let calls = [in_the_menu(&service).await, in_the_menu(&service).await, in_the_menu(&service).await];
    assert_eq!(heard_in_dutch(&service).await, "speech-and-keys");

    shim.engine("slow");
    for call in &calls {
        call.say_text("ik wil heel graag weten wanneer u deze week en de volgende week allemaal open bent", "nl").await.unwrap();
    }
    until("keys", || heard_in_dutch(&service)).await;
    // Both languages are heard at the same places.
    assert_eq!(service.complaints("more callers speak than a recogniser can hear").len(), 2);
    // Those who come next reach a person.
    until("passed on", || async {
        let answer = announce(&service, 1).await;
        Value::from(if answer.body.contains("<Enqueue") { "passed on" } else { "let in" })
    })
    .await;
    assert!(count(&service, "candor_calls_without_room_total{reason=\"hearing\"}").await >= 1.0);

    // When it keeps up again callers are let in, and heard.
    shim.engine("well");
    until("speech-and-keys", || heard_in_dutch(&service)).await;
    assert!(announce(&service, 2).await.body.contains("<Connect"));
    for call in calls {
        reaches_a_person(call).await;
    }
}

/// Waits until it is so.
async fn until<F: Future<Output = Value>>(wanted: &str, what: impl Fn() -> F) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while what().await != wanted {
        assert!(std::time::Instant::now() < deadline, "it does not come to {wanted}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
