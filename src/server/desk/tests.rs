//! Colleagues' pages against a real WebSocket server, with sessions and media played by the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, State};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Lines, Reception, connect};
use crate::consent::{ConsentState, Purpose};
use crate::handover::desk::{CallBacks, Desk, IN_STORAGE, Reach, Settings, Ticket, Waiting, make_key};
use crate::handover::{self, Reason, Request};
use crate::session::{Control, ConversationEnd, DeskEnd, DeskNews};
use crate::transport::webrtc::IceServer;
use crate::transport::{CHANNEL, Leg, twilio};

const ANNA: &str = "annas own token of the desk";
const BERT: &str = "berts own token of the desk";
const LIMIT: Duration = Duration::from_secs(10);

/// The desk of a server, with sessions that the test plays.
struct Place {
    desk: Desk,
    reception: Reception,
    answers: AtomicBool,
    /// Whether the sessions are over.
    over: AtomicBool,
    /// Whether an answer takes for ever.
    hangs: AtomicBool,
    told: mpsc::UnboundedSender<(Uuid, Control)>,
}

impl Lines for Place {
    async fn answer(&self, offer: &str) -> Result<(String, Leg), String> {
        if !self.answers.load(Ordering::SeqCst) {
            return Err("your browser's offer cannot be answered".to_owned());
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let (_, inbound) = mpsc::channel(CHANNEL);
        let (outbound, _) = mpsc::channel(CHANNEL);
        Ok((format!("answer to {offer}"), Leg { profile: twilio::PROFILE, inbound, outbound }))
    }

    async fn tell(&self, session: Uuid, control: Control) -> bool {
        !self.over.load(Ordering::SeqCst) && self.told.send((session, control)).is_ok()
    }

    fn ice_servers(&self) -> Vec<IceServer> {
        let urls = vec!["turn:turn.example:3478".to_owned()];
        vec![IceServer { urls, username: "until".into(), credential: "mac".into() }]
    }

    fn ice_lifetime(&self) -> Option<Duration> {
        Some(Duration::from_secs(3))
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn reception(&self) -> &Reception {
        &self.reception
    }
}

struct Server {
    place: Arc<Place>,
    address: SocketAddr,
    told: Mutex<mpsc::UnboundedReceiver<(Uuid, Control)>>,
    _folder: tempfile::TempDir,
}

async fn server() -> Server {
    let targets: handover::Settings = serde_json::from_value(json!({"targets": {
        "service-desk": {"desk": true}, "returns": {"desk": true},
    }}))
    .unwrap();
    let settings: Settings = serde_json::from_value(json!({"sign_in_attempts": 3, "wrap_up_seconds": 1, "colleagues": {
        "anna": {"token": ANNA}, "bert": {"token": BERT, "queues": ["returns"], "languages": ["nl"]},
    }}))
    .unwrap();
    let settings = settings.check(&targets.check().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    make_key(&folder.path().join("keys"), folder.path()).unwrap();
    let files = folder.path().join(IN_STORAGE);
    let call_backs = CallBacks::open(&folder.path().join("keys"), &files, settings.call_back_term).unwrap();
    let reception = Reception::new(&settings);
    let desk = Desk::new(settings, vec!["nl".into(), "en".into()], call_backs);
    let (tell, told) = mpsc::unbounded_channel();
    let place = Arc::new(Place { desk, reception, answers: true.into(), over: false.into(), hangs: false.into(), told: tell });
    let route = |State(place): State<Arc<Place>>, ConnectInfo(peer): ConnectInfo<SocketAddr>, upgrade: WebSocketUpgrade| async move {
        connect(place, peer.ip(), upgrade)
    };
    let router = Router::new().route("/desk/events", get(route)).with_state(place.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server { place, address, told: Mutex::new(told), _folder: folder }
}

impl Server {
    async fn page(&self) -> Page {
        let (socket, _) = connect_async(format!("ws://{}/desk/events", self.address)).await.unwrap();
        Page(socket)
    }

    async fn signed_in(&self, token: &str) -> Page {
        let mut page = self.page().await;
        page.say(json!({"type": "sign-in", "token": token})).await;
        page
    }

    /// Anna, who takes everybody.
    async fn anna(&self) -> Page {
        let mut anna = self.signed_in(ANNA).await;
        anna.hear("signed-in").await;
        let queues = ["service-desk", "returns"];
        anna.say(json!({"type": "availability", "available": true, "queues": queues, "languages": ["nl", "en"]})).await;
        anna.hear_where("queue", |list| list["colleagues"]["available"] == 1).await;
        anna
    }

    fn caller(&self, queue: &str) -> (Uuid, Ticket) {
        let request = Request {
            session: Uuid::new_v4(),
            target: queue.into(),
            reason: Reason::Asked,
            language: "nl".into(),
            consent: [(Purpose::new("service-quality").unwrap(), ConsentState::Refused)].into(),
            slots: [("order_number".to_owned(), "81726354".to_owned())].into_iter().collect(),
        };
        (request.session, self.place.desk.join(request, 0).unwrap())
    }

    async fn told(&self) -> (Uuid, Control) {
        timeout(LIMIT, async { self.told.lock().await.recv().await.unwrap() }).await.unwrap()
    }

    /// What a session is given when a colleague has taken its caller.
    async fn colleague_of(&self, session: Uuid) -> mpsc::Sender<DeskNews> {
        match self.told().await {
            (told, Control::DeskLeg(_, news)) if told == session => news,
            other => panic!("not the leg: {other:?}"),
        }
    }
}

struct Page(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Page {
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of this type; others are passed over.
    async fn hear(&mut self, name: &str) -> Value {
        self.hear_where(name, |_| true).await
    }

    async fn hear_where(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let heard = async {
            loop {
                match self.0.next().await.unwrap().unwrap() {
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        if message["type"] == name && wanted(&message) {
                            return message;
                        }
                    }
                    Message::Close(_) => panic!("closed before {name}"),
                    _ => {}
                }
            }
        };
        timeout(LIMIT, heard).await.unwrap_or_else(|_| panic!("no {name}"))
    }

    /// The next error, which has this code; gives its message.
    async fn is_refused(&mut self, code: &str) -> String {
        let error = self.hear("error").await;
        assert_eq!(error["code"], code, "{error}");
        error["message"].as_str().unwrap().to_owned()
    }

    async fn is_closed(&mut self) -> bool {
        let closed = async {
            loop {
                match self.0.next().await {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return true,
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(LIMIT, closed).await.unwrap_or(false)
    }
}

#[tokio::test]
async fn a_token_opens_the_desk_and_nothing_else_does() {
    let server = server().await;
    let mut bert = server.signed_in(BERT).await;
    let told = bert.hear("signed-in").await;
    let ice = json!([{"urls": ["turn:turn.example:3478"], "username": "until", "credential": "mac"}]);
    let expected = json!({"type": "signed-in", "name": "bert", "queues": ["returns"], "languages": ["nl"], "ice-servers": ice, "call-backs": true});
    assert_eq!(told, expected);
    let empty = json!({"type": "queue", "waiting": [], "colleagues": {"available": 0, "busy": 0}});
    assert_eq!(bert.hear("queue").await, empty);
    assert_eq!(bert.hear("call-backs").await["call-backs"], json!([]));

    for first in [json!({"type": "take", "sdp": "x"}), json!({"type": "sign-in", "token": "x"}), json!("anna")] {
        let mut other = server.page().await;
        other.say(first).await;
        assert_eq!(other.hear("refused").await["reason"], "token");
        assert!(other.is_closed().await);
    }
    for expected in ["token", "token", "limit"] {
        let mut other = server.signed_in("nobody's token").await;
        assert_eq!(other.hear("refused").await["reason"], expected);
    }
    let mut late = server.signed_in(ANNA).await;
    assert_eq!(late.hear("refused").await["reason"], "limit", "from an address that has guessed");
}

#[tokio::test]
async fn the_list_is_what_the_colleague_may_see_in_the_order_of_the_line() {
    let server = server().await;
    let (mut anna, mut bert) = (server.anna().await, server.signed_in(BERT).await);
    let (first, _first) = server.caller("service-desk");
    let (second, _second) = server.caller("returns");
    let list = anna.hear_where("queue", |list| list["waiting"].as_array().unwrap().len() == 2).await;
    let waiting = &list["waiting"];
    assert_eq!((&waiting[0]["call"], &waiting[1]["call"]), (&json!(first), &json!(second)));
    assert_eq!((&waiting[0]["next"], &waiting[1]["next"], &waiting[1]["mine"]), (&json!(true), &json!(false), &json!(true)));
    let mut one = waiting[0].clone();
    assert!(one.as_object_mut().unwrap().remove("waited-ms").unwrap().is_u64());
    let expected = json!({
        "call": first, "queue": "service-desk", "reason": "asked", "language": "nl", "consent": {"service-quality": "refused"},
        "slots": {"order_number": "81726354"}, "priority": 0, "next": true, "mine": true,
    });
    assert_eq!(one, expected);
    let list = bert.hear_where("queue", |list| !list["waiting"].as_array().unwrap().is_empty()).await;
    assert_eq!(list["waiting"].as_array().unwrap().len(), 1);
    assert_eq!((&list["waiting"][0]["call"], &list["waiting"][0]["mine"]), (&json!(second), &json!(false)));
}

#[tokio::test]
async fn a_call_from_the_take_to_the_wrap_up() {
    let server = server().await;
    let mut anna = server.anna().await;
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    anna.hear("nobody-waiting").await;
    let (session, mut ticket) = server.caller("service-desk");
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    let taken = anna.hear("taken").await;
    assert_eq!((&taken["call"], &taken["sdp"], &taken["recording"]), (&json!(session), &json!("answer to offer"), &json!(false)));
    assert_eq!((&taken["slots"]["order_number"], &taken["consent"]["service-quality"]), (&json!("81726354"), &json!("refused")));
    assert_eq!(ticket.changed().await, Waiting::Taken);
    let news = server.colleague_of(session).await;
    anna.say(json!({"type": "hold", "on": true})).await;
    anna.is_refused("no-hearing").await;
    news.send(DeskNews::Connected).await.unwrap();
    anna.hear("connected").await;
    anna.say(json!({"type": "mute", "on": true})).await;
    assert_eq!(anna.hear("call").await["state"], "muted");
    anna.say(json!({"type": "hold", "on": true})).await;
    assert_eq!(anna.hear("call").await["state"], "hold");
    news.send(DeskNews::Interrupted(true)).await.unwrap();
    assert_eq!(anna.hear("call").await["state"], "interrupted");
    news.send(DeskNews::Interrupted(false)).await.unwrap();
    assert_eq!(anna.hear("call").await["state"], "hold");
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    anna.is_refused("in-call").await;
    anna.say(json!({"type": "sign-out"})).await;
    anna.is_refused("end-call-first").await;
    anna.say(json!({"type": "hang-up"})).await;
    assert!(matches!(server.told().await, (_, Control::DeskMute(true))));
    assert!(matches!(server.told().await, (_, Control::DeskHold(true))));
    assert!(matches!(server.told().await, (told, Control::DeskEnd(DeskEnd::HungUp)) if told == session));
    drop(ticket);
    news.send(DeskNews::Ended(ConversationEnd::Colleague)).await.unwrap();
    assert_eq!(anna.hear("ended").await["by"], "colleague");
    let (next, _next) = server.caller("returns");
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    anna.is_refused("wrap-up-first").await;
    anna.say(json!({"type": "wrap-up", "outcome": "helped"})).await;
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    assert_eq!(anna.hear("taken").await["call"], json!(next));
}

#[tokio::test]
async fn a_caller_whose_colleague_cannot_be_connected_stands_where_they_stood() {
    let server = server().await;
    let mut anna = server.anna().await;
    let (_, mut first) = server.caller("service-desk");
    let (_, second) = server.caller("service-desk");
    server.place.answers.store(false, Ordering::SeqCst);
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    assert!(anna.is_refused("no-sound").await.contains("waits on at their place"));
    assert_eq!((first.changed().await, second.now()), (Waiting::Place(1), Waiting::Place(2)));
    server.place.answers.store(true, Ordering::SeqCst);
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    anna.hear("taken").await;
}

#[tokio::test]
async fn a_page_that_dies_in_a_call_is_told_to_the_session_and_a_session_that_dies_to_the_page() {
    let server = server().await;
    let mut anna = server.anna().await;
    let (session, ticket) = server.caller("service-desk");
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    let _news = server.colleague_of(session).await;
    // Without a word, as a browser that was killed.
    drop(anna);
    assert!(matches!(server.told().await, (told, Control::DeskEnd(DeskEnd::Lost)) if told == session));
    ticket.back_in_line();
    let mut anna = server.anna().await;
    assert_eq!(ticket.now(), Waiting::Place(1));
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    drop(server.colleague_of(session).await);
    assert_eq!(anna.hear("ended").await["by"], "failed");
}

#[tokio::test]
async fn a_page_that_dies_while_its_sound_is_agreed_upon_gives_the_caller_their_place_back() {
    let server = server().await;
    let (mut anna, bert) = (server.anna().await, server.place.desk.sign_in(BERT).unwrap());
    let (_, mut ticket) = server.caller("returns");
    bert.serve(Some(Reach::default()));
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    server.place.hangs.store(true, Ordering::SeqCst);
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    assert_eq!(ticket.changed().await, Waiting::Taken);
    drop(anna);
    // Lists that change find the page gone; without one the time for an answer does.
    let mut others = Vec::new();
    let back = async {
        while ticket.now() == Waiting::Taken {
            others.push(server.caller("service-desk"));
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    };
    timeout(LIMIT * 2, back).await.unwrap();
    assert_eq!(ticket.now(), Waiting::Place(1));
    assert!(bert.take().is_some());
}

#[tokio::test]
async fn a_caller_who_is_gone_the_moment_they_are_taken_is_gone() {
    let server = server().await;
    let mut anna = server.anna().await;
    let (_, _ticket) = server.caller("service-desk");
    server.place.over.store(true, Ordering::SeqCst);
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    let ended = anna.hear("ended").await;
    assert_eq!(
        (&ended["by"], &ended["wrap-up"]),
        (&json!("caller-lost"), &json!(false)),
        "nobody was heard: there is nothing to say of it"
    );
    let (_, _next) = server.caller("service-desk");
    server.place.over.store(false, Ordering::SeqCst);
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    anna.hear("taken").await;
}

#[tokio::test]
async fn who_forgets_to_wrap_up_is_told_that_they_are_free() {
    let server = server().await;
    let desk = server.place.desk.clone();
    tokio::spawn(async move { desk.keep_until(std::future::pending()).await });
    let mut anna = server.anna().await;
    let (session, ticket) = server.caller("service-desk");
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    let news = server.colleague_of(session).await;
    drop(ticket);
    news.send(DeskNews::Connected).await.unwrap();
    news.send(DeskNews::Ended(ConversationEnd::Caller)).await.unwrap();
    assert_eq!(anna.hear("ended").await["by"], "caller");
    assert_eq!(anna.hear("freed").await, json!({"type": "freed"}));
    anna.say(json!({"type": "wrap-up", "outcome": "helped"})).await;
    anna.is_refused("no-call").await;
    let (next, _next) = server.caller("service-desk");
    anna.say(json!({"type": "take", "sdp": "offer"})).await;
    assert_eq!(anna.hear("taken").await["call"], json!(next));
}

#[tokio::test]
async fn a_page_hears_that_its_connection_lives_and_gets_relays_before_the_old_ones_end() {
    let server = server().await;
    let mut anna = server.anna().await;
    let ice = json!([{"urls": ["turn:turn.example:3478"], "username": "until", "credential": "mac"}]);
    assert_eq!(anna.hear("ice").await, json!({"type": "ice", "ice-servers": ice}));
    // LIMIT is what a page is promised.
    assert_eq!(anna.hear("alive").await, json!({"type": "alive"}));
    assert_eq!(anna.hear("alive").await, json!({"type": "alive"}));
}

#[tokio::test]
async fn callers_of_a_page_that_is_gone_wait_on_and_those_of_one_that_signs_out_do_not() {
    let server = server().await;
    let (_, ticket) = server.caller("service-desk");
    let mut ticket = ticket;
    assert_eq!(ticket.changed().await, Waiting::Unstaffed);
    let anna = server.anna().await;
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    drop(anna);
    let mut anna = server.signed_in(ANNA).await;
    anna.hear("signed-in").await;
    assert_eq!(ticket.now(), Waiting::Place(1), "a page that was loaded again");
    anna.say(json!({"type": "sign-out"})).await;
    assert_eq!(timeout(LIMIT, ticket.changed()).await.unwrap(), Waiting::Unstaffed);
}

#[tokio::test]
async fn every_way_to_end_has_a_word() {
    let server = server().await;
    let mut anna = server.anna().await;
    let words = [
        (ConversationEnd::Caller, "caller"),
        (ConversationEnd::CallerLost, "caller-lost"),
        (ConversationEnd::WentBack, "went-back"),
        (ConversationEnd::Colleague, "colleague"),
        (ConversationEnd::Returned, "returned"),
        (ConversationEnd::WaitsOn, "waits-on"),
        (ConversationEnd::Lost, "lost"),
        (ConversationEnd::Failed, "failed"),
    ];
    for (end, word) in words {
        let (session, ticket) = server.caller("service-desk");
        anna.say(json!({"type": "take", "sdp": "offer"})).await;
        let news = server.colleague_of(session).await;
        drop(ticket);
        news.send(DeskNews::Ended(end)).await.unwrap();
        assert_eq!(anna.hear("ended").await["by"], word);
        anna.say(json!({"type": "wrap-up", "outcome": "helped"})).await;
    }
}

#[tokio::test]
async fn a_second_sign_in_ends_the_first_and_its_call() {
    let server = server().await;
    let mut first = server.anna().await;
    let (session, _ticket) = server.caller("service-desk");
    first.say(json!({"type": "take", "sdp": "offer"})).await;
    let _news = server.colleague_of(session).await;
    let mut second = server.signed_in(ANNA).await;
    second.hear("signed-in").await;
    assert_eq!(first.hear("refused").await["reason"], "elsewhere");
    assert!(first.is_closed().await);
    assert!(matches!(server.told().await, (told, Control::DeskEnd(DeskEnd::Lost)) if told == session));
    second.say(json!({"type": "sign-out"})).await;
    assert!(second.is_closed().await);
}

#[tokio::test]
async fn call_backs_come_sealed_to_those_who_serve_the_queue_and_go_when_done() {
    let server = server().await;
    let (mut anna, mut bert) = (server.anna().await, server.signed_in(BERT).await);
    bert.hear("call-backs").await;
    let number = Zeroizing::new("+31612345678".to_owned());
    let id = server.place.desk.call_backs().leave("service-desk", "nl", number, Timestamp::now()).await.unwrap();
    let list = anna.hear_where("call-backs", |list| !list["call-backs"].as_array().unwrap().is_empty()).await;
    let one = &list["call-backs"][0];
    assert_eq!((&one["id"], &one["queue"], &one["language"]), (&json!(id), &json!("service-desk"), &json!("nl")));
    for key in ["left-at", "until", "key", "enc", "ciphertext"] {
        assert!(one[key].is_string(), "{key}");
    }
    assert!(!list.to_string().contains("612345678"));
    bert.say(json!({"type": "call-back-done", "id": id})).await;
    bert.is_refused("no-call-back").await;
    anna.say(json!({"type": "call-back-done", "id": id})).await;
    anna.hear_where("call-backs", |list| list["call-backs"].as_array().unwrap().is_empty()).await;
}

#[tokio::test]
async fn a_request_that_cannot_be_deleted_is_said_to_be_there_still() {
    let server = server().await;
    let mut anna = server.anna().await;
    let number = Zeroizing::new("+31612345678".to_owned());
    let id = server.place.desk.call_backs().leave("service-desk", "nl", number, Timestamp::now()).await.unwrap();
    // A folder in its place, which is no file that can be removed.
    let files = server._folder.path().join(IN_STORAGE);
    let file = std::fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    anna.say(json!({"type": "call-back-done", "id": id})).await;
    assert!(!anna.is_refused("call-back-not-deleted").await.contains("612345678"));
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_a_flood_ends_the_connection() {
    let server = server().await;
    let mut anna = server.anna().await;
    anna.say(json!({"type": "sing"})).await;
    anna.is_refused("bad-message").await;
    anna.say(json!({"type": "sign-in", "token": ANNA})).await;
    anna.is_refused("signed-in-already").await;
    anna.say(json!({"type": "hang-up"})).await;
    anna.is_refused("no-call").await;
    anna.say(json!({"type": "wrap-up", "outcome": "helped"})).await;
    anna.is_refused("no-call").await;
    anna.say(json!({"type": "availability", "available": true, "queues": ["x".repeat(5000)], "languages": []})).await;
    assert!(anna.is_refused("bad-message").await.contains("4096"));
    anna.0.send(Message::binary(vec![0])).await.unwrap();
    anna.is_refused("bad-message").await;
    for _ in 0..300 {
        if anna.0.send(Message::text(r#"{"type":"hold","on":true}"#)).await.is_err() {
            break;
        }
    }
    assert!(anna.is_closed().await);
}
