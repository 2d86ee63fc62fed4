//! One address may ask so much and no more; nobody is limited for what another does, and what stands in a header counts only when a
//! trusted proxy wrote it.

use crate::by_key::{answer, assert_clean, by_key, ring};
use crate::http::{Answer, Request, count, get, post};
use crate::phone::Desk;
use crate::service::{Plan, Service};

fn few() -> Plan {
    by_key().with("SERVER__LIMITS__REQUESTS_PER_MINUTE", "5").with("SERVER__LIMITS__CALLS_PER_MINUTE", "2")
}

fn assert_limited(answer: &Answer) {
    assert_eq!((answer.status, answer.body.lines().count()), (429, 1), "{}", answer.body);
    let seconds: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// How many of so many requests pass.
async fn passing(service: &Service, number: usize, request: impl Fn() -> Request) -> usize {
    let mut passed = 0;
    for _ in 0..number {
        let answer = request().send(service).await;
        if answer.status == 429 { assert_limited(&answer) } else { passed += 1 }
    }
    passed
}

#[tokio::test]
async fn requests_and_new_calls_of_an_address_are_counted() {
    let service = few().start();
    assert_eq!(passing(&service, 4, || post("/webrtc", "no offer")).await, 2, "new calls");
    // Four requests were made; those that were refused count too.
    assert_eq!(passing(&service, 4, || get("/desk/nowhere.js")).await, 1, "requests");
    assert_eq!(count(&service, "candor_http_limited_total{what=\"new-calls\"}").await, 2.0);
    assert_eq!(count(&service, "candor_http_limited_total{what=\"requests\"}").await, 3.0);
    let health = passing(&service, 20, || get("/healthz")).await;
    let demo = passing(&service, 20, || get("/")).await;
    assert_eq!((health, demo), (20, 20), "only /webrtc and /desk are limited");
}

#[tokio::test]
async fn calls_of_twilio_are_not_limited_by_address() {
    let service = few().start();
    assert_eq!(passing(&service, 7, || get("/desk/nowhere.js")).await, 5);
    for _ in 0..3 {
        let desk = Desk::Nobody { after: std::time::Duration::from_millis(50) };
        let (call, _) = ring(&service, service.caller().desk(desk)).await;
        call.hang_up().await.unwrap();
        call.outcome().await;
    }
    let (call, _) = ring(&service, service.caller()).await;
    answer(&call, "2").await;
    call.hang_up().await.unwrap();
    assert_clean(&service, &call.outcome().await);
}

#[tokio::test]
async fn a_header_of_a_stranger_changes_nothing() {
    let service = few().start();
    for header in ["X-Forwarded-For", "Forwarded"] {
        let mut sender = 0;
        let mut passed = 0;
        for _ in 0..8 {
            sender += 1;
            let address = format!("203.0.113.{sender}");
            let value = if header == "Forwarded" { format!("for={address}") } else { address };
            let answer = get("/desk/nowhere.js").with(header, &value).send(&service).await;
            passed += usize::from(answer.status != 429);
        }
        assert!(passed <= 5, "{header}: {passed}");
    }
    assert_eq!(passing(&service, 1, || get("/desk/nowhere.js")).await, 0);
}

#[tokio::test]
async fn behind_a_proxy_each_client_is_counted_alone() {
    let service = few().with("SERVER__TRUSTED_PROXIES", "[\"127.0.0.0/8\", \"10.0.0.0/8\"]").start();
    let from = |chain: &str| get("/desk/nowhere.js").with("X-Forwarded-For", chain);
    assert_eq!(passing(&service, 7, || from("203.0.113.1")).await, 5);
    assert_eq!(passing(&service, 7, || from("203.0.113.2")).await, 5);
    assert_eq!(passing(&service, 3, || from("203.0.113.2, 10.1.1.1")).await, 0, "the same client through two proxies");
    assert_eq!(passing(&service, 3, || from("198.51.100.99, 203.0.113.2")).await, 0, "what the client made up stands left");
    assert_eq!(
        passing(&service, 3, || from("203.0.113.3").with("Forwarded", "for=203.0.113.2")).await,
        3,
        "not the header that counts"
    );
    assert_eq!(passing(&service, 7, || get("/desk/nowhere.js")).await, 5, "the proxy's own");
}

#[tokio::test]
async fn a_proxy_that_writes_the_standard_header_is_understood() {
    let plan = few().with("SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]").with("SERVER__PROXY_HEADER", "forwarded");
    let service = plan.start();
    let from = |value: &str| get("/desk/nowhere.js").with("Forwarded", value);
    assert_eq!(passing(&service, 7, || from("for=\"[2001:db8::1]:4711\";proto=https")).await, 5);
    assert_eq!(passing(&service, 2, || from("for=\"[2001:db8::2]\"")).await, 0, "a network of one subscriber");
    assert_eq!(passing(&service, 2, || from("for=\"[2001:db8:0:1::1]\"")).await, 2);
    assert_eq!(passing(&service, 2, || from("for=203.0.113.7").with("X-Forwarded-For", "2001:db8::1")).await, 2);
}
