//! What a web page of somebody else's cannot do: bring calls, sit at the desk, or reach a server of this machine under a name of its own.

use crate::by_key::{assert_log, by_key};
use crate::http::{address, count, get, post, request};
use crate::service::Service;

const SHOP: &str = "https://shop.example.com";
const REFUSED: &str = "a request was refused";

/// Whether the guard lets it through; what the route then thinks of it is its own affair.
async fn passes(service: &Service, request: crate::http::Request) -> bool {
    let answer = request.send(service).await;
    let refused = answer.status == 403 && answer.body.contains("web page");
    assert!(refused || answer.status != 403, "{}", answer.body);
    !refused
}

fn upgrade(path: &str) -> crate::http::Request {
    let upgrade = get(path).with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13");
    upgrade.with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

#[tokio::test]
async fn only_our_own_pages_bring_calls_and_sit_at_the_desk() {
    let service = by_key().start();
    let ours = format!("http://{}", address(&service));
    for path in ["/webrtc", "/webrtc/some-call", "/desk/events", "/desk"] {
        assert!(passes(&service, get(path)).await, "{path}: no browser");
        assert!(passes(&service, get(path).with("Origin", &ours)).await, "{path}: our own page");
        for origin in [SHOP, "null", "http://127.0.0.1", "http://localhost:1"] {
            assert!(!passes(&service, get(path).with("Origin", origin)).await, "{path}: {origin}");
        }
    }
    for foreign in [
        post("/webrtc", "v=0").with("Content-Type", "application/sdp").with("Origin", SHOP),
        request("DELETE", "/webrtc/some-call").with("Origin", SHOP),
        request("OPTIONS", "/webrtc").with("Origin", SHOP).with("Access-Control-Request-Method", "POST"),
        upgrade("/desk/events").with("Origin", SHOP),
    ] {
        assert!(!passes(&service, foreign).await);
    }
    assert!(passes(&service, upgrade("/desk/events").with("Origin", &ours)).await);
    let answer = get("/desk").with("Origin", SHOP).send(&service).await;
    assert_eq!(answer.body.lines().count(), 1, "a sentence: {}", answer.body);
    assert!(count(&service, "candor_http_refused_total").await >= 20.0);
    assert_log(&service, &[REFUSED]);
}

#[tokio::test]
async fn allowed_pages_bring_calls_and_can_read_the_answers() {
    let service = by_key().with("SERVER__ALLOWED_ORIGINS", &format!("[\"{SHOP}\"]")).start();
    let preflight = request("OPTIONS", "/webrtc")
        .with("Origin", SHOP)
        .with("Access-Control-Request-Method", "POST")
        .with("Access-Control-Request-Headers", "content-type")
        .send(&service)
        .await;
    assert_eq!((preflight.status, preflight.header("Access-Control-Allow-Origin")), (204, Some(SHOP)));
    let allowed = |name| preflight.header(name).unwrap().to_ascii_lowercase();
    for method in ["post", "patch", "delete"] {
        assert!(allowed("Access-Control-Allow-Methods").contains(method));
    }
    assert!(allowed("Access-Control-Allow-Headers").contains("content-type"));

    let answer = post("/webrtc", "v=0").with("Origin", SHOP).send(&service).await;
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(SHOP));
    let exposed = answer.header("Access-Control-Expose-Headers").unwrap().to_ascii_lowercase();
    for header in ["location", "link", "etag"] {
        assert!(exposed.contains(header), "{exposed}");
    }
    assert_eq!((answer.header("Access-Control-Allow-Credentials"), answer.header("Vary")), (None, Some("origin")));
    // An OPTIONS that is no preflight asks the route itself.
    let asked = request("OPTIONS", "/webrtc").with("Origin", SHOP).send(&service).await;
    assert_eq!((asked.header("Access-Control-Allow-Methods"), asked.header("Access-Control-Allow-Origin")), (None, Some(SHOP)));

    assert!(!passes(&service, get("/desk/events").with("Origin", SHOP)).await, "the desk is for our own page alone");
    assert!(!passes(&service, get("/webrtc").with("Origin", "https://shop.example.com.evil.example")).await);
    let elsewhere = get("/healthz").with("Origin", SHOP).send(&service).await;
    assert_eq!(elsewhere.header("Access-Control-Allow-Origin"), None);
}

#[tokio::test]
async fn a_server_of_this_machine_answers_to_names_of_this_machine() {
    let service = by_key()
        .with("TWILIO__PUBLIC_ADDRESS", "https://bot.example.com")
        .with("TWILIO__AUTH_TOKEN", "the-token-of-the-account")
        .start();
    let port = address(&service).rsplit(':').next().unwrap().to_owned();
    for path in ["/", "/healthz", "/readyz", "/metrics", "/webrtc", "/desk", "/twilio/voice"] {
        for host in ["evil.example", &format!("evil.example:{port}"), "192.0.2.1", "localhost.evil.example"] {
            let answer = get(path).with("Host", host).with("Origin", &format!("http://{host}")).send(&service).await;
            assert_eq!((answer.status, answer.body.lines().count()), (403, 1), "{path} as {host}");
        }
    }
    for host in [&format!("localhost:{port}"), &format!("desk.localhost:{port}"), &format!("[::1]:{port}"), "bot.example.com"] {
        assert_eq!(get("/healthz").with("Host", host).send(&service).await.status, 200, "{host}");
    }
}
