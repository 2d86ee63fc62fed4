//! Requests written byte by byte, so that a test decides about every header, and answers as they came.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::Service;

/// A request. Unless a test says otherwise its `Host` is that of the server, and it has no `Origin`.
#[derive(Clone)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: String,
    head: String,
}

pub fn request(method: &'static str, path: &str) -> Request {
    Request { method, path: path.to_owned(), headers: Vec::new(), body: String::new() }
}

pub fn get(path: &str) -> Request {
    request("GET", path)
}

pub fn post(path: &str, body: &str) -> Request {
    Request { body: body.to_owned(), ..request("POST", path) }
}

impl Request {
    pub fn with(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn text(&self, host: &str) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{text}Connection: close\r\nContent-Length: {}\r\n\r\n{}", self.body.len(), self.body)
    }

    /// Sends it over a connection of its own.
    pub async fn send(&self, service: &Service) -> Answer {
        let address = address(service);
        let stream = TcpStream::connect(&address).await.unwrap();
        self.over(stream, &address).await
    }

    /// Sends it over this connection, which ends with the answer.
    pub async fn over(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Answer {
        stream.write_all(self.text(host).as_bytes()).await.unwrap();
        read_answer(stream).await
    }
}

/// Reads what comes until the connection is closed.
pub async fn read_answer(mut stream: impl AsyncRead + Unpin) -> Answer {
    let mut bytes = Vec::new();
    // A peer that closes a TLS connection without a farewell has still said what came before.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Where the server listens.
pub fn address(service: &Service) -> String {
    service.base.trim_start_matches("http://").to_owned()
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// One of the server's counts, summed over its labels.
pub async fn count(service: &Service, name: &str) -> f64 {
    let counts = get("/metrics").send(service).await.body;
    let lines = counts.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
