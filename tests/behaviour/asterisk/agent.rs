//! What a test's Asterisk finds where Candor would be, for tests of the orders that Candor gives beside a call: it takes the call and says what the test
//! says, without a dialog, and tells what the dialplan has asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::configuration::{PASSWORD, Places};

/// How long anything may take, on a machine with much to do.
const SOON: Duration = Duration::from_secs(30);

/// The stand-in. It listens as long as the test's runtime lives.
pub struct Agent {
    address: String,
    shared: Arc<Shared>,
    legs: watch::Receiver<Vec<Leg>>,
    asked: watch::Receiver<Vec<HashMap<String, String>>>,
}

struct Shared {
    refuses: AtomicBool,
    answer: Mutex<String>,
    legs: watch::Sender<Vec<Leg>>,
    asked: watch::Sender<Vec<HashMap<String, String>>>,
}

/// A call's connection.
#[derive(Clone)]
pub struct Leg {
    /// What Asterisk tells of the call.
    pub query: HashMap<String, String>,
    orders: mpsc::UnboundedSender<Message>,
    heard: Arc<Mutex<Vec<u8>>>,
    open: watch::Receiver<bool>,
    /// The texts that Asterisk has sent.
    pub texts: Arc<Mutex<Vec<String>>>,
}

impl Agent {
    pub async fn start() -> Agent {
        let (legs, told_legs) = watch::channel(Vec::new());
        let (asked, told_asked) = watch::channel(Vec::new());
        let answer = Mutex::new("next=hangup".to_owned());
        let shared = Arc::new(Shared { refuses: AtomicBool::new(false), answer, legs, asked });
        let routes = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/asterisk", get(connect))
            .route("/asterisk/after", post(after))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Agent { address, shared, legs: told_legs, asked: told_asked }
    }

    /// For an Asterisk that is to find it.
    pub fn places(&self) -> Places {
        Places { http: self.address.clone(), audio_socket: "127.0.0.1:1".to_owned(), password: PASSWORD, orders: None }
    }

    /// What it answers when it is asked what comes next.
    pub fn answers(&self, line: &str) {
        *self.shared.answer.lock().unwrap() = line.to_owned();
    }

    /// Takes no calls from here on.
    pub fn refuses(&self) {
        self.shared.refuses.store(true, Ordering::Relaxed);
    }

    /// Waits for the connection of a call, the newest if there are several.
    pub async fn leg(&self, call: &str) -> Leg {
        let mut legs = self.legs.clone();
        let of_call = |legs: &Vec<Leg>| legs.iter().any(|leg| leg.query["call"] == call);
        let legs = timeout(SOON, legs.wait_for(of_call)).await.expect("Asterisk connects").unwrap();
        legs.iter().rfind(|leg| leg.query["call"] == call).unwrap().clone()
    }

    /// Waits until the dialplan has asked what is next for a call, and gives what it said.
    pub async fn asked(&self, call: &str) -> HashMap<String, String> {
        let mut asked = self.asked.clone();
        let status = |form: &HashMap<String, String>| form["call"] == call && form.contains_key("status");
        let forms = timeout(SOON, asked.wait_for(|forms| forms.iter().any(status))).await.expect("the dialplan asks").unwrap();
        forms.iter().find(|form| status(form)).unwrap().clone()
    }

    /// Whether the dialplan has asked what is next for a call so far.
    pub fn was_asked(&self, call: &str) -> bool {
        self.asked.borrow().iter().any(|form| form["call"] == call && form.contains_key("status"))
    }
}

impl Leg {
    /// Says something in μ-law.
    pub fn say(&self, sound: &[u8]) {
        for piece in sound.chunks(16_000) {
            let _ = self.orders.send(Message::Binary(Bytes::copy_from_slice(piece)));
        }
    }

    /// Ends the agent's part, as Candor does.
    pub fn close(&self) {
        let _ = self.orders.send(Message::Close(None));
    }

    /// What was heard of the caller so far, in μ-law.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }

    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Waits until the connection is over.
    pub async fn is_closed(&self) {
        let mut open = self.open.clone();
        let _ = timeout(SOON, open.wait_for(|open| !open)).await.expect("Asterisk closes the agent's leg");
    }
}

async fn connect(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if shared.refuses.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.protocols(["media"]).on_upgrade(move |socket| talk(socket, query, shared))
}

async fn talk(mut socket: WebSocket, query: HashMap<String, String>, shared: Arc<Shared>) {
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let (over, open) = watch::channel(true);
    let (heard, texts) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let leg = Leg { query, orders, heard: heard.clone(), open, texts: texts.clone() };
    shared.legs.send_modify(|legs| legs.push(leg));
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(sound))) => heard.lock().unwrap().extend_from_slice(&sound),
                Some(Ok(Message::Text(text))) => texts.lock().unwrap().push(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            Some(message) = ordered.recv() => {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        }
    }
    let _ = over.send(false);
}

async fn after(State(shared): State<Arc<Shared>>, axum::Form(form): axum::Form<HashMap<String, String>>) -> String {
    shared.asked.send_modify(|asked| asked.push(form));
    shared.answer.lock().unwrap().clone()
}
