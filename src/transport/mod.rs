//! Ways a call comes in. A transport translates between a phone system's wire format and one contract; it decides nothing.
//!
//! **The contract.** A transport is a task that owns the connection and two bounded channels. To the session it sends
//! [`Inbound`]: frames (with gaps: some systems send nothing while the caller is silent), keys, what became of each mark, and the
//! end. From the session it takes [`Outbound`]: encoded frames, marks, clear, and the end. [`Profile`] says how its sound is encoded,
//! who paces it and what its marks prove.
//!
//! A transport never looks at consent, never stores a frame, and never makes the session wait: where a channel to the session
//! is full it drops the oldest meaning it can (a frame) and counts it, never a key, a mark or the end.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at};

use crate::audio::{Codec, FRAME};

pub mod asterisk;
pub mod audiosocket;
pub mod basic_auth;
mod feed;
mod limits;
mod marks;
mod notice;
mod percent;
mod socket;
mod tokens;
pub mod twilio;
pub mod webrtc;
pub mod wire_sound;

pub use crate::dialog::flow::Button;
pub use limits::Limits;
pub use notice::{Keeping, LineRole, Notice, PersonState, PurposeNotice};
pub use socket::{Ended, bounded};
pub use tokens::{TokenError, Tokens, TooManyTokens};

/// How many messages may wait between a transport and its session, in each direction: ten seconds of frames and some.
pub const CHANNEL: usize = 512;

/// A place in the outgoing sound that the peer is asked to report when it has been played. Counts up within one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark(pub u64);

/// What a phone system tells the session.
#[derive(Clone, PartialEq, Eq)]
pub enum Inbound {
    /// Sound from the caller, in the leg's codec: 20 ms where the codec has packets, usually 20 ms where it has samples.
    Audio(Bytes),
    /// 20 ms that were sent and did not arrive. The next frame may hold a coarse copy (Opus in-band FEC).
    Lost,
    /// A key: `0`-`9`, `*` or `#`.
    Key(char),
    /// A button of a caller who has a screen.
    Button(Button),
    /// The caller has chosen a language of the dialog, BCP 47.
    Language(String),
    /// Everything sent before this mark has been played to the caller.
    Played(Mark),
    /// Everything before this mark was sent, and so much of it was lost that it cannot have been understood.
    Garbled(Mark),
    /// The mark came back because the sound before it was thrown away.
    Cleared(Mark),
    /// Nothing has come from the caller for so long that nobody can be assumed to be there. They may come back.
    Lapsed,
    /// The caller is back.
    Resumed,
    /// The caller hangs up, and can still be shown how the call ended. The leg waits a moment for [`Outbound::End`].
    HangUp,
    /// The leg is over, and not because we asked.
    Ended(PeerEnd),
}

/// Never shows sound or keys.
impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Inbound::Audio(bytes) => write!(f, "Audio({} bytes)", bytes.len()),
            Inbound::Lost => f.write_str("Lost"),
            Inbound::Key(_) => f.write_str("Key(_)"),
            Inbound::Button(_) => f.write_str("Button(_)"),
            Inbound::Language(_) => f.write_str("Language(_)"),
            Inbound::Played(mark) => write!(f, "Played({})", mark.0),
            Inbound::Garbled(mark) => write!(f, "Garbled({})", mark.0),
            Inbound::Cleared(mark) => write!(f, "Cleared({})", mark.0),
            Inbound::Lapsed => f.write_str("Lapsed"),
            Inbound::Resumed => f.write_str("Resumed"),
            Inbound::HangUp => f.write_str("HangUp"),
            Inbound::Ended(end) => write!(f, "Ended({end:?})"),
        }
    }
}

/// Why a leg ended from the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PeerEnd {
    /// The caller hung up, or the phone system took the call away in an orderly manner.
    HungUp,
    /// The connection broke.
    Lost,
    /// The peer broke the protocol or a limit; the reason is in the log.
    Violation,
}

/// What the session tells a phone system.
#[derive(Clone, Debug, PartialEq)]
pub enum Outbound {
    /// Sound for the caller, in the leg's codec: one 20 ms frame.
    Audio(Bytes),
    /// Report this mark once everything before it has been played.
    Mark(Mark),
    /// Throw away what has not been played yet.
    Clear,
    /// Show this to the caller. Only sent where [`Profile::shows`].
    Tell(Box<Notice>),
    /// The agent's part is over: close in an orderly manner, so that the phone system goes on with its own flow.
    End,
}

/// A clock of 20 ms. All of them tick together: one timer wakes the machine for every call, and not each call for itself.
pub fn ticks() -> Interval {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    let since = now.saturating_duration_since(*FIRST.get_or_init(|| now));
    let into = Duration::from_nanos((since.as_nanos() % FRAME.as_nanos()) as u64);
    interval_at(now + (FRAME - into), FRAME)
}

/// Who keeps the 20 ms clock of the outgoing sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// The peer buffers and plays; we may run ahead by a little.
    Peer,
    /// The peer plays what it gets when it gets it; we send on our own clock.
    Ours,
}

/// What proves that a prompt was heard to its end (design rule 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Sent on our own 20 ms clock into a socket that took it.
    Paced,
    /// The peer reported it: a mark, a playback event, a receiver report.
    Peer,
}

/// How a leg carries sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which transport this is: `twilio`, …
    pub name: &'static str,
    /// The codec of both directions.
    pub codec: Codec,
    /// Who keeps the clock.
    pub pacing: Pacing,
    /// What a played mark proves.
    pub evidence: Evidence,
    /// Whether the caller has a screen that shows notices.
    pub shows: bool,
}

/// The session's end of a connection.
pub struct Leg {
    /// How it carries sound.
    pub profile: Profile,
    /// From the phone system.
    pub inbound: mpsc::Receiver<Inbound>,
    /// To the phone system.
    pub outbound: mpsc::Sender<Outbound>,
}
