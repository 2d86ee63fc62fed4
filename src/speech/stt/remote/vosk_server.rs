//! The WebSocket protocol of vosk-server: settings, then sound in pieces, one reply to each, `{"eof" : 1}`, a last reply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use super::vosk_reply::{self, Reply};
use super::{CONNECT, LONGEST_ANSWER, RemoteSettings};
use crate::secret::Secret;
use crate::speech::stt::waiting::wait_for;
use crate::speech::stt::{
    Expectation, HeardWord, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, Source,
};

/// How many pieces of sound may wait for the network: far more than the time that a connection may take.
const PIECES: usize = 256;
/// What says that there is no more. The server compares it letter by letter.
const END: &str = r#"{"eof" : 1}"#;

/// A vosk-server.
pub(super) struct VoskServer {
    language: String,
    address: String,
    token: Option<Secret>,
    limit: Duration,
    runtime: Handle,
}

impl VoskServer {
    pub(super) fn new(language: &str, settings: &RemoteSettings) -> VoskServer {
        VoskServer {
            language: language.to_owned(),
            address: settings.address.url().as_str().to_owned(),
            token: settings.token.clone(),
            limit: settings.answer_limit(),
            runtime: Handle::current(),
        }
    }

    fn request(&self) -> Option<Request<()>> {
        let mut request = self.address.as_str().into_client_request().ok()?;
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&Zeroizing::new(format!("Bearer {}", token.expose()))).ok()?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Some(request)
    }
}

impl Recogniser for VoskServer {
    fn language(&self) -> &str {
        &self.language
    }

    fn start(&self, _: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        // Never narrowed to phrases: whether its model could still say "none of these" cannot be asked.
        let request = self.request().ok_or(RecognitionError::Start)?;
        let (pieces, taken) = mpsc::channel(PIECES);
        let (give, answer) = sync_channel(1);
        let so_far = Arc::new(Mutex::new(Zeroizing::new(String::new())));
        let heard = so_far.clone();
        let task = self.runtime.spawn(async move {
            let _ = give.try_send(converse(request, taken, &heard).await);
        });
        let (limit, _task) = (self.limit, AbortOnDropHandle::new(task));
        Ok(Box::new(Listening { pieces, answer, so_far, limit, _task }))
    }

    fn unknown_words(&self, _: &[String]) -> Vec<String> {
        // It cannot be asked.
        Vec::new()
    }

    fn has_grammar(&self) -> bool {
        false
    }
}

/// What is sent to the server.
enum Piece {
    Sound(Zeroizing<Vec<u8>>),
    End,
}

struct Listening {
    pieces: mpsc::Sender<Piece>,
    answer: Receiver<Result<Hypothesis, RecognitionError>>,
    /// The words of the part that goes on; empty once a part is over.
    so_far: Arc<Mutex<Zeroizing<String>>>,
    limit: Duration,
    /// Breaks off when this goes.
    _task: AbortOnDropHandle<()>,
}

impl Listening {
    fn send(&self, piece: Piece) -> Result<(), RecognitionError> {
        match self.pieces.try_send(piece) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(RecognitionError::Late),
            // It has ended before we did, and says why.
            Err(mpsc::error::TrySendError::Closed(_)) => match self.answer.recv_timeout(CONNECT) {
                Ok(Err(error)) => Err(error),
                _ => Err(RecognitionError::Decode),
            },
        }
    }
}

impl Recognition for Listening {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        self.send(Piece::Sound(Zeroizing::new(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect())))
    }

    fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
        // It has heard everything already.
        Ok(())
    }

    fn goes_on(&mut self) {}

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        let so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        (!so_far.is_empty()).then(|| so_far.clone())
    }

    fn finish(self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        self.send(Piece::End)?;
        wait_for(&self.answer, self.limit, || !abandoned.load(Ordering::Relaxed)).flatten()
    }
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(request: Request<()>) -> Result<Socket, RecognitionError> {
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST_ANSWER)).max_frame_size(Some(LONGEST_ANSWER));
    let connected = timeout(CONNECT, connect_async_with_config(request, Some(config), true)).await;
    match connected.map_err(|_| RecognitionError::Unreachable)? {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(_)) => Err(RecognitionError::Refused),
        Err(_) => Err(RecognitionError::Unreachable),
    }
}

/// One utterance.
async fn converse(
    request: Request<()>,
    mut pieces: mpsc::Receiver<Piece>,
    so_far: &Mutex<Zeroizing<String>>,
) -> Result<Hypothesis, RecognitionError> {
    let mut socket = connect(request).await?;
    let settings = format!(r#"{{"config" : {{"sample_rate" : {RECOGNITION_RATE}, "words" : 1}}}}"#);
    send(&mut socket, Message::text(settings)).await?;
    let mut words: Vec<HeardWord> = Vec::new();
    let (mut owed, mut ended) = (0_usize, false);
    while !ended || owed > 0 {
        tokio::select! {
            // Replies first: a server that is not read from stops to read.
            biased;
            message = socket.next() => {
                let text = match message {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(_)) => return Err(RecognitionError::Decode),
                    Some(Err(Error::Capacity(_))) => return Err(RecognitionError::Answer),
                    Some(Err(_)) | None => return Err(RecognitionError::Decode),
                };
                // One that nobody asked for: the next would be taken for the answer to something else.
                owed = owed.checked_sub(1).ok_or(RecognitionError::Answer)?;
                match vosk_reply::read(&text)? {
                    Reply::Partial(partial) => *lock(so_far) = if words.is_empty() { partial } else { Zeroizing::default() },
                    Reply::Part(part) => {
                        if !part.is_empty() {
                            *lock(so_far) = Zeroizing::default();
                        }
                        words.extend(part);
                    }
                }
            }
            piece = pieces.recv(), if !ended => {
                let (message, last) = match piece {
                    Some(Piece::Sound(sound)) => (Message::Binary(Bytes::from_owner(sound)), false),
                    Some(Piece::End) => (Message::text(END), true),
                    // Nobody waits any more.
                    None => return Err(RecognitionError::Late),
                };
                ended = last;
                send(&mut socket, message).await?;
                owed += 1;
            }
        }
    }
    // It closes by itself after its last reply; a word of ours is politeness that nobody waits for.
    let _ = timeout(Duration::from_millis(100), socket.close(None)).await;
    Ok(Hypothesis::of_words(words, Source::Open))
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), RecognitionError> {
    match timeout(CONNECT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(RecognitionError::Decode),
        Err(_) => Err(RecognitionError::Late),
    }
}

fn lock(so_far: &Mutex<Zeroizing<String>>) -> MutexGuard<'_, Zeroizing<String>> {
    so_far.lock().unwrap_or_else(PoisonError::into_inner)
}
