//! Recognisers on other machines that do what they should not. Stand-ins: no real server can be asked to.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::post;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// What it does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nobody listens at its address.
    NotThere,
    /// Takes the connection and says nothing, ever.
    Silent,
    /// Takes everything and answers nothing.
    NeverAnswers,
    /// Answers after ten seconds.
    Late,
    /// Answers with something that is no answer.
    Wrong,
    /// Answers more often than it is asked.
    Unasked,
    /// Answers with more than anybody says.
    Endless,
    /// Says that nobody may ask it.
    Refuses,
    /// Goes away in the middle.
    Leaves,
}

const TOO_LATE: Duration = Duration::from_secs(10);

/// A port of this machine that does it, until the test ends.
async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A vosk-server that does it: its address.
pub async fn vosk_server(way: Way) -> String {
    let (listener, port) = listener().await;
    if way == Way::NotThere {
        return format!("ws://127.0.0.1:{port}");
    }
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(talk(socket, way));
        }
    });
    format!("ws://127.0.0.1:{port}")
}

async fn talk(socket: TcpStream, way: Way) {
    if way == Way::Silent {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(socket);
        return;
    }
    if way == Way::Refuses {
        use tokio::io::AsyncWriteExt as _;
        let mut socket = socket;
        let _ = socket.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        return;
    }
    let Ok(mut socket) = tokio_tungstenite::accept_async(socket).await else { return };
    let mut pieces = 0;
    while let Some(Ok(message)) = socket.next().await {
        if !matches!(message, Message::Binary(_) | Message::Text(_))
            || message.to_text().is_ok_and(|text| text.contains("config"))
        {
            continue;
        }
        pieces += 1;
        let ends = message.to_text().is_ok_and(|text| text.contains("eof"));
        let reply = match way {
            Way::NeverAnswers => continue,
            Way::Late => {
                if ends {
                    tokio::time::sleep(TOO_LATE).await;
                }
                r#"{"partial" : ""}"#.to_owned()
            }
            Way::Wrong => r#"{"text": "네", "result": [{"word": "네", "start": 3, "end": 1, "conf": 9}]}"#.to_owned(),
            Way::Endless => format!(r#"{{"partial" : "{}"}}"#, "네".repeat(1 << 20)),
            Way::Leaves if pieces > 4 => return,
            _ => r#"{"partial" : ""}"#.to_owned(),
        };
        let twice = way == Way::Unasked;
        if socket.send(Message::text(reply.clone())).await.is_err() || (twice && socket.send(Message::text(reply)).await.is_err())
        {
            return;
        }
    }
}

/// A server with OpenAI's interface that does it: its address.
pub async fn transcriptions(way: Way) -> String {
    let (listener, port) = listener().await;
    let address = format!("http://127.0.0.1:{port}/v1");
    match way {
        Way::NotThere => return address,
        Way::Silent => {
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Ok((socket, _)) = listener.accept().await {
                    taken.push(socket);
                }
            });
            return address;
        }
        _ => {}
    }
    // Taken to its end: a connection that is closed on a request is another fault.
    let answer = move |_: axum::body::Bytes| async move {
        match way {
            Way::NeverAnswers => std::future::pending().await,
            Way::Late => {
                tokio::time::sleep(TOO_LATE).await;
                r#"{"text": "네"}"#.into_response()
            }
            Way::Refuses => StatusCode::UNAUTHORIZED.into_response(),
            Way::Endless => format!(r#"{{"text": "{}"}}"#, "네 ".repeat(1 << 20)).into_response(),
            Way::Leaves => Body::from_stream(futures_util::stream::iter([Ok(r#"{"te"#), Err("gone")])).into_response(),
            _ => r#"{"texts": ["네"]}"#.into_response(),
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/audio/transcriptions", post(answer))).await });
    address
}

/// A server with OpenAI's interface that understands the one in no more than so many samples, and the other in more.
pub async fn by_length(samples: usize, few: &'static str, many: &'static str) -> String {
    let (listener, port) = listener().await;
    let answer = move |body: axum::body::Bytes| async move {
        // Two bytes a sample, beside the head of the file and the fields of the form.
        let words = if body.len() > 2 * samples + 4_000 { many } else { few };
        serde_json::json!({"text": words, "segments": [{"avg_logprob": -0.1}]}).to_string()
    };
    let routes = Router::new().route("/v1/audio/transcriptions", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://127.0.0.1:{port}/v1")
}
