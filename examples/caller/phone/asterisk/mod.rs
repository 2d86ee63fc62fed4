//! The same telephone behind a simulated Asterisk: a dialplan that dials the server's WebSocket or its AudioSocket, asks it what comes next when that leg
//! has ended, and does it. Written from the description of the protocol alone.

mod audiosocket;
mod leg;
mod line;
mod lines;
mod protocol;
mod queue;

pub use audiosocket::AudioSocket;
pub use protocol::{Format, Speaks};

pub(super) use line::PbxLine;

/// How the simulated Asterisk is set up.
#[derive(Debug, Clone)]
pub struct Asterisk {
    /// In which form it speaks, and what it knows.
    pub speaks: Speaks,
    /// How its sound is carried.
    pub format: Format,
    /// Whether the leg is answered by itself; without it the server has to do it (the dial option `n`).
    pub answers: bool,
    /// What it shows as name and password.
    pub password: Option<(String, String)>,
    /// The language that the dialplan says; none, where it says nothing.
    pub language: Option<String>,
    /// The leg is one of AudioSocket; without it, a WebSocket.
    pub audiosocket: Option<AudioSocket>,
}

impl Default for Asterisk {
    fn default() -> Self {
        Self { speaks: Speaks::Json, format: Format::Ulaw, answers: true, password: None, language: None, audiosocket: None }
    }
}
