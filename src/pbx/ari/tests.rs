//! An ARI as a real one never is: silent, refusing, forgetful. What a real one does is in `tests/behaviour/orders_to_a_real_asterisk.rs`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::calls::Caller;
use super::told;
use crate::consent::Purpose;
use crate::pbx::{CallRef, Control, ControlSettings, PbxError, RecorderFor, RecorderSettings, Variables};

const LONG: Duration = Duration::from_secs(10);
const CALL: &str = "1795909125.9";

/// What the peer does with a request: `None`, it never answers.
type Answers = fn(&Method, &str) -> Option<(StatusCode, Value)>;

struct Peer {
    address: String,
    asked: watch::Receiver<Vec<(String, Value)>>,
    events: broadcast::Sender<String>,
}

#[derive(Clone)]
struct Shared {
    answers: Answers,
    asked: watch::Sender<Vec<(String, Value)>>,
    events: broadcast::Sender<String>,
    authorizations: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    async fn start(answers: Answers) -> Peer {
        let (tell, asked) = watch::channel(Vec::new());
        let events = broadcast::Sender::new(64);
        let shared = Shared { answers, asked: tell, events: events.clone(), authorizations: Arc::default() };
        let routes = Router::new().route("/ari/events", get(listen)).fallback(answer).with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Peer { address, asked, events }
    }

    fn control(&self) -> Control {
        let settings = json!({"via": "ari", "address": self.address, "username": "candor", "secret": "a secret of tests only", "time_limit": "400ms"});
        let settings: ControlSettings = serde_json::from_value(settings).unwrap();
        Control::start(settings.check(&RecorderSettings::default()).unwrap()).unwrap()
    }

    async fn connected(&self) -> Control {
        let control = self.control();
        let connected = async {
            while control.is_connected() != Some(true) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, connected).await.expect("it is connected");
        control
    }

    fn tell(&self, event: &Value) {
        self.events.send(event.to_string()).unwrap();
    }

    /// Waits for a request that begins so, and gives what came with it.
    async fn was_asked(&self, beginning: &str) -> (String, Value) {
        let mut asked = self.asked.clone();
        let found = |all: &Vec<(String, Value)>| all.iter().any(|(what, _)| what.starts_with(beginning));
        let waited = timeout(LONG, asked.wait_for(found)).await;
        let all = waited.unwrap_or_else(|_| panic!("no {beginning}: {:?}", self.asked.borrow())).unwrap();
        all.iter().find(|(what, _)| what.starts_with(beginning)).unwrap().clone()
    }

    fn count(&self, beginning: &str) -> usize {
        self.asked.borrow().iter().filter(|(what, _)| what.starts_with(beginning)).count()
    }

    /// A caller who has the agent on the line.
    async fn joined(&self, control: &Control) -> CallRef {
        self.tell(&json!({"type": "StasisStart", "args": ["to=+31201234567"], "channel": {"id": CALL, "name": "PJSIP/trunk-1"}}));
        let (_, agent) = self.was_asked("POST /ari/channels/externalMedia").await;
        let media = agent["channelId"].as_str().unwrap();
        let bridge = media.replace(".media", ".bridge");
        for channel in [CALL, media] {
            self.tell(&json!({"type": "StasisStart", "channel": {"id": channel}}));
            self.tell(&json!({"type": "ChannelEnteredBridge", "channel": {"id": channel}, "bridge": {"id": bridge}}));
        }
        let call = CallRef::new(CALL).unwrap();
        control.joined(&call).await.unwrap();
        self.was_asked(&format!("POST /ari/channels/{CALL}/answer")).await;
        call
    }
}

async fn listen(State(shared): State<Shared>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    shared.authorizations.lock().unwrap().push(headers["authorization"].to_str().unwrap().to_owned());
    let mut events = shared.events.subscribe();
    upgrade.on_upgrade(move |mut socket| async move {
        loop {
            tokio::select! {
                event = events.recv() => {
                    // One word closes it.
                    let Ok(event) = event else { return };
                    if event == "\"close\"" || socket.send(Message::text(event)).await.is_err() {
                        return;
                    }
                }
                message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            }
        }
    })
}

async fn answer(State(shared): State<Shared>, method: Method, uri: Uri, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    shared.asked.send_modify(|asked| asked.push((format!("{method} {uri}"), body)));
    match (shared.answers)(&method, uri.path()) {
        Some((status, body)) => (status, axum::Json(body)).into_response(),
        None => {
            sleep(LONG).await;
            StatusCode::OK.into_response()
        }
    }
}

/// What a good one says.
fn good(method: &Method, path: &str) -> Option<(StatusCode, Value)> {
    Some((
        StatusCode::OK,
        match (method.as_str(), path) {
            ("GET", "/ari/bridges") => json!([]),
            ("GET", "/ari/applications/candor") => json!({"channel_ids": []}),
            ("GET", _) => json!({"value": "1"}),
            _ => json!({}),
        },
    ))
}

fn except(method: &Method, path: &str, end: &str, with: Option<(StatusCode, Value)>) -> Option<(StatusCode, Value)> {
    if method == Method::POST && path.ends_with(end) { with } else { good(method, path) }
}

#[test]
fn what_the_agent_is_told_cannot_end_its_own_brackets() {
    let caller = Caller {
        call: "1795909125.9".into(),
        channel: "Local/stasis@in-2;2".into(),
        from: Some("+31, (x)".into()),
        to: None,
        language: Some("nl".into()),
    };
    assert_eq!(told(&caller), "call=1795909125.9,channel=Local%2Fstasis%40in-2%3B2,from=%2B31%2C+%28x%29,language=nl");
}

#[tokio::test]
async fn what_is_a_callers_stands_in_no_address() {
    let peer = Peer::start(good).await;
    let control = peer.connected().await;
    let call = peer.joined(&control).await;
    let mut variables = Variables::default();
    variables.push("CANDOR_SLOT_number", "81726354\r\n");
    control.hand_over(&call, &variables).await.unwrap();
    let (_, set) = peer.was_asked(&format!("POST /ari/channels/{CALL}/variable")).await;
    assert_eq!(set, json!({"variable": "__CANDOR_SLOT_number", "value": "81726354"}));
    let (_, sent) = peer.was_asked(&format!("POST /ari/channels/{CALL}/continue")).await;
    assert_eq!(sent, json!({"context": "candor-handover", "extension": "s", "priority": 1}));
    let addresses: Vec<String> = peer.asked.borrow().iter().map(|(what, _)| what.clone()).collect();
    assert!(!addresses.iter().any(|address| address.contains("81726354") || address.contains("31201234567")), "{addresses:?}");
}

#[tokio::test]
async fn an_agents_channel_that_never_comes_lets_the_caller_go_on() {
    let peer = Peer::start(|method, path| except(method, path, "/externalMedia", None)).await;
    let control = peer.connected().await;
    let begun = Instant::now();
    peer.tell(&json!({"type": "StasisStart", "channel": {"id": CALL}}));
    let (_, status) = peer.was_asked(&format!("POST /ari/channels/{CALL}/variable")).await;
    assert_eq!(status, json!({"variable": "DIALSTATUS", "value": "CONGESTION"}));
    peer.was_asked(&format!("POST /ari/channels/{CALL}/continue")).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    peer.was_asked("DELETE /ari/channels/candor.1795909125.9.").await;
    peer.was_asked("DELETE /ari/bridges/candor.1795909125.9.").await;
    // When it comes after all, nobody is left for it.
    let (_, agent) = peer.was_asked("POST /ari/channels/externalMedia").await;
    peer.tell(&json!({"type": "StasisStart", "channel": {"id": agent["channelId"]}}));
    let deleted = async {
        while peer.count("DELETE /ari/channels/") < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, deleted).await.expect("it is hung up");
    assert_eq!(control.joined(&CallRef::new(CALL).unwrap()).await, Ok(()), "no such call is waited for");
}

#[tokio::test]
async fn a_refused_bridge_lets_the_caller_go_on() {
    let peer = Peer::start(|method, path| {
        except(method, path, ".bridge", Some((StatusCode::INTERNAL_SERVER_ERROR, json!({"message": "Internal Server Error"}))))
    })
    .await;
    let _control = peer.connected().await;
    peer.tell(&json!({"type": "StasisStart", "channel": {"id": CALL}}));
    peer.was_asked(&format!("POST /ari/channels/{CALL}/continue")).await;
    assert_eq!(peer.count("POST /ari/channels/externalMedia"), 0);
}

#[tokio::test]
async fn an_order_that_is_not_answered_costs_the_time_limit_and_leaves_the_caller_with_the_agent() {
    let peer = Peer::start(|method, path| except(method, path, "/continue", None)).await;
    let control = peer.connected().await;
    let call = peer.joined(&control).await;
    let begun = Instant::now();
    assert_eq!(control.hand_over(&call, &Variables::default()).await, Err(PbxError::TimedOut));
    assert!((Duration::from_millis(300)..Duration::from_secs(3)).contains(&begun.elapsed()));
    assert_eq!(peer.count("DELETE"), 0, "nothing of the call is taken away");
}

#[tokio::test]
async fn an_order_that_nobody_waits_for_any_more_leaves_nobody_alone() {
    let peer =
        Peer::start(|method, path| if path.ends_with("/variable") && method == Method::GET { None } else { good(method, path) })
            .await;
    let control = peer.connected().await;
    let call = peer.joined(&control).await;
    let none = Variables::default();
    let abandoned = timeout(Duration::from_millis(50), control.hand_over(&call, &none)).await;
    assert!(abandoned.is_err());
    let (_, agent) = peer.was_asked("POST /ari/channels/externalMedia").await;
    peer.tell(&json!({"type": "ChannelDestroyed", "channel": {"id": agent["channelId"]}}));
    peer.was_asked(&format!("POST /ari/channels/{CALL}/continue")).await;
}

#[tokio::test]
async fn refusals_have_a_class() {
    let peer = Peer::start(|method, path| {
        except(method, path, "/continue", Some((StatusCode::CONFLICT, json!({"message": "Channel not in Stasis application"}))))
    })
    .await;
    let control = peer.connected().await;
    let call = peer.joined(&control).await;
    assert_eq!(control.hand_over(&call, &Variables::default()).await, Err(PbxError::NoSuchChannel));
    let peer = Peer::start(|method, path| except(method, path, "/record", Some((StatusCode::FORBIDDEN, json!({}))))).await;
    let control = peer.connected().await;
    let call = peer.joined(&control).await;
    let purpose = Purpose::new("service-quality").unwrap();
    let refused = control.start_recorder(&call, RecorderFor { session: Uuid::nil(), purpose: &purpose, number: 1 }).await;
    assert!(matches!(refused.unwrap_err(), PbxError::Refused { message } if message.contains("read_only")));
}

#[tokio::test]
async fn a_recorder_that_may_have_been_started_is_stopped() {
    let peer = Peer::start(|method, path| except(method, path, "/record", None)).await;
    let control = peer.connected().await;
    let call = peer.joined(&control).await;
    let purpose = Purpose::new("service-quality").unwrap();
    let started = control.start_recorder(&call, RecorderFor { session: Uuid::nil(), purpose: &purpose, number: 1 }).await;
    assert_eq!(started.unwrap_err(), PbxError::TimedOut);
    peer.was_asked(&format!("POST /ari/recordings/live/{}-1/stop", Uuid::nil())).await;
}

#[tokio::test]
async fn events_that_stop_are_asked_for_again_and_what_was_missed_is_looked_for() {
    let peer = Peer::start(good).await;
    let control = peer.connected().await;
    let looked = peer.count("GET /ari/bridges");
    peer.tell(&json!("close"));
    let again = async {
        while peer.count("GET /ari/bridges") <= looked || control.is_connected() != Some(true) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, again).await.expect("it connects again");
}

#[tokio::test]
async fn an_application_that_another_program_took_is_left_to_it() {
    let peer = Peer::start(good).await;
    let control = peer.connected().await;
    let looked = peer.count("GET /ari/bridges");
    peer.tell(&json!({"type": "ApplicationReplaced", "application": "candor"}));
    let gone = async {
        while control.is_connected() != Some(false) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, gone).await.expect("it lets go");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(peer.count("GET /ari/bridges"), looked, "and does not take it back at once");
}
