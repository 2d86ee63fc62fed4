//! What a caller gave for a lookup, what came back, and the secrets it was asked with are nowhere afterwards: not in the log, whatever its level,
//! the metrics, the ledger, the data, or a file that anybody passes things in.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::asked::{Asked, Reply, ok};
use crate::by_key::{Prompts, answer, by_key, next_prompt_sounds, order_is_asked_for, ring};
use crate::http::get;
use crate::phone::Desk;
use crate::service::{Service, files_below};
use crate::the_canary::Passing;

/// Nobody else has any of these.
const TOKEN: &str = "zaagmolen-token-8841";
const PATH: &str = "geheime-ingang-5527";
const STATUS: &str = "kanariegeel";
const DAY: &str = "schrikkeldag";
const CUSTOMER: &str = "Kwikstaartlaan";
/// Found, and failed in three ways.
const NUMBERS: [&str; 4] = ["73051964", "73051965", "73051966", "73051967"];

/// A shop that puts what it was given, and what it should keep to itself, into everything that it says.
async fn talkative_shop() -> Asked {
    Asked::deciding(|_, request| {
        let told = format!("{} {:?} {} {STATUS} {CUSTOMER}", request.line, request.headers, request.body);
        if request.body.contains(NUMBERS[0]) {
            let order = json!({ "status": "shipped", "day": DAY, "pieces": 2, "customer": CUSTOMER, "told": told });
            Reply::Json(order)
        } else if request.body.contains(NUMBERS[1]) {
            Reply::Raw(ok("application/json", &json!({ "status": { STATUS: told }, "day": DAY, "pieces": 2 }).to_string()))
        } else if request.body.contains(NUMBERS[2]) {
            let body = json!({ "error": told }).to_string();
            let head = format!("HTTP/1.1 401 No\r\nx-told: {CUSTOMER}\r\nContent-Length: {}\r\nConnection: close", body.len());
            Reply::Raw(format!("{head}\r\n\r\n{body}").into_bytes())
        } else {
            let location = format!("/{STATUS}/{}", request.header("authorization").unwrap().replace(' ', "-"));
            Reply::Raw(format!("HTTP/1.1 307 Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes())
        }
    })
    .await
}

/// Everything that may not be found, in the forms in which it may have been left behind.
fn traces() -> Vec<Vec<u8>> {
    let spoken = |number: &str| number.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let mut texts: Vec<String> = [TOKEN, PATH, STATUS, DAY, CUSTOMER].map(str::to_owned).to_vec();
    texts.extend(NUMBERS.iter().flat_map(|number| [(*number).to_owned(), spoken(number)]));
    let hex: Vec<String> = texts.iter().map(hex::encode).collect();
    texts.into_iter().chain(hex).map(String::into_bytes).collect()
}

fn found_in(files: &[PathBuf], needle: &[u8]) -> Vec<PathBuf> {
    let holds = |file: &&PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
    };
    files.iter().filter(holds).cloned().collect()
}

async fn assert_nowhere(service: &Service, before: &Passing) {
    let mut files = files_below(service.folder.path());
    files.extend(before.new_files());
    // The search finds what is there.
    for known in ["lacks-field", "refused", "redirected"] {
        assert!(!found_in(&files, format!("class=\"{known}\"").as_bytes()).is_empty(), "{known}: {}", service.log());
    }
    let metrics = get("/metrics").send(service).await.body.to_lowercase();
    for trace in traces() {
        let shown = String::from_utf8_lossy(&trace).to_lowercase();
        assert_eq!(found_in(&files, &trace), Vec::<PathBuf>::new(), "{shown}");
        assert!(!metrics.contains(&shown), "{shown} in {metrics}");
    }
}

#[tokio::test]
async fn nothing_of_a_lookup_is_written_anywhere() {
    let before = Passing::before();
    let shop = talkative_shop().await;
    let service = by_key()
        .with("LOOKUPS__ORDERS_API", &format!("{}/{PATH}", shop.address))
        .with("LOOKUPS__ORDERS_TOKEN", TOKEN)
        .with("PROMPTS__RENDERED", "data/rendered")
        .with("LOG__LEVEL", "trace")
        .start();
    let prompts = Prompts::of_the_webshop().await;
    let text = format!("Uw bestelling is onderweg, in 2 pakketten. De bezorging is op {DAY}.");
    let said = prompts.said("nl", &text).await;
    let desk = Desk::Answers { after: Duration::from_millis(500), talks: Duration::from_millis(200) };
    for (number, consent) in NUMBERS.into_iter().zip(["1", "2", "1", "2"]) {
        let (call, session) = ring(&service, service.caller().desk(desk)).await;
        answer(&call, consent).await;
        order_is_asked_for(&call, number).await;
        if number == NUMBERS[0] {
            call.wait_until_heard(&said).await.unwrap();
            next_prompt_sounds(&call).await;
            call.press("0").await.unwrap();
        }
        let outcome = call.outcome().await;
        assert_eq!(outcome.task.unwrap()["candor"]["slots"], json!({ "order_number": number }));
        service.closed_of(&session).await;
    }
    // The shop was given all of it, in the head and the body alone.
    let requests = shop.requests();
    assert_eq!(requests.len(), NUMBERS.len());
    for (request, number) in requests.iter().zip(NUMBERS) {
        assert_eq!(request.line, format!("POST /{PATH}/orders/status HTTP/1.1"));
        assert_eq!(request.body, format!(r#"{{"order_number":"{number}"}}"#));
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }
    // While it runs, and when it has ended.
    assert_nowhere(&service, &before).await;
    let mut service = service;
    service.terminate();
    service.ended().await;
    let files = files_below(service.folder.path());
    for trace in traces() {
        assert_eq!(found_in(&files, &trace), Vec::<PathBuf>::new(), "{}", String::from_utf8_lossy(&trace));
    }
}
