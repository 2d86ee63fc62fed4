//! A simulated telephone: the whole side of a Twilio-like platform, or of an Asterisk, and a person who holds the receiver.
//!
//! It asks the server what to do with a ringing call, follows the documents it answers, runs the media streams they ask for
//! on a 20 ms clock of its own, plays what it receives in real time, gives marks back when they have been played, and hands
//! the caller to a simulated desk. It is written from the description of the protocol alone and shares nothing with the
//! server: whatever breaks the protocol is written down in a list that a test can expect to be empty. It decides nothing by
//! what it hears (it recognises no speech), and it keeps nothing on disk unless asked to write a WAV file.
//!
//! [`Caller`] says how to call, [`Call`] is the person on the line, [`Outcome`] is what remains. Inside: `line` follows the
//! documents, `handover` waits at the desk, `stream` runs one WebSocket, `playout`, `pace`, `protocol`, `signature`, `twiml` and `desk` are pure. `asterisk` has the same for Asterisk.
#![allow(dead_code, unused_imports, reason = "whoever includes it uses a part of it")]

mod account;
mod asterisk;
mod call;
mod caller;
mod desk;
mod handover;
mod heard;
mod line;
mod outcome;
mod pace;
mod playout;
mod protocol;
mod signature;
mod socket;
mod speaking;
mod stream;
mod twiml;
pub mod voice;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use account::{EndedBy, Event, Happening, Mark, MarkReturn, Posted};
pub use asterisk::{Asterisk, AudioSocket, Format, Speaks};
pub use call::Call;
pub use caller::Caller;
pub use desk::{Desk, DeskResult};
pub use heard::Heard;
pub use outcome::Outcome;
pub use pace::Pace;
pub use signature::SigningKey;
pub use twiml::Element;
pub use webhook::http;

/// What goes wrong with a call, seen from the telephone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// The server's address cannot be used.
    #[error("the server address {address:?} cannot be called: {reason}")]
    Address {
        /// As it was given.
        address: String,
        /// Why not.
        reason: String,
    },
    /// Nothing came back.
    #[error("the server cannot be reached: {reason}; is it running, and is the address right?")]
    Unreachable {
        /// What the connection said.
        reason: String,
    },
    /// The ringing call was refused.
    #[error("{place} answered {status}{}", if body.is_empty() { String::new() } else { format!(": {}", body.trim()) })]
    Refused {
        /// Path and query.
        place: String,
        /// The status of the answer.
        status: u16,
        /// What else it said.
        body: String,
    },
    /// The answer to the ringing call is not a document of verbs.
    #[error("{place} answered with something that is no document of verbs: {reason}")]
    NotADocument {
        /// Path and query.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The media stream could not be opened.
    #[error("the stream {place} could not be opened{}: {reason}", status.map(|status| format!(" ({status})")).unwrap_or_default())]
    StreamRefused {
        /// Path and query.
        place: String,
        /// The status of the answer, where there was one.
        status: Option<u16>,
        /// What happened.
        reason: String,
    },
    /// A sound file cannot be read or written.
    #[error("the sound file {}: {reason}", file.display())]
    Audio {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A text could not be spoken.
    #[error("a text cannot be spoken by the voice {voice:?}: {reason}")]
    Synthesis {
        /// The voice asked for.
        voice: String,
        /// Why.
        reason: String,
    },
    /// A key that no telephone has.
    #[error("{0:?} is no key of a telephone (0 to 9, * and #)")]
    NoSuchKey(char),
    /// The call ended before what was waited for.
    #[error("the call was over ({by:?}) before {awaited}")]
    Over {
        /// Who ended it.
        by: Option<EndedBy>,
        /// What was waited for.
        awaited: String,
    },
    /// The caller was not connected to the server when they did something.
    #[error("the caller was no longer on a stream of the server")]
    NotOnAStream,
}

/// When frames go to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramesSent {
    /// Every 20 ms, silence included, as the platform does.
    Always,
    /// Only while the caller says something.
    WhileSpeaking,
    /// Never, as if nothing came from the caller's side.
    Never,
}

/// How marks are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkAnswers {
    /// When what was before them has been played, as the platform does.
    WhenPlayed,
    /// As soon as they come.
    AtOnce,
    /// Never.
    Never,
}

/// Everything that can be chosen about a call, but its address and key.
#[derive(Debug, Clone)]
struct Options {
    from: String,
    to: String,
    frames: FramesSent,
    /// What the line sounds like while nothing is said, in μ-law; silence when it is empty.
    line_noise: Arc<[u8]>,
    mark_answers: MarkAnswers,
    desk: Desk,
    limit: Duration,
    told_of_hang_up: bool,
    /// Whether what is heard is kept, to be looked at afterwards.
    keeps_sound: bool,
    replaced_parameters: Vec<(String, Option<String>)>,
}

/// A new identifier as the platform makes them: two letters and 32 hexadecimal digits.
fn new_sid(kind: &str) -> String {
    format!("{kind}{}", uuid::Uuid::new_v4().simple())
}
