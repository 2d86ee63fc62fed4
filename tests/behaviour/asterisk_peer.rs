//! A server that runs Asterisk legs on a real port, and a peer that speaks `chan_websocket` to it, well or badly: what the tests of the transport
//! share. Whole calls are brought by the simulated telephone (`examples/caller/phone/asterisk`).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::routing::any;
use candor::transport::asterisk::MarkCommand;
use candor::transport::asterisk::leg::{self, Accepted, Ended};
use candor::transport::{Leg, Limits, bounded};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::twilio_peer::LONG;

pub const CHANNEL: &str = "1795307787.2";

/// Serves legs.
pub struct Server {
    address: SocketAddr,
    legs: mpsc::UnboundedReceiver<(Accepted, Leg)>,
    ended: mpsc::UnboundedReceiver<Ended>,
    /// What the leg waits for before it is hung up.
    pub leaves: Arc<Notify>,
}

impl Server {
    pub async fn start(limits: Limits) -> Server {
        Server::with(limits, MarkCommand::Auto, false).await
    }

    /// `waits`: whether a leg waits for [`Server::leaves`] before it is hung up.
    pub async fn with(limits: Limits, marks: MarkCommand, waits: bool) -> Server {
        let (legs, legs_out) = mpsc::unbounded_channel();
        let (ended, ended_out) = mpsc::unbounded_channel();
        let leaves = Arc::new(Notify::new());
        let may_leave = leaves.clone();
        let route = any(move |upgrade: WebSocketUpgrade| {
            let (limits, legs, ended, may_leave) = (limits.clone(), legs.clone(), ended.clone(), may_leave.clone());
            async move {
                bounded(upgrade).on_upgrade(move |socket| async move {
                    let session = move |accepted, leg| legs.send((accepted, leg)).unwrap();
                    let leaving = async {
                        if waits {
                            may_leave.notified().await;
                        }
                    };
                    let _ = ended.send(leg::run(socket, &limits, marks, session, leaving).await);
                })
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/asterisk", route)).await });
        Server { address, legs: legs_out, ended: ended_out, leaves }
    }

    pub async fn connect(&self, json: bool) -> Peer {
        let (socket, _) = connect_async(format!("ws://{}/asterisk", self.address)).await.unwrap();
        Peer { socket, json }
    }

    /// A peer whose leg has started with this codec, and the session's end of it. What the leg says first has been read.
    pub async fn call(&mut self, json: bool, format: &str, frame: usize) -> (Peer, Leg) {
        let mut peer = self.connect(json).await;
        peer.start(format, frame).await;
        let (_, leg) = self.leg().await;
        while peer.command().await.0 != "START_MEDIA_BUFFERING" {}
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

/// Speaks for Asterisk, in one of its two forms.
pub struct Peer {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    json: bool,
}

/// What the server says: a command with its id, or sound.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Command(String, String),
    Sound(Vec<u8>),
}

/// The first event, in JSON.
pub fn media_start(format: &str, frame: usize) -> Value {
    json!({
        "event": "MEDIA_START", "connection_id": "candor", "channel": "WebSocket/candor/0x7f2a04005060", "channel_id": CHANNEL,
        "format": format, "optimal_frame_size": frame, "ptime": 20, "channel_variables": {"DIALEDPEERNUMBER": "candor/c(ulaw)"},
    })
}

impl Peer {
    pub async fn text(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    pub async fn sound(&mut self, sound: &[u8]) {
        self.socket.send(Message::binary(sound.to_vec())).await.unwrap();
    }

    pub async fn start(&mut self, format: &str, frame: usize) {
        let text = if self.json {
            media_start(format, frame).to_string()
        } else {
            format!(
                "MEDIA_START connection_id:candor channel:WebSocket/candor/0x7f channel_id:{CHANNEL} format:{format} optimal_frame_size:{frame} ptime:20"
            )
        };
        self.text(text).await;
    }

    async fn event(&mut self, name: &str, more: Value, plain: &str) {
        if !self.json {
            return self.text(format!("{name}{plain}")).await;
        }
        let mut event = json!({"event": name, "channel_id": CHANNEL});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.text(event.to_string()).await;
    }

    pub async fn press(&mut self, digit: &str) {
        self.event("DTMF_END", json!({"digit": digit}), &format!(" digit:{digit} channel_id:{CHANNEL}")).await;
    }

    pub async fn mark(&mut self, id: &str) {
        self.event("MEDIA_MARK_PROCESSED", json!({"correlation_id": id}), &format!(" {id}")).await;
    }

    pub async fn completed(&mut self, id: &str) {
        self.event("MEDIA_BUFFERING_COMPLETED", json!({"correlation_id": id}), &format!(" {id}")).await;
    }

    pub async fn simple(&mut self, name: &str) {
        self.event(name, json!({}), "").await;
    }

    pub async fn error(&mut self, text: &str) {
        self.event("ERROR", json!({"error_text": text}), &format!(" channel_id:{CHANNEL} error_text:{text}")).await;
    }

    /// What the server says next.
    pub async fn hear(&mut self) -> Said {
        loop {
            match timeout(LONG, self.socket.next()).await.expect("a message in time").expect("an open socket").unwrap() {
                Message::Text(text) => {
                    assert!(text.len() <= 128, "longer than what Asterisk reads: {text}");
                    return self.read(&text);
                }
                Message::Binary(sound) => {
                    assert!(sound.len() <= 65_500, "{} bytes: longer than what the connection survives", sound.len());
                    return Said::Sound(sound.to_vec());
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("neither a command nor sound: {other:?}"),
            }
        }
    }

    fn read(&self, text: &str) -> Said {
        if self.json {
            let command: Value = serde_json::from_str(text).expect("JSON");
            let part = |name: &str| command[name].as_str().unwrap_or_default().to_owned();
            return Said::Command(part("command"), part("correlation_id"));
        }
        let (command, id) = text.split_once(' ').unwrap_or((text, ""));
        Said::Command(command.to_owned(), id.to_owned())
    }

    /// The next command with its id; sound before it is passed over.
    pub async fn command(&mut self) -> (String, String) {
        loop {
            if let Said::Command(command, id) = self.hear().await {
                return (command, id);
            }
        }
    }

    /// So many commands, without their ids.
    pub async fn commands(&mut self, count: usize) -> Vec<String> {
        let mut commands = Vec::new();
        while commands.len() < count {
            commands.push(self.command().await.0);
        }
        commands
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
