//! A server that runs Twilio legs on a real port, and a peer that speaks Media Streams to it: what the tests of the transport share.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocketUpgrade;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candor::transport::twilio::leg::{self, Accepted, Ended};
use candor::transport::twilio::token::StreamClaim;
use candor::transport::{Inbound, Leg, Limits, Tokens, bounded};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes; a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(10);

pub const CALL: &str = "CA0123456789abcdef0123456789abcdef";
pub const STREAM: &str = "MZ0123456789abcdef0123456789abcdef";

/// Serves legs with `limits`.
pub struct Server {
    address: SocketAddr,
    pub tokens: Arc<Tokens<StreamClaim>>,
    legs: mpsc::UnboundedReceiver<(Accepted, Leg)>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

impl Server {
    pub async fn start(limits: Limits) -> Server {
        let tokens = Arc::new(Tokens::new(100, Duration::from_secs(30)));
        let (legs, legs_out) = mpsc::unbounded_channel();
        let (ended, ended_out) = mpsc::unbounded_channel();
        let shared = tokens.clone();
        let route = any(move |upgrade: WebSocketUpgrade| {
            let (limits, tokens, legs, ended) = (limits.clone(), shared.clone(), legs.clone(), ended.clone());
            async move {
                bounded(upgrade).on_upgrade(move |socket| async move {
                    let session = move |accepted, leg| legs.send((accepted, leg)).unwrap();
                    let _ = ended.send(leg::run(socket, &limits, &tokens, session).await);
                })
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/twilio", route)).await });
        Server { address, tokens, legs: legs_out, ended: ended_out }
    }

    pub fn token(&self) -> String {
        let claim = StreamClaim::Arrival { call_sid: CALL.into(), dialog: "webshop".into(), language: Some("nl".into()) };
        self.tokens.give(claim, Instant::now()).unwrap()
    }

    pub async fn connect(&self) -> Peer {
        let (socket, _) = connect_async(format!("ws://{}/twilio", self.address)).await.unwrap();
        Peer { socket, sequence: 0, chunk: 0 }
    }

    /// A peer whose stream has started, and the session's end of it.
    pub async fn call(&mut self) -> (Peer, Leg) {
        let mut peer = self.connect().await;
        peer.begin(&self.token()).await;
        let (accepted, leg) = self.leg().await;
        assert_eq!((accepted.call_sid.as_str(), accepted.stream_sid.as_str()), (CALL, STREAM));
        (peer, leg)
    }

    pub async fn leg(&mut self) -> (Accepted, Leg) {
        timeout(LONG, self.legs.recv()).await.expect("a leg in time").unwrap()
    }

    pub fn has_leg(&mut self) -> bool {
        self.legs.try_recv().is_ok()
    }

    pub async fn ended(&mut self) -> Ended {
        timeout(LONG, self.ended.recv()).await.expect("an end in time").unwrap()
    }
}

/// What the session hears next.
pub async fn heard(leg: &mut Leg) -> Inbound {
    timeout(LONG, leg.inbound.recv()).await.expect("something in time").expect("an open leg")
}

/// Everything the session hears until the leg's end.
pub async fn heard_to_the_end(leg: &mut Leg) -> VecDeque<Inbound> {
    let mut all = VecDeque::new();
    while let Some(inbound) = timeout(LONG, leg.inbound.recv()).await.expect("an end in time") {
        all.push_back(inbound);
    }
    all
}

/// Speaks for Twilio, well or badly.
pub struct Peer {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub sequence: u64,
    pub chunk: u64,
}

pub fn start(token: &str) -> Value {
    json!({
        "event": "start", "sequenceNumber": "1", "streamSid": STREAM,
        "start": {
            "accountSid": "AC0123456789abcdef0123456789abcdef", "streamSid": STREAM, "callSid": CALL, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": token},
        },
    })
}

pub fn media(sequence: u64, chunk: u64, sound: &[u8]) -> Value {
    json!({
        "event": "media", "sequenceNumber": sequence.to_string(), "streamSid": STREAM,
        "media": {"track": "inbound", "chunk": chunk.to_string(), "timestamp": "5", "payload": STANDARD.encode(sound)},
    })
}

pub fn dtmf(sequence: u64, digit: &str) -> Value {
    json!({
        "event": "dtmf", "sequenceNumber": sequence.to_string(), "streamSid": STREAM,
        "dtmf": {"track": "inbound_track", "digit": digit},
    })
}

impl Peer {
    pub async fn send(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn begin(&mut self, token: &str) {
        self.send(&json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
        self.send(&start(token)).await;
        self.sequence = 1;
    }

    pub async fn sound(&mut self, sound: &[u8]) {
        self.sequence += 1;
        self.chunk += 1;
        self.send(&media(self.sequence, self.chunk, sound)).await;
    }

    pub async fn press(&mut self, digit: &str) {
        self.sequence += 1;
        self.send(&dtmf(self.sequence, digit)).await;
    }

    pub async fn mark(&mut self, name: &str) {
        self.sequence += 1;
        let mark = json!({
            "event": "mark", "sequenceNumber": self.sequence.to_string(), "streamSid": STREAM, "mark": {"name": name},
        });
        self.send(&mark).await;
    }

    pub async fn stop(&mut self) {
        self.sequence += 1;
        let stop = json!({
            "event": "stop", "sequenceNumber": self.sequence.to_string(), "streamSid": STREAM,
            "stop": {"accountSid": "AC0", "callSid": CALL},
        });
        self.send(&stop).await;
    }

    /// The next text message of the server, as JSON.
    pub async fn hear(&mut self) -> Value {
        loop {
            match timeout(LONG, self.socket.next()).await.expect("a message in time").expect("an open socket").unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("neither text nor ping: {other:?}"),
            }
        }
    }

    /// The close code with which the server ends the connection.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match timeout(LONG, self.socket.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(frame))) => {
                    // The closing handshake is answered while the socket is read to its end.
                    while let Ok(Some(Ok(_))) = timeout(LONG, self.socket.next()).await {}
                    return frame.map(|frame| frame.code.into());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}
