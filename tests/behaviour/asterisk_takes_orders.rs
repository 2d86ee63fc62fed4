//! A real Asterisk that Candor gives orders to: its own recorder does what callers have answered, the ledger says what it was told and what it answered,
//! and callers are sent to the queue with what the colleague may know.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::asterisk::candor::Orders;
use crate::asterisk::{By, Pbx, Telephone, candor, sound};
use crate::by_key::{PURPOSE, Prompts, outline};
use crate::service::{Plan, Service, files_below, of_type, project};

const NUMBER: &str = "+31201234567";

/// What Asterisk's recorder has been told, and how it answered.
fn told(events: &[Value]) -> Vec<String> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let orders = of_type(events, "pbx-recorder");
    orders.iter().map(|event| format!("{} {} {}", text(event, "order"), text(event, "reason"), text(event, "answer"))).collect()
}

/// The files of Asterisk's recorder for a session.
fn recorded(pbx: &Pbx, session: &str) -> Vec<PathBuf> {
    let files = files_below(&pbx.file("spool/monitor")).into_iter();
    files.filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().contains(session))).collect()
}

fn dutch(prompts: &Prompts, id: &str) -> Vec<i16> {
    sound::samples_of(&prompts.sound("nl", id))
}

async fn answered<'a>(service: &Service, pbx: &'a Pbx, by: By, prompts: &Prompts, key: char) -> (Telephone<'a>, String) {
    let before = service.sessions();
    let telephone = pbx.call(by, NUMBER).await;
    let session = candor::new_session(service, &before).await;
    telephone.hears("consent-question", &dutch(prompts, "consent-question")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(recorded(pbx, &session), Vec::<PathBuf>::new(), "nothing is recorded before the answer");
    telephone.press(key).await;
    let said = if key == '1' { "consent-given" } else { "consent-refused" };
    telephone.hears(said, &dutch(prompts, said)).await;
    (telephone, session)
}

#[tokio::test]
async fn asterisks_recorder_runs_after_a_yes_alone_and_stops_before_a_person_speaks() {
    let plan = candor::plan().with("ASTERISK__RECORDER__AFTER_GRANT", &format!("[\"{PURPOSE}\"]"));
    let Some((service, pbx)) = candor::start_with_orders(plan, Orders::Ami("candor-records")).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    pbx.colleague("talks").await;

    // A yes, something that is said, and a person.
    let (telephone, session) = answered(&service, &pbx, By::WebSocket, &prompts, '1').await;
    telephone.press('3').await;
    telephone.hears("we-are-open", &dutch(&prompts, "we-are-open")).await;
    telephone.press('0').await;
    telephone.is_queued().await;
    let file = recorded(&pbx, &session);
    assert_eq!(file.len(), 1, "{file:?}");
    let at_the_handover = std::fs::metadata(&file[0]).unwrap().len();
    let colleague = pbx.answered(&telephone).await;
    assert_eq!(pbx.manager.variable(&colleague, "CANDOR_SESSION").await, session);
    assert_eq!(pbx.manager.variable(&colleague, "CANDOR_REASON").await, "asked");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(std::fs::metadata(&file[0]).unwrap().len(), at_the_handover, "nothing of what they say to each other");
    telephone.hang_up().await;
    let events = service.closed_of(&session).await;
    assert_eq!(told(&events), ["start granted done", "stop turn-not-held done"], "{:?}", outline(&events));
    let named = of_type(&events, "pbx-recorder");
    assert!(file[0].to_str().unwrap().ends_with(named[0]["file"].as_str().unwrap()), "{named:?}");
    let samples = sound::of_file(&file[0]);
    assert!(sound::find(&samples, &dutch(&prompts, "we-are-open")).is_some_and(|found| found.is_whole()), "what was agreed to");
    assert!(sound::find(&samples, &dutch(&prompts, "consent-question")).is_none(), "and nothing of what was before it");

    // A yes that is taken back.
    let (telephone, session) = answered(&service, &pbx, By::WebSocket, &prompts, '1').await;
    telephone.press('*').await;
    telephone.press('9').await;
    telephone.hears("consent-withdrawn", &dutch(&prompts, "consent-withdrawn")).await;
    telephone.hang_up().await;
    let events = service.closed_of(&session).await;
    // The manager interface has no order to delete a file: that is the PBX's, and the ledger says so.
    let expected = ["start granted done", "stop withdrawn done", "erase withdrawn not-possible"];
    assert_eq!(told(&events), expected, "{:?}", outline(&events));

    // A no.
    let (telephone, session) = answered(&service, &pbx, By::WebSocket, &prompts, '2').await;
    telephone.press('3').await;
    telephone.hears("we-are-open", &dutch(&prompts, "we-are-open")).await;
    telephone.press('0').await;
    telephone.is_queued().await;
    pbx.answered(&telephone).await;
    telephone.hang_up().await;
    let events = service.closed_of(&session).await;
    assert_eq!(told(&events), Vec::<String>::new(), "{:?}", outline(&events));
    assert_eq!(recorded(&pbx, &session), Vec::<PathBuf>::new());
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

/// The web shop, which asks for a number that identifies a person where it would tell about returns, and then tells when it is open.
fn with_a_sensitive_number() -> (TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let dialog = std::fs::read_to_string(project("dialogs/webshop.yaml")).unwrap();
    let step = "- collect: { slot: order_number, prompt: return-number, digits: 4..8, read-back: is-this-your-order }\n    - say: return-explained";
    let sensitive =
        "- collect: { slot: client_number, prompt: return-number, digits: 4..8, sensitive: true }\n    - say: we-are-open";
    assert!(dialog.contains(step), "{dialog}");
    std::fs::write(folder.path().join("webshop.yaml"), dialog.replace(step, sensitive)).unwrap();
    let plan = candor::plan_of(Plan::of(folder.path().to_owned(), project("prompts")));
    (folder, plan)
}

#[tokio::test]
async fn asterisks_recorder_hears_nothing_of_a_sensitive_step() {
    let (_dialogs, plan) = with_a_sensitive_number();
    let plan = plan.with("ASTERISK__RECORDER__AFTER_GRANT", &format!("[\"{PURPOSE}\"]"));
    let Some((service, pbx)) = candor::start_with_orders(plan, Orders::Ami("candor-records")).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    let (telephone, session) = answered(&service, &pbx, By::WebSocket, &prompts, '1').await;
    telephone.hears("how-can-i-help", &dutch(&prompts, "how-can-i-help")).await;
    telephone.press('2').await;
    telephone.hears("return-number", &dutch(&prompts, "return-number")).await;
    let file = recorded(&pbx, &session);
    assert_eq!(file.len(), 1, "{file:?}");
    let at_the_step = std::fs::metadata(&file[0]).unwrap().len();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for digit in "12345".chars() {
        telephone.press(digit).await;
    }
    assert_eq!(std::fs::metadata(&file[0]).unwrap().len(), at_the_step, "nothing of the number");
    assert_eq!(recorded(&pbx, &session), file);
    telephone.press('#').await;
    telephone.hears("we-are-open", &dutch(&prompts, "we-are-open")).await;
    telephone.hang_up().await;
    let events = service.closed_of(&session).await;
    let expected = ["start granted done", "stop turn-not-held done", "start granted done", "stop ended done"];
    assert_eq!(told(&events), expected, "{:?}", outline(&events));
    let heard: Vec<Vec<i16>> = recorded(&pbx, &session).iter().map(|file| sound::of_file(file)).collect();
    let is_in = |id: &str| heard.iter().any(|heard| sound::find(heard, &dutch(&prompts, id)).is_some());
    assert!(is_in("how-can-i-help") && is_in("we-are-open"), "what was agreed to");
    assert!(!is_in("return-number"), "and nothing of the step");
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn by_ari_a_caller_hears_the_agent_from_the_first_word_and_reaches_the_queue() {
    let Some((service, pbx)) = candor::start_with_orders(candor::plan(), Orders::Ari).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    pbx.colleague("talks").await;
    // Asterisk was not there when Candor looked first, and it looks again with growing pauses.
    let deadline = Instant::now() + Duration::from_secs(90);
    while !pbx.console("ari show apps").contains("candor") {
        assert!(Instant::now() < deadline, "Candor takes no callers by ARI:\n{}", service.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (telephone, session) = answered(&service, &pbx, By::Stasis, &prompts, '2').await;
    for id in ["disclosure-automated", "disclosure-consent"] {
        assert!(telephone.hears(id, &dutch(&prompts, id)).await.is_whole(), "{id}");
    }
    telephone.press('0').await;
    telephone.is_queued().await;
    let colleague = pbx.answered(&telephone).await;
    assert_eq!(pbx.manager.variable(&colleague, "CANDOR_SESSION").await, session);
    assert_eq!(pbx.manager.variable(&colleague, "CANDOR_REASON").await, "asked");
    telephone.hang_up().await;
    let story = outline(&service.closed_of(&session).await);
    assert_eq!(story[story.len() - 2..], ["handover result answered", "closed handed-over, 0 sealed"], "{story:?}");
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}
