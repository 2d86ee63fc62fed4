//! A caller asks for their order, and the web shop answers, or fails in some way: whoever refused the recording and whoever agreed to it hears
//! the same, and nobody is left alone.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::asked::{Asked, Reply, ok};
use crate::by_key::{
    Prompts, answer, assert_clean, assert_log, by_key, next_prompt_sounds, order_is_asked_for, order_number, outline, ring,
};
use crate::http::{count, get};
use crate::phone::{Call, Desk, EndedBy, Outcome};
use crate::service::Service;
use crate::shop::{Fault, Shop, router};

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(500), talks: Duration::from_millis(200) };
const TOKEN: &str = "a-token-of-the-shop";

/// Opens the example's shop, with this wrong with it, and gives its address.
pub async fn open_shop(token: &str, fault: Option<Fault>, first: Option<u32>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let shop = Shop { token: token.to_owned(), fault, first };
    tokio::spawn(async move { axum::serve(listener, router(shop)).await.unwrap() });
    address
}

async fn shop() -> String {
    open_shop(TOKEN, None, None).await
}

fn with_shop(address: &str) -> crate::service::Plan {
    by_key().with("LOOKUPS__ORDERS_API", address).with("LOOKUPS__ORDERS_TOKEN", TOKEN)
}

/// Order 1 shipped, as a service answers that is not the example's.
fn shipped() -> Reply {
    Reply::Json(json!({ "status": "shipped", "day": "tuesday", "pieces": 2 }))
}

/// A caller who has said yes (`1`) or no (`2`) to the recording and asked for an order.
async fn asking(service: &Service, consent: &str, number: &str) -> (Call, String) {
    let (call, session) = ring(service, service.caller().desk(TALKS)).await;
    answer(&call, consent).await;
    order_is_asked_for(&call, number).await;
    (call, session)
}

/// The call ends with a colleague who knows the number.
async fn colleague_helps(call: Call, number: &str) -> Outcome {
    let outcome = call.outcome().await;
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outcome.ended_by, EndedBy::Server);
    let told = outcome.task.as_ref().expect("a task for a colleague");
    assert_eq!(told["candor"]["slots"], json!({ "order_number": number }), "what was looked up is not passed on");
    outcome
}

#[tokio::test]
async fn an_order_is_looked_up_and_said_whatever_the_caller_said_to_the_recording() {
    let service = with_shop(&shop().await).start();
    let prompts = Prompts::of_the_webshop().await;
    let text = "Uw bestelling is onderweg, in 2 pakketten. De bezorging is op dinsdag.";
    let said = prompts.said("nl", text).await;
    for consent in ["1", "2"] {
        let (call, session) = asking(&service, consent, "1001").await;
        call.wait_until_heard(&said).await.unwrap();
        // Whether there is anything else: no.
        call.wait_for_turn(Duration::from_millis(700)).await.unwrap();
        call.press("2").await.unwrap();
        let outcome = call.outcome().await;
        assert_clean(&service, &outcome);
        assert_eq!(prompts.heard(&outcome.heard, "nl", &["one-moment", "thank-you"]).len(), 2);
        let events = service.closed_of(&session).await;
        assert!(outline(&events).last().unwrap().starts_with("closed finished"), "{events:#?}");
    }
    assert_eq!(count(&service, "candor_lookups_total{outcome=\"found\"}").await, 2.0);
}

#[tokio::test]
async fn an_order_that_there_is_not_can_be_given_again() {
    let service = with_shop(&shop().await).start();
    let prompts = Prompts::of_the_webshop().await;
    let (call, _) = asking(&service, "2", "9999").await;
    let missing = "Ik kan bestelnummer 9 9 9 9 niet vinden. Toets één voor een ander nummer, nul voor een medewerker.";
    call.wait_until_heard(&prompts.said("nl", missing).await).await.unwrap();
    call.press("1").await.unwrap();
    order_number(&call, "1003").await;
    call.wait_until_heard(&prompts.said("nl", "Uw bestelling is op maandag bezorgd.").await).await.unwrap();
    call.press("0").await.unwrap();
    colleague_helps(call, "1003").await;
    assert_eq!(count(&service, "candor_lookups_total{outcome=\"missing\"}").await, 1.0);
    // That there is no such order is an answer, nothing to complain about.
    assert_log(&service, &[]);
}

/// A shop that fails in a way of its own for each order number, and what that is called.
const FAILURES: [(&str, &str); 9] = [
    ("5000", "broken"),
    ("5001", "overloaded"),
    ("5002", "refused"),
    ("5003", "redirected"),
    ("5004", "not-json"),
    ("5005", "too-large"),
    ("5006", "lacks-field"),
    ("5007", "unreachable"),
    ("5008", "late"),
];

async fn failing_shop() -> Asked {
    Asked::deciding(|_, request| {
        let asked: Value = serde_json::from_str(&request.body).unwrap();
        match asked["order_number"].as_str().unwrap() {
            "5000" => Reply::Status(500),
            "5001" => Reply::Status(503),
            "5002" => Reply::Status(401),
            "5003" => Reply::Raw(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_vec()),
            "5004" => Reply::Raw(ok("text/html", "<html>Sign in</html>")),
            "5005" => Reply::Endless,
            "5006" => Reply::Json(json!({ "status": "shipped", "day": 2, "pieces": 2 })),
            "5007" => Reply::Raw(Vec::new()),
            "5008" => Reply::Hang,
            _ => shipped(),
        }
    })
    .await
}

#[tokio::test]
async fn whatever_fails_a_colleague_looks_it_up() {
    let shop = failing_shop().await;
    let service = with_shop(&shop.address).start();
    let prompts = Prompts::of_the_webshop().await;
    let calls = FAILURES.iter().flat_map(|(number, _)| ["1", "2"].map(|consent| (*number, consent)));
    let helped = calls.map(|(number, consent)| {
        let (service, prompts) = (&service, &prompts);
        async move {
            let call = service.caller().desk(TALKS).ring().await.unwrap();
            answer(&call, consent).await;
            order_is_asked_for(&call, number).await;
            let outcome = colleague_helps(call, number).await;
            let said = ["one-moment", "order-is-looked-up", "a-colleague-looks-it-up"];
            assert_eq!(prompts.heard(&outcome.heard, "nl", &said), said, "{number} {consent}");
        }
    });
    futures_util::future::join_all(helped).await;
    for (number, class) in FAILURES {
        let counted = count(&service, &format!("candor_lookups_total{{outcome=\"{class}\"}}")).await;
        assert_eq!(counted, 2.0, "{number} {class}");
        // Only what may pass was tried again.
        let times = if ["overloaded", "unreachable", "late"].contains(&class) { 4 } else { 2 };
        let asked = shop.requests().iter().filter(|request| request.body.contains(number)).count();
        assert_eq!(asked, times, "{number} {class}");
        let line = format!("class=\"{class}\"");
        let lines = service.log().lines().filter(|text| text.contains("a lookup failed") && text.contains(&line)).count();
        assert_eq!(lines, 1, "one clear line for both: {class}\n{}", service.log());
    }
    assert_eq!(count(&service, "candor_lookup_seconds_count").await, 18.0);
    assert_log(&service, &["a lookup failed"]);
}

#[tokio::test]
async fn while_it_is_looked_up_the_caller_hears_so_and_everything_else_goes_on() {
    let shop = Asked::answering([Reply::Hang]).await;
    let service = with_shop(&shop.address).start();
    let prompts = Prompts::of_the_webshop().await;
    let moment = prompts.sound("nl", "one-moment");

    // A person: at once, and nobody looks it up any more.
    let (call, _) = asking(&service, "2", "1001").await;
    call.wait_until_heard(&moment).await.unwrap();
    assert_eq!((shop.requests().len(), shop.gone()), (1, 0), "it is said while the shop is asked");
    call.press("0").await.unwrap();
    shop.left(1).await;
    colleague_helps(call, "1001").await;
    assert_eq!(shop.requests().len(), 1, "nobody waits, so nobody asks again");

    // A withdrawal: it is erased and told, and then it is looked up, or a colleague does.
    let (call, session) = asking(&service, "1", "1001").await;
    call.wait_until_heard(&moment).await.unwrap();
    call.press("*9").await.unwrap();
    call.wait_until_heard(&prompts.sound("nl", "consent-withdrawn")).await.unwrap();
    colleague_helps(call, "1001").await;
    let story = outline(&service.closed_of(&session).await);
    assert!(story.contains(&"consent given to withdrawn".to_owned()), "{story:#?}");
    assert!(story.iter().any(|line| line.starts_with("deleted")), "{story:#?}");

    // Hanging up.
    let before = (shop.requests().len(), shop.gone());
    let (call, session) = asking(&service, "2", "1001").await;
    shop.asked(before.0 + 1).await;
    call.hang_up().await.unwrap();
    shop.left(before.1 + 1).await;
    let outcome = call.outcome().await;
    assert_eq!(outcome.violations, Vec::<String>::new());
    let story = outline(&service.closed_of(&session).await);
    assert_eq!(story.last().unwrap(), "closed caller-hung-up, 0 sealed");
    assert!(count(&service, "candor_lookups_total{outcome=\"abandoned\"}").await >= 2.0);
}

#[tokio::test]
async fn a_slow_shop_is_waited_for() {
    let shop = Asked::answering([Reply::After(Duration::from_millis(2500), Box::new(shipped()))]).await;
    let service = with_shop(&shop.address).start();
    let prompts = Prompts::of_the_webshop().await;
    let (call, _) = asking(&service, "2", "1001").await;
    let text = "Uw bestelling is onderweg, in 2 pakketten. De bezorging is op dinsdag.";
    call.wait_until_heard(&prompts.said("nl", text).await).await.unwrap();
    next_prompt_sounds(&call).await;
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let moment = outcome.heard.find(&prompts.sound("nl", "one-moment"));
    assert!(moment.is_some(), "it was said in one piece while the shop took its time");
}

#[tokio::test]
async fn beyond_the_bound_the_caller_is_helped_at_once_by_a_colleague() {
    let shop = Asked::answering([Reply::Hang]).await;
    let service = with_shop(&shop.address).with("SESSION__MAX_LOOKUPS", "1").start();
    let (first, _) = ring(&service, service.caller().desk(TALKS)).await;
    let (second, _) = ring(&service, service.caller().desk(TALKS)).await;
    let waits = async {
        answer(&first, "2").await;
        order_is_asked_for(&first, "1001").await;
        shop.asked(1).await;
    };
    let comes_later = async {
        answer(&second, "2").await;
        next_prompt_sounds(&second).await;
        second.press("1").await.unwrap();
        next_prompt_sounds(&second).await;
        shop.asked(1).await;
        second.press("1002#").await.unwrap();
        let marks = second.prompts_heard();
        second.wait_for_completed_marks(marks + 2).await.unwrap();
        second.press("1").await.unwrap();
    };
    tokio::join!(waits, comes_later);
    colleague_helps(second, "1002").await;
    first.hang_up().await.unwrap();
    first.outcome().await;
    assert!(shop.requests().iter().all(|request| request.body.contains("1001")), "{:?}", shop.requests());
    assert_eq!(count(&service, "candor_lookups_total{outcome=\"busy\"}").await, 1.0);
    let metrics = get("/metrics").send(&service).await.body;
    assert!(metrics.contains("# HELP candor_lookups_total "), "{metrics}");
}
