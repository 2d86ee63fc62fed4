//! A little server to try the telephone against, good or bad as the number called says.
#![allow(clippy::unwrap_used, reason = "a trial that meets something unexpected has failed")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What the server saw.
#[derive(Default)]
pub struct Seen {
    /// Each form with the place it came to.
    pub forms: Vec<(String, Vec<(String, String)>)>,
    /// The signatures of all requests, in order.
    pub signatures: Vec<String>,
    /// The messages of the good stream.
    pub messages: Vec<Value>,
    /// Whether the good stream ended with the closing that the protocol has.
    pub closed_properly: bool,
}

/// What the server saw, while it runs.
pub type Shared = Arc<Mutex<Seen>>;

/// Sound that never repeats.
pub fn speech(seed: u32, milliseconds: usize) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 0x8F
    };
    (0..milliseconds * 8).map(next).collect()
}

fn document(verbs: &str) -> Response {
    ([(header::CONTENT_TYPE, "text/xml")], format!("<Response>{verbs}</Response>")).into_response()
}

fn connect(stream: &str) -> Response {
    document(&format!(
        r#"<Connect action="/twilio/after"><Stream url="wss://bot.example.com/{stream}"><Parameter name="token" value="t-1"/></Stream></Connect>"#
    ))
}

/// A parameter of a form, empty if it has none of this name.
pub fn value(form: &[(String, String)], name: &str) -> String {
    form.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn note(seen: &Shared, place: &str, headers: &HeaderMap, form: &[(String, String)]) {
    let mut seen = seen.lock().unwrap();
    seen.forms.push((place.to_owned(), form.to_owned()));
    if let Some(signature) = headers.get("X-Twilio-Signature") {
        seen.signatures.push(signature.to_str().unwrap().to_owned());
    }
}

async fn voice(State(seen): State<Shared>, headers: HeaderMap, Form(form): Form<Vec<(String, String)>>) -> Response {
    note(&seen, "voice", &headers, &form);
    match value(&form, "To").as_str() {
        "refusing" => StatusCode::FORBIDDEN.into_response(),
        "broken" => connect("broken"),
        "hasty" => connect("hasty"),
        _ => connect("twilio"),
    }
}

async fn after(State(seen): State<Shared>, headers: HeaderMap, Form(form): Form<Vec<(String, String)>>) -> Response {
    let before = seen.lock().unwrap().forms.iter().filter(|(place, _)| place == "after").count();
    note(&seen, "after", &headers, &form);
    if before > 0 {
        return document("<Hangup/>");
    }
    match value(&form, "To").as_str() {
        "dialling" => document(r#"<Dial action="/twilio/result"><Number url="/twilio/whisper">+12025550100</Number></Dial>"#),
        "waiting" => document(r#"<Enqueue waitUrl="/twilio/waiting" action="/twilio/result">service-desk</Enqueue>"#),
        "hasty" => document("<Hangup/>"),
        _ => document(
            r#"<Enqueue workflowSid="WW1" action="/twilio/result"><Task>{"reason":"asked","language":"nl"}</Task></Enqueue>"#,
        ),
    }
}

/// The waiting room: one may stay for a second.
async fn waiting(Form(form): Form<Vec<(String, String)>>) -> Response {
    if value(&form, "QueueTime") == "0" { document("<Pause/>") } else { document("<Leave/>") }
}

async fn result(State(seen): State<Shared>, headers: HeaderMap, Form(form): Form<Vec<(String, String)>>) -> Response {
    note(&seen, "result", &headers, &form);
    if value(&form, "QueueResult") == "bridged" || value(&form, "DialBridged") == "true" {
        document("<Hangup/>")
    } else {
        connect("again")
    }
}

async fn send(socket: &mut WebSocket, message: Value) {
    // The caller may be gone: what follows sees it.
    let _ = socket.send(Message::Text(message.to_string().into())).await;
}

async fn speak(socket: &mut WebSocket, sid: &str, ulaw: &[u8], mark: &str) {
    for part in ulaw.chunks(1_000) {
        let media = json!({"event": "media", "streamSid": sid, "media": {"payload": STANDARD.encode(part)}});
        send(socket, media).await;
    }
    send(socket, json!({"event": "mark", "streamSid": sid, "mark": {"name": mark}})).await;
}

async fn close(socket: &mut WebSocket, code: u16) {
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
}

/// Two prompts; a key clears the second and brings a third, after which the stream is closed.
async fn good(mut socket: WebSocket, seen: Shared) {
    let mut sid = String::new();
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else {
            seen.lock().unwrap().closed_properly |= matches!(message, Message::Close(_));
            continue;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        seen.lock().unwrap().messages.push(message.clone());
        match message["event"].as_str().unwrap() {
            "start" => {
                sid = message["streamSid"].as_str().unwrap().to_owned();
                speak(&mut socket, &sid, &speech(1, 505), "one").await;
                speak(&mut socket, &sid, &speech(2, 3_000), "two").await;
            }
            "dtmf" => {
                send(&mut socket, json!({"event": "clear", "streamSid": sid})).await;
                speak(&mut socket, &sid, &speech(3, 300), "three").await;
            }
            "mark" if message["mark"]["name"] == "three" => close(&mut socket, 1000).await,
            _ => {}
        }
    }
}

/// One prompt, then the end.
async fn again(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["event"].as_str().unwrap() {
            "start" => speak(&mut socket, message["streamSid"].as_str().unwrap(), &speech(4, 200), "four").await,
            "mark" => return close(&mut socket, 1000).await,
            _ => {}
        }
    }
}

/// What a dialled party hears first.
async fn whisper(Form(form): Form<Vec<(String, String)>>) -> Response {
    document(&format!("<Say>for {}</Say>", value(&form, "To")))
}

/// A second of speech, and the end before it can be heard.
async fn hasty(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["event"] == "start" {
            let sid = message["streamSid"].as_str().unwrap();
            speak(&mut socket, sid, &speech(5, 1_000), "five").await;
            return close(&mut socket, 1000).await;
        }
    }
}

/// Everything that is forbidden, then an abnormal closing.
async fn broken(mut socket: WebSocket) {
    let _ = socket.send(Message::Binary(vec![0xFF; 160].into())).await;
    send(&mut socket, json!({"event": "hello"})).await;
    send(&mut socket, json!({"event": "media", "media": {"payload": "/w=="}})).await;
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["event"] == "start" {
            send(&mut socket, json!({"event": "mark", "streamSid": message["streamSid"], "mark": {}})).await;
            return close(&mut socket, 1011).await;
        }
    }
}

/// Starts the server on a port of its own.
pub async fn start() -> (SocketAddr, Shared) {
    let seen = Shared::default();
    let stream = |State(seen): State<Shared>, headers: HeaderMap, upgrade: WebSocketUpgrade| async move {
        note(&seen, "stream", &headers, &[]);
        upgrade.on_upgrade(move |socket| good(socket, seen))
    };
    let router = Router::new()
        .route("/twilio/voice", post(voice))
        .route("/twilio/after", post(after))
        .route("/twilio/result", post(result))
        .route("/twilio/waiting", post(waiting))
        .route("/twilio/whisper", post(whisper))
        .route("/twilio", get(stream))
        .route("/again", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(again) }))
        .route("/hasty", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(hasty) }))
        .route("/broken", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(broken) }))
        .with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, seen)
}
