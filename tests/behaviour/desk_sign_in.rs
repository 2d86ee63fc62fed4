//! A colleague signs in at the desk of a real server, and the keys of call-backs are made beside it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::service::{Service, webshop};

const TOKEN: &str = "annas own token of the desk";
const STRANGERS: &str = "guessed by somebody else";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn page(service: &Service, token: &str) -> Socket {
    let address = service.base.replace("http://", "ws://");
    let (mut socket, _) = connect_async(format!("{address}/desk/events")).await.unwrap();
    socket.send(Message::text(json!({"type": "sign-in", "token": token}).to_string())).await.unwrap();
    socket
}

async fn hear(socket: &mut Socket, name: &str) -> Value {
    let heard = async {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == name {
                    return message;
                }
            }
        }
    };
    timeout(Duration::from_secs(10), heard).await.unwrap_or_else(|_| panic!("no {name}"))
}

#[tokio::test]
async fn a_colleague_signs_in_and_nobody_else_does() {
    let settings = "[handover.targets.service-desk]\ndesk = true\n[desk.colleagues.anna]\n";
    let mut service = webshop().settings(settings).with("DESK__COLLEAGUES__ANNA__TOKEN", TOKEN).start();
    assert!(service.log().contains("call-backs are not offered"));
    let mut stranger = page(&service, STRANGERS).await;
    assert_eq!(hear(&mut stranger, "refused").await["reason"], "token");
    let mut first = page(&service, TOKEN).await;
    let told = hear(&mut first, "signed-in").await;
    assert_eq!((&told["name"], &told["queues"], &told["call-backs"]), (&json!("anna"), &json!(["service-desk"]), &json!(false)));
    let mut anna = page(&service, TOKEN).await;
    hear(&mut anna, "signed-in").await;
    assert_eq!(hear(&mut first, "refused").await["reason"], "elsewhere");
    let available = json!({"type": "availability", "available": true, "queues": ["service-desk"], "languages": ["nl"]});
    anna.send(Message::text(available.to_string())).await.unwrap();
    while hear(&mut anna, "queue").await["colleagues"]["available"] != 1 {}
    anna.send(Message::text(json!({"type": "take", "sdp": "v=0"}).to_string())).await.unwrap();
    hear(&mut anna, "nobody-waiting").await;

    let out = service.folder.path().join("desk-keys");
    let make = || service.tool(&["keys", "desk", "--out", out.to_str().unwrap()]);
    assert!(make().status.success());
    let private = std::fs::read_to_string(out.join("desk.key")).unwrap();
    assert_eq!(std::fs::metadata(out.join("desk.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(make().status.code(), Some(2), "nothing is overwritten");
    assert_eq!(std::fs::read_to_string(out.join("desk.key")).unwrap(), private);
    assert!(service.tool(&["keys", "list"]).status.success(), "the desk's key is no purpose's");
    service.kill();
    service.start_again();
    let told = hear(&mut page(&service, TOKEN).await, "signed-in").await;
    assert_eq!(told["call-backs"], json!(true));

    let log = service.log();
    assert!(!log.contains(TOKEN) && !log.contains(STRANGERS), "tokens are never logged");
}
