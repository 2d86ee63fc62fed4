//! Calls from a browser, or from anything else that speaks WebRTC: Opus both ways, keys, and a data channel for a page that shows the call.
//!
//! [`Endpoint`] is the one per server: it answers offers and owns the [`wire`], one UDP port and the same port over TCP for all calls. One task
//! a call ([`pump`]) moves everything between the library and the session. What it decides is in small pure parts that are told the time:
//! [`jitter`] (order and pace of what comes in), [`evidence`] (what of our sound has arrived), [`timeline`] (stamps of what goes out),
//! [`presence`] (is the caller there) and [`telephone_event`] (keys). [`frames`] cuts packets to 20 ms, [`messages`] and [`channel`] are
//! the page's two directions, [`sdp`] reads offers and finishes answers, [`tap`] reads the reports that the library keeps to itself.
//!
//! Neighbours: the contract in [`crate::transport`]. Routes and sessions are above. Conventions: RFC 9725 (WHIP), with audio in both directions.

mod channel;
mod endpoint;
mod evidence;
mod frames;
mod jitter;
mod messages;
mod peer;
mod presence;
mod pump;
mod sdp;
mod settings;
mod tap;
mod telephone_event;
mod timeline;
mod turn;
mod wire;
mod wire_event;

pub use endpoint::{Answer, AnswerError, BindError, Census, Connected, Endpoint, Kind, PatchError, Patched};
pub use sdp::{SDP_BYTES, SdpError};
pub use settings::{Ice, Settings, SettingsError, Turn};
pub use turn::IceServer;

use crate::audio::Codec;
use crate::transport::{Evidence, Pacing, Profile};

/// How a caller's leg carries sound: Opus, paced by us, with the other side's reports for evidence.
pub const PROFILE: Profile =
    Profile { name: "webrtc", codec: Codec::Opus, pacing: Pacing::Ours, evidence: Evidence::Peer, shows: true };

/// The same for a colleague's microphone, whose page is told by other means.
pub const DESK_PROFILE: Profile = Profile { shows: false, ..PROFILE };
