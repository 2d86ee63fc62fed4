//! A service that lookups ask: a real HTTP server on this machine that writes down what it was asked and answers as it was told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How it answers a request.
#[derive(Clone)]
pub enum Reply {
    /// 200 with this JSON.
    Json(Value),
    /// A status without more.
    Status(u16),
    /// These bytes, whatever they are, and the end of the connection.
    Raw(Vec<u8>),
    /// 200, and JSON that never ends.
    Endless,
    /// Nothing, for as long as whoever asked waits.
    Hang,
    /// The same after so long.
    After(Duration, Box<Reply>),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    /// How many went away while they were not answered.
    gone: usize,
}

/// A running server; it ends when this is dropped.
pub struct Asked {
    pub address: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Asked {
    /// Answers the first request with the first of these, and so on; the last of them for ever.
    pub async fn answering(replies: impl Into<Vec<Reply>>) -> Asked {
        let replies = replies.into();
        Asked::deciding(move |number, _| replies[number.min(replies.len() - 1)].clone()).await
    }

    /// Decides for each request, of which it knows the number (from 0).
    pub async fn deciding(decide: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Asked {
        Asked::listening("http", None, decide).await
    }

    /// The same over TLS, with one reply for all.
    pub async fn over_tls(acceptor: TlsAcceptor, reply: Reply) -> Asked {
        Asked::listening("https", Some(acceptor), move |_, _| reply.clone()).await
    }

    async fn listening(
        scheme: &str,
        tls: Option<TlsAcceptor>,
        decide: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Asked {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let (seen, decide) = (Arc::new(Mutex::new(Seen::default())), Arc::new(decide));
        let task = tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (seen, decide, tls) = (seen.clone(), decide.clone(), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => answer(stream, seen, &*decide).await,
                            Some(tls) => {
                                // Else whoever asked does not trust the certificate.
                                if let Ok(stream) = tls.accept(stream).await {
                                    answer(stream, seen, &*decide).await;
                                }
                            }
                        }
                    });
                }
            }
        });
        Asked { address, seen, task }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// How many of those who asked went away without an answer.
    pub fn gone(&self) -> usize {
        self.seen.lock().unwrap().gone
    }

    /// Waits until it was asked so often.
    pub async fn asked(&self, times: usize) {
        self.until("asked", || self.requests().len() >= times).await;
    }

    /// Waits until so many went away without an answer.
    pub async fn left(&self, times: usize) {
        self.until("left", || self.gone() >= times).await;
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(40);
        while !holds() {
            assert!(Instant::now() < deadline, "not {what}: {:?}, {} gone", self.requests(), self.gone());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: Arc<Mutex<Seen>>,
    decide: &(impl Fn(usize, &Request) -> Reply + Sync),
) {
    let Some(request) = read(&mut stream).await else { return };
    let mut reply = {
        let mut seen = seen.lock().unwrap();
        let reply = decide(seen.requests.len(), &request);
        seen.requests.push(request);
        reply
    };
    while let Reply::After(wait, then) = reply {
        tokio::time::sleep(wait).await;
        reply = *then;
    }
    let bytes = match reply {
        Reply::Json(value) => ok("application/json", &value.to_string()),
        Reply::Status(status) => {
            format!("HTTP/1.1 {status} As Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
        }
        Reply::Raw(bytes) => bytes,
        Reply::Endless => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut more = stream.write_all(head).await.is_ok();
            while more {
                more = stream.write_all(format!("400\r\n{}\r\n", " ".repeat(0x400)).as_bytes()).await.is_ok();
            }
            return seen.lock().unwrap().gone += 1;
        }
        Reply::Hang => {
            let _ = stream.read(&mut [0]).await;
            return seen.lock().unwrap().gone += 1;
        }
        Reply::After(..) => unreachable!("was waited for"),
    };
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}

/// A whole answer of this type.
pub fn ok(content_type: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
    format!("{head}Connection: close\r\n\r\n{body}").into_bytes()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request { line, headers: headers.collect(), body: body.to_owned() };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        if request.body.len() >= length {
            return Some(request);
        }
    }
}
