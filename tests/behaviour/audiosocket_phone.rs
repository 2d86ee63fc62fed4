//! A caller behind an Asterisk that speaks AudioSocket: the dialplan's questions over HTTP, and a telephone that hears, presses keys and knows
//! how its connection ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::audiosocket_peer::{DTMF, HANG_UP, SLIN, UUID};
use crate::by_key::with_keys_alone;
use crate::http::{Answer, post};
use crate::service::{Plan, Service, settings_with, webshop};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
const FRAME: usize = 160;
const FORM: &str = "application/x-www-form-urlencoded";

/// The sample dialog over AudioSocket, by key, with a queue of Asterisk's for those who want a person. `grants`: whether what was only paced counts
/// as heard.
pub fn by_audiosocket(grants: bool) -> Plan {
    let plan = with_keys_alone(webshop()).settings(&settings_with("queue = \"support\""));
    let plan = plan.with("ASTERISK__AUDIOSOCKET__ENABLED", "true").with("ASTERISK__AUDIOSOCKET__LISTEN", "127.0.0.1:0");
    plan.with("SESSION__PACED_CAN_GRANT", if grants { "true" } else { "false" })
}

/// Where a server takes AudioSocket calls, as it says itself.
pub fn port(service: &Service) -> SocketAddr {
    let log = service.log();
    let line =
        log.lines().find(|line| line.contains("AudioSocket calls are taken")).expect("the server says where it takes calls");
    let address = line.split("address=").nth(1).expect("an address").split_whitespace().next().unwrap();
    address.parse().unwrap()
}

/// What the dialplan asks with a form.
pub async fn ask(service: &Service, path: &str, form: &str) -> Answer {
    post(path, form).with("Content-Type", FORM).send(service).await
}

/// Announces a call, and gives the name under which it may come.
pub async fn announce(service: &Service, call: &str) -> Uuid {
    let answer = ask(service, "/asterisk/audiosocket", &format!("call={call}&to=%2B31201234567")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    answer.body.parse().expect("a UUID and nothing else")
}

/// What comes next for a call whose agent's leg has ended, or (`outcome=…`) whose handover has.
pub async fn after(service: &Service, call: &str, what: &str) -> BTreeMap<String, String> {
    let answer = ask(service, "/asterisk/after", &format!("call={call}&{what}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    url::form_urlencoded::parse(answer.body.as_bytes()).into_owned().collect()
}

/// How the server ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It said so and closed.
    Orderly,
    /// It closed without a word.
    Closed,
    /// The connection was reset, which hangs a caller up.
    Reset,
}

/// A telephone in a call.
pub struct Phone {
    writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    heard: Arc<Mutex<Vec<Vec<i16>>>>,
    listening: JoinHandle<End>,
    speaking: JoinHandle<()>,
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.speaking.abort();
        self.listening.abort();
    }
}

impl Phone {
    /// Announces a call and connects it.
    pub async fn ring(service: &Service, call: &str) -> Phone {
        let uuid = announce(service, call).await;
        Phone::connect(port(service), uuid).await
    }

    /// Connects under this name, and sends 20 ms of silence every 20 ms from then on.
    pub async fn connect(address: SocketAddr, uuid: Uuid) -> Phone {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (reader, mut writer) = socket.into_split();
        writer.write_all(&packet(UUID, uuid.as_bytes())).await.unwrap();
        let (writer, heard) = (Arc::new(tokio::sync::Mutex::new(writer)), Arc::new(Mutex::new(Vec::new())));
        let speaking = tokio::spawn(say_nothing(writer.clone()));
        let listening = tokio::spawn(listen(reader, heard.clone()));
        Phone { writer, heard, listening, speaking }
    }

    pub async fn press(&self, keys: &str) {
        for (number, key) in keys.bytes().enumerate() {
            if number > 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            self.writer.lock().await.write_all(&packet(DTMF, &[key])).await.unwrap();
        }
    }

    /// Says samples at 8000 Hz, at once: the server takes what a network that stood still delivers late.
    pub async fn say(&self, samples: &[i16]) {
        for frame in samples.chunks(FRAME) {
            let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            self.writer.lock().await.write_all(&packet(SLIN, &bytes)).await.unwrap();
        }
    }

    pub async fn hang_up(mut self) {
        self.writer.lock().await.write_all(&packet(HANG_UP, &[])).await.unwrap();
        // As Asterisk does.
        self.speaking.abort();
        self.writer.lock().await.shutdown().await.unwrap();
        let _ = tokio::time::timeout(LONG, &mut self.listening).await.expect("an end in time");
    }

    /// Whether this prompt was heard to its end after so many packets. What a machine is too busy to send in time is silence between two frames.
    pub fn heard_since(&self, packets: usize, prompt: &[u8]) -> bool {
        let samples: Vec<i16> = prompt.iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte)).collect();
        let wanted: Vec<Vec<i16>> = samples.chunks(FRAME).map(whole).collect();
        let heard = self.heard.lock().unwrap();
        let heard = &heard[packets.min(heard.len())..];
        (0..heard.len()).any(|from| follows(&heard[from..], &wanted))
    }

    /// How many packets have come.
    pub fn packets(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Waits until this prompt has been heard to its end, after so many packets.
    pub async fn wait_until_heard(&self, packets: usize, name: &str, prompt: &[u8]) {
        let deadline = Instant::now() + LONG;
        while !self.heard_since(packets, prompt) {
            assert!(!self.listening.is_finished(), "the call ended before {name} was heard");
            assert!(Instant::now() < deadline, "{name} is not heard");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the server's end of it. Asterisk closes when it has heard it.
    pub async fn end(&mut self) -> End {
        let end = tokio::time::timeout(LONG, &mut self.listening).await.expect("an end in time").unwrap();
        self.speaking.abort();
        let _ = self.writer.lock().await.shutdown().await;
        end
    }
}

/// Filled up with silence, as the last frame of a prompt is.
fn whole(frame: &[i16]) -> Vec<i16> {
    let mut frame = frame.to_vec();
    frame.resize(FRAME, 0);
    frame
}

fn follows(heard: &[Vec<i16>], wanted: &[Vec<i16>]) -> bool {
    let mut heard = heard.iter().peekable();
    if heard.peek() != wanted.first().as_ref() {
        return false;
    }
    wanted.iter().all(|frame| {
        let next = heard.find(|heard| *heard == frame || heard.iter().any(|sample| *sample != 0));
        next == Some(frame)
    })
}

fn packet(kind: u8, held: &[u8]) -> Vec<u8> {
    let length = u16::try_from(held.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], held].concat()
}

async fn say_nothing(writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>) {
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let silence = packet(SLIN, &[0; FRAME * 2]);
    loop {
        clock.tick().await;
        if writer.lock().await.write_all(&silence).await.is_err() {
            return;
        }
    }
}

async fn listen(mut reader: OwnedReadHalf, heard: Arc<Mutex<Vec<Vec<i16>>>>) -> End {
    let mut orderly = false;
    loop {
        let mut head = [0; 3];
        match reader.read_exact(&mut head).await {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return if orderly { End::Orderly } else { End::Closed };
            }
            Err(_) => return End::Reset,
        }
        let mut held = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        if reader.read_exact(&mut held).await.is_err() {
            return End::Reset;
        }
        match head[0] {
            HANG_UP => orderly = true,
            SLIN => {
                let samples = held.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
                heard.lock().unwrap().push(samples);
            }
            kind => panic!("a packet of kind {kind:#04x}, which Asterisk does not take"),
        }
    }
}
