//! Calls that come in through Asterisk's `chan_websocket`: sound in binary messages and events in text over a WebSocket that Asterisk opens, and
//! a question of the dialplan about where a caller goes next.
//!
//! A call's way: the dialplan dials `WebSocket/…` with the call's id in the query, Asterisk opens `GET /asterisk`, [`leg::run`] waits for
//! `MEDIA_START` and pumps; when the session ends its part the leg is hung up, the dialplan goes on behind `Dial` and asks `POST
//! /asterisk/after`, which is answered in one line ([`next`]): a queue, a number, the agent again, or a hang-up. The same address gets the
//! result of a handover.
//!
//! Whoever asks shows a password ([`crate::transport::basic_auth`]); without one, only this machine may. This room keeps no sound and no
//! number: of a request it keeps the call's id and its channel.
//!
//! Neighbours: the contract in [`crate::transport`], and [`crate::handover`] for where a caller can go. Routes and sessions are above.
//!
//! The wire format: docs.asterisk.org/Configuration/Channel-Drivers/WebSocket, and the source of 20.16 to 23.2 where that is silent.

mod asked;
pub mod leg;
mod message;
pub mod next;
mod pump;
mod settings;

pub use asked::{After, Announced, AskedError, is_call};
pub use message::{Event, Form, MediaStart, Message, MessageError};
pub use settings::{MarkCommand, Settings, SettingsError};

use crate::audio::Codec;
use crate::transport::{Evidence, Pacing, Profile};

/// How an Asterisk leg carries sound to the session: μ-law at 8000 Hz whatever the wire's codec is. Asterisk buffers and paces it, and reports each
/// mark when it has been played.
pub const PROFILE: Profile =
    Profile { name: "asterisk", codec: Codec::Ulaw, pacing: Pacing::Peer, evidence: Evidence::Peer, shows: false };
