//! The addresses that browsers call: RFC 9725's conventions, the same in JSON, and what is refused.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::service::{http, webshop};
use crate::webrtc_peer::{Making, Peer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_answered_patched_and_ended() {
    let service = webshop().start();
    let (client, address) = (http(), format!("{}/webrtc", service.base));
    let offer = Peer::new(Making::default()).await.offer().await;
    let post = |kind: &'static str, query: &str, body: String| {
        client.post(format!("{address}{query}")).header("content-type", kind).body(body).send()
    };

    let answered = post("application/sdp", "", offer.clone()).await.unwrap();
    assert_eq!(answered.status(), StatusCode::CREATED);
    let header = |name: &str| answered.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("cache-control")), ("application/sdp".to_owned(), "no-store".to_owned()));
    let (location, etag) = (header("location"), header("etag"));
    assert!(location.starts_with("/webrtc/") && location.len() >= 40, "{location}");
    assert!(answered.text().await.unwrap().contains("a=candidate:1 1 udp "));
    let call = format!("{}{location}", service.base);

    let json = serde_json::json!({"type": "offer", "sdp": offer}).to_string();
    let answered = post("application/json; charset=utf-8", "?language=nl&dialog=webshop", json).await.unwrap();
    assert_eq!(answered.status(), StatusCode::CREATED);
    let answer: Value = serde_json::from_str(&answered.text().await.unwrap()).unwrap();
    assert_eq!(answer["type"], "answer");
    assert!(answer["sdp"].as_str().unwrap().starts_with("v=0"));
    let other = format!("{}{}", service.base, answer["location"].as_str().unwrap());

    let patch = |condition: Option<&str>, kind: &str| {
        let request = client.patch(&call).header("content-type", kind).body(offer.clone());
        condition.map_or(request.try_clone().unwrap(), |condition| request.header("if-match", condition)).send()
    };
    let fragment = "application/trickle-ice-sdpfrag";
    for (condition, kind, status) in [
        (None, fragment, StatusCode::PRECONDITION_REQUIRED),
        (Some("\"other\""), fragment, StatusCode::PRECONDITION_FAILED),
        (Some(etag.as_str()), "application/sdp", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some(etag.as_str()), fragment, StatusCode::NO_CONTENT),
    ] {
        assert_eq!(patch(condition, kind).await.unwrap().status(), status, "{condition:?} {kind}");
    }

    for call in [&call, &other] {
        assert_eq!(client.delete(call).send().await.unwrap().status(), StatusCode::OK);
        assert_eq!(client.delete(call).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(patch(Some(etag.as_str()), fragment).await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_request_is_said_in_a_sentence() {
    let service = webshop().start();
    let (client, address) = (http(), format!("{}/webrtc", service.base));
    let offer = Peer::new(Making::default()).await.offer().await;
    let json = |offer: &str, kind: &str| serde_json::json!({"sdp": offer, "type": kind}).to_string();
    for (query, kind, body, status, said) in [
        ("", "text/plain", offer.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/sdp"),
        ("", "application/sdp", "hello".into(), StatusCode::BAD_REQUEST, "v=0"),
        ("", "application/sdp", offer.replace("opus", "speex"), StatusCode::BAD_REQUEST, "Opus"),
        ("", "application/sdp", "v=0\r\n".repeat(40_000), StatusCode::PAYLOAD_TOO_LARGE, "longer than"),
        ("", "application/json", json(&offer, "answer"), StatusCode::BAD_REQUEST, "\"type\": \"offer\""),
        ("?dialog=nothing", "application/sdp", offer.clone(), StatusCode::BAD_REQUEST, "webshop"),
        ("?language=tlh", "application/sdp", offer.clone(), StatusCode::BAD_REQUEST, "nl, en"),
    ] {
        let answer = client.post(format!("{address}{query}")).header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query} {kind}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(said), "{query} {kind}: {text}");
        assert_eq!(text.lines().count(), 1);
    }
    let options = client.request(Method::OPTIONS, &address).send().await.unwrap();
    assert_eq!(options.headers()["accept-post"], "application/sdp, application/json");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        assert_eq!(client.request(method, &address).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(client.get(format!("{address}/some")).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_room_says_when_to_come_again_and_one_without_browsers_nothing() {
    let offer = Peer::new(Making::default()).await.offer().await;
    let post = async |base: &str| {
        let post = http().post(format!("{base}/webrtc")).header("content-type", "application/sdp").body(offer.clone());
        post.send().await.unwrap()
    };
    let full = webshop().with("SESSION__MAX_CALLS", "0").start();
    let refused = post(&full.base).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "10");
    let closed = webshop().with("WEBRTC__ENABLED", "false").start();
    assert_eq!(post(&closed.base).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turn_servers_are_named_with_a_credential_for_this_caller() {
    let settings = "[[webrtc.turn]]\nurls = ['turn:turn.example.com:3478']\nshared_secret = 'north'\n";
    let sample = std::fs::read_to_string(crate::service::project("candor.toml")).unwrap();
    let service = webshop().settings(&format!("{sample}\n{settings}")).start();
    let offer = Peer::new(Making::default()).await.offer().await;
    let mut names = Vec::new();
    for _ in 0..2 {
        let post = http().post(format!("{}/webrtc", service.base)).header("content-type", "application/sdp");
        let answer = post.body(offer.clone()).send().await.unwrap();
        let link = answer.headers()["link"].to_str().unwrap().to_owned();
        assert!(link.starts_with(r#"<turn:turn.example.com:3478>; rel="ice-server"; username=""#), "{link}");
        names.push(link);
    }
    assert_ne!(names[0], names[1]);
    // A page needs them before its first offer.
    let asked = http().request(Method::OPTIONS, format!("{}/webrtc", service.base)).send().await.unwrap();
    assert!(
        asked.headers()["link"].to_str().unwrap().starts_with(r#"<turn:turn.example.com:3478>; rel="ice-server"; username=""#)
    );
    assert_eq!(asked.headers()["cache-control"], "no-store");
}
