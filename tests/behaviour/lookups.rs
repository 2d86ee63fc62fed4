//! Lookups at services that answer well, badly, late or never: what comes of them, and how often and with what the services are asked.

use std::time::{Duration, Instant};

use candor::dialog::flow::lookup::{Answer, Body, Kind, Lookup, LookupFailure, LookupMethod, Value};
use candor::lookup::{Client, Settings};
use candor::secret::Secret;
use serde_json::json;
use zeroize::Zeroizing;

use crate::asked::{Asked, Reply, ok};
use crate::lookups_in_calls::open_shop;
use crate::shop::{CUSTOMER, Fault, ORDERS};

const TOKEN: &str = "a-token-that-nobody-else-has";

fn client(address: &str, at_once: usize) -> Client {
    let values = [("api", address), ("token", TOKEN)].map(|(name, value)| (name.to_owned(), Secret::new(value)));
    let values: Settings = values.into_iter().collect();
    values.check().unwrap();
    Client::new(values, at_once).unwrap()
}

/// Asks for an order, twice at the most.
fn lookup() -> Lookup {
    let number = Value::Text(Zeroizing::new("04711".into()));
    Lookup {
        into: "order".into(),
        url_template: "{api}/orders/status".into(),
        method: LookupMethod::Post,
        header_templates: vec![("authorization".into(), "Bearer {token}".into())],
        body: [("order_number".to_owned(), number)].into_iter().collect(),
        takes: vec![("status".into(), Kind::Text), ("open".into(), Kind::Flag), ("pieces".into(), Kind::Number)],
        time_limit: Duration::from_secs(5),
        retries: 1,
    }
}

fn order() -> serde_json::Value {
    json!({ "status": "shipped", "open": true, "pieces": 3, "customer": { "name": "Jansen" }, "notes": ["x"] })
}

/// What comes of the lookup, and the service that was asked.
async fn asking(replies: impl Into<Vec<Reply>>, lookup: Lookup) -> (Result<Answer, LookupFailure>, Asked) {
    let service = Asked::answering(replies).await;
    let answer = client(&service.address, 10).look_up("a-dialog", lookup).await;
    (answer, service)
}

#[tokio::test]
async fn an_answer_has_the_fields_that_were_asked_for_and_nothing_else() {
    let (answer, service) = asking([Reply::Json(order())], lookup()).await;
    let answer = answer.unwrap();
    assert_eq!(answer.get("status"), Some(&Value::Text(Zeroizing::new("shipped".into()))));
    assert_eq!((answer.get("open"), answer.get("pieces")), (Some(&Value::Flag(true)), Some(&Value::Number(3.0))));
    assert_eq!(answer.iter().count(), 3);
    let [request] = &service.requests()[..] else { panic!("asked once: {:?}", service.requests()) };
    assert_eq!(request.line, "POST /orders/status HTTP/1.1", "what the caller gave is not in the address");
    assert_eq!(request.body, r#"{"order_number":"04711"}"#);
    assert_eq!(request.header("authorization"), Some("Bearer a-token-that-nobody-else-has"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert!(request.header("cookie").is_none() && request.header("referer").is_none());
}

#[tokio::test]
async fn who_sends_nothing_gets() {
    let get = Lookup { method: LookupMethod::Get, body: Body::default(), ..lookup() };
    let (answer, service) = asking([Reply::Json(order())], get).await;
    assert!(answer.is_ok());
    let [request] = &service.requests()[..] else { panic!("asked once") };
    assert_eq!((request.line.as_str(), request.body.as_str()), ("GET /orders/status HTTP/1.1", ""));
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_is_not_asked_for_again() {
    let (answer, service) = asking([Reply::Status(404)], lookup()).await;
    assert_eq!((answer, service.requests().len()), (Err(LookupFailure::Missing), 1));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_as_often_as_the_dialog_says() {
    for retries in [0, 1, 3] {
        for reply in [Reply::Status(502), Reply::Status(503), Reply::Status(504), Reply::Raw(Vec::new())] {
            let (answer, service) = asking([reply], Lookup { retries, ..lookup() }).await;
            assert_eq!(answer, Err(LookupFailure::Unavailable));
            assert_eq!(service.requests().len(), retries as usize + 1);
        }
    }
    let hanging = Lookup { time_limit: Duration::from_millis(200), ..lookup() };
    let (answer, service) = asking([Reply::Hang], hanging).await;
    service.left(2).await;
    assert_eq!((answer, service.requests().len()), (Err(LookupFailure::Late), 2));
}

#[tokio::test]
async fn the_second_try_may_succeed() {
    // It says that it is JSON, and breaks off in the middle.
    let half = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"status\":";
    for first in [Reply::Status(503), Reply::Raw(half.to_vec())] {
        let (answer, service) = asking([first, Reply::Json(order())], lookup()).await;
        assert!(answer.is_ok());
        assert_eq!(service.requests().len(), 2);
    }
}

#[tokio::test]
async fn what_is_an_answer_is_not_asked_for_again() {
    for (status, wanted) in [
        (500, LookupFailure::Unavailable),
        (501, LookupFailure::Unavailable),
        (400, LookupFailure::Refused(400)),
        (401, LookupFailure::Refused(401)),
        (429, LookupFailure::Refused(429)),
    ] {
        let (answer, service) = asking([Reply::Status(status), Reply::Json(order())], lookup()).await;
        assert_eq!((answer, service.requests().len()), (Err(wanted), 1), "{status}");
    }
}

#[tokio::test]
async fn nobody_there_is_a_failure_and_no_wait() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let answer = client(&format!("http://{nobody}"), 10).look_up("a-dialog", lookup()).await;
    assert_eq!(answer, Err(LookupFailure::Unavailable));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Asked::answering([Reply::Json(order())]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}/orders/status\r\nContent-Length: 0\r\nConnection: close", elsewhere.address);
        let redirect = format!("HTTP/1.1 {status} Elsewhere\r\n{location}\r\n\r\n");
        let (answer, service) = asking([Reply::Raw(redirect.into_bytes())], lookup()).await;
        assert_eq!((answer, service.requests().len()), (Err(LookupFailure::Unavailable), 1), "{status}");
    }
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}

#[tokio::test]
async fn an_answer_that_is_no_json_cannot_be_read() {
    let whole = order().to_string();
    for reply in [
        ok("text/html", &whole),
        ok("application/jsonp", &whole),
        ok("application/json", ""),
        ok("application/json", "<html>"),
        ok("application/json", &whole[..whole.len() - 1]),
        ok("application/json", &format!("{whole} {whole}")),
        ok("application/json", "[1]"),
        ok("application/json", "null"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{whole}", whole.len()).into_bytes(),
    ] {
        let (answer, service) = asking([Reply::Raw(reply.clone())], lookup()).await;
        let shown = String::from_utf8_lossy(&reply);
        assert_eq!((answer, service.requests().len()), (Err(LookupFailure::Unreadable), 1), "{shown}");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/hal+json"] {
        let (answer, _) = asking([Reply::Raw(ok(kind, &whole))], lookup()).await;
        assert!(answer.is_ok(), "{kind}");
    }
}

#[tokio::test]
async fn an_answer_without_a_field_or_with_another_type_is_not_taken() {
    let with = |field: &str, value: serde_json::Value| {
        let mut order = order();
        order[field] = value;
        order.to_string()
    };
    let mut lacking = order();
    lacking.as_object_mut().unwrap().remove("pieces");
    let twice = r#"{"status":"a","open":true,"pieces":1,"pieces":2}"#.to_owned();
    for (field, answered) in [
        ("status", with("status", json!(4711))),
        ("status", with("status", json!(null))),
        ("status", with("status", json!({ "is": "shipped" }))),
        ("status", with("status", json!("x".repeat(201)))),
        ("status", with("status", json!("shipped\u{1b}[31m"))),
        ("open", with("open", json!("true"))),
        ("open", with("open", json!(1))),
        ("pieces", with("pieces", json!("3"))),
        ("pieces", with("pieces", json!(true))),
        ("pieces", with("pieces", json!(null))),
        ("pieces", lacking.to_string()),
        ("pieces", twice),
    ] {
        let (answer, service) = asking([Reply::Raw(ok("application/json", &answered))], lookup()).await;
        assert_eq!((answer, service.requests().len()), (Err(LookupFailure::LacksField(field.into())), 1), "{answered}");
    }
    let (answer, _) = asking([Reply::Raw(ok("application/json", &with("status", json!("é".repeat(200)))))], lookup()).await;
    assert!(answer.is_ok(), "characters are counted, not bytes");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let fits = format!("{}{}", order(), " ".repeat(60_000));
    let too_large = format!("{}{}", order(), " ".repeat(64 * 1024));
    let (answer, _) = asking([Reply::Raw(ok("application/json", &fits))], lookup()).await;
    assert!(answer.is_ok());
    let (answer, _) = asking([Reply::Raw(ok("application/json", &too_large))], lookup()).await;
    assert_eq!(answer, Err(LookupFailure::Unreadable));
    let (answer, service) = asking([Reply::Endless], lookup()).await;
    assert_eq!((answer, service.requests().len()), (Err(LookupFailure::Unreadable), 1));
    service.left(1).await;
}

#[tokio::test]
async fn no_more_lookups_than_may_be_run_at_once() {
    let service = Asked::answering([Reply::After(Duration::from_secs(1), Box::new(Reply::Json(order())))]).await;
    let client = client(&service.address, 2);
    let begun = async {
        service.asked(2).await;
        client.look_up("a-dialog", lookup()).await
    };
    let (first, second, third) = tokio::join!(client.look_up("a-dialog", lookup()), client.look_up("a-dialog", lookup()), begun);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(third, Err(LookupFailure::Unavailable));
    assert_eq!(service.requests().len(), 2, "the third was not sent");
    assert!(client.look_up("a-dialog", lookup()).await.is_ok(), "there is room again");
}

#[tokio::test]
async fn a_lookup_that_nobody_waits_for_is_broken_off() {
    let service = Asked::answering([Reply::Hang]).await;
    let client = client(&service.address, 1);
    tokio::select! {
        _ = client.look_up("a-dialog", lookup()) => panic!("it does not answer"),
        () = service.asked(1) => {}
    }
    service.left(1).await;
    let again = tokio::time::timeout(Duration::from_millis(100), client.look_up("a-dialog", lookup())).await;
    assert!(again.is_err(), "its place is free again");
}

#[tokio::test]
async fn no_caller_waits_longer_than_twenty_seconds_for_all_tries() {
    let service = Asked::answering([Reply::Hang]).await;
    let patient = Lookup { time_limit: Duration::from_secs(9), retries: 3, ..lookup() };
    let began = Instant::now();
    let answer = client(&service.address, 1).look_up("a-dialog", patient.clone()).await;
    assert_eq!(answer, Err(LookupFailure::Late));
    // The third of four tries was under way; all of them would have taken 36 seconds.
    assert_eq!(service.requests().len(), 3);
    assert!(began.elapsed() < patient.longest());
}

#[tokio::test]
async fn values_that_give_no_address_or_header_send_nothing() {
    let service = Asked::answering([Reply::Json(order())]).await;
    let client = client(&service.address, 10);
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for lookup in [
        Lookup { url_template: "{nobody}/orders".into(), ..lookup() },
        Lookup { url_template: "orders".into(), ..lookup() },
        Lookup { url_template: "file:///etc/passwd".into(), ..lookup() },
        Lookup { header_templates: header("authorization", "{nobody}"), ..lookup() },
        Lookup { header_templates: header("not a header", "x"), ..lookup() },
        Lookup { header_templates: header("x-key", "a\nb: c"), ..lookup() },
    ] {
        let shown = format!("{lookup:?}");
        assert!(client.look_up("a-dialog", lookup).await.is_err(), "{shown}");
    }
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn the_shop_of_the_examples_answers_and_fails_as_it_is_told() {
    let takes = [("status", Kind::Text), ("day", Kind::Text), ("pieces", Kind::Number)];
    let asks = |number: &str| {
        let number = Value::Text(Zeroizing::new(number.to_owned()));
        let body = [("order_number".to_owned(), number)].into_iter().collect();
        let takes = takes.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Lookup { body, takes, time_limit: Duration::from_secs(2), ..lookup() }
    };
    let well = client(&open_shop(TOKEN, None, None).await, 10);
    for order in ORDERS {
        let answer = well.look_up("a-dialog", asks(order.number)).await.unwrap();
        let text = |text: &str| Some(Value::Text(Zeroizing::new(text.to_owned())));
        assert_eq!(answer.get("status").cloned(), text(order.status));
        assert_eq!(answer.get("day").cloned(), text(order.day));
        assert_eq!(answer.get("pieces"), Some(&Value::Number(order.pieces.into())));
        assert!(answer.iter().all(|(_, value)| Some(value.clone()) != text(CUSTOMER)));
    }
    assert_eq!(well.look_up("a-dialog", asks("9999")).await, Err(LookupFailure::Missing));
    let stranger = client(&open_shop("another-token", None, None).await, 10);
    assert_eq!(stranger.look_up("a-dialog", asks("1001")).await, Err(LookupFailure::Refused(401)));

    let unavailable = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    for (fault, first, wanted) in [
        (Fault::Slow(Duration::from_millis(300)), None, None),
        (Fault::Hang, None, Some(LookupFailure::Late)),
        (Fault::Fail(unavailable), None, Some(LookupFailure::Unavailable)),
        (Fault::Fail(unavailable), Some(1), None),
    ] {
        let client = client(&open_shop(TOKEN, Some(fault), first).await, 10);
        assert_eq!(client.look_up("a-dialog", asks("1001")).await.err(), wanted, "{fault:?}");
    }
}
