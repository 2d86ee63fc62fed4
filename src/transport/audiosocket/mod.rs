//! Calls that come in through Asterisk's AudioSocket: bare packets over a TCP connection that Asterisk opens.
//!
//! A call's way: Asterisk asks over HTTP for a name that works once ([`Announcements`]), connects and shows it, and [`leg::run`] pumps. What the
//! agent says goes out on our own clock of 20 ms, for Asterisk plays what it gets when it gets it and reports nothing: what is taken for
//! heard rests on that clock alone. When the session ends its part, we say so, and Asterisk goes on in its dialplan.
//!
//! The protocol has no authentication: whoever can connect and guess a name could take a call. The names are UUIDs of 122 random bits that
//! live for seconds, and the port belongs on this machine or a network of its own.
//!
//! The wire format: docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket.

mod announcements;
pub mod leg;
mod packet;
#[cfg(any(fuzzing, test))]
pub mod parsers;
mod playout;
mod pump;
mod settings;

pub use announcements::Announcements;
pub use packet::{Packet, PacketCodec, PacketError, Rate};
pub use settings::Settings;

use crate::audio::Codec;
use crate::transport::{Evidence, Pacing, Profile};

/// How an AudioSocket leg carries sound: on our own clock, and what has gone out on it counts as played. The session's codec is μ-law; the
/// wire's is translated.
pub const PROFILE: Profile =
    Profile { name: "audiosocket", codec: Codec::Ulaw, pacing: Pacing::Ours, evidence: Evidence::Paced, shows: false };

/// How much of what we send may lie in the system's buffers, in bytes: well under a second of a telephone's sound. What lies there counts as
/// taken, so that a peer which stands still is to be noticed soon.
pub const SEND_BUFFER: u32 = 16 * 1024;
