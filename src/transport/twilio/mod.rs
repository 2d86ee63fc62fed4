//! Calls that come in through Twilio Media Streams: JSON over a WebSocket that Twilio opens, and the webhooks around it.
//!
//! A call's way: `POST /twilio/voice` is answered with TwiML that connects a stream ([`twiml::connect_stream`]) and carries a one-time
//! [`token`]; Twilio opens `GET /twilio`, [`leg::run`] checks the token and pumps; when the session ends its part the stream closes and
//! Twilio asks `POST /twilio/after`, which is answered with a handover ([`handover::verb`]), with a stream again or with a hang-up. The
//! same address gets the result of a handover ([`Webhook::outcome`]).
//!
//! Every request is checked against Twilio's signature over the configured public address ([`signature::Gate`]). This room keeps no sound
//! and no number: what it has read of a webhook's form is the call's id, its status and a handover's result.
//!
//! Neighbours: the contract in [`crate::transport`], and [`crate::handover`] for where a caller can go. Routes and sessions are above.
//!
//! The wire format: twilio.com/docs/voice/media-streams/websocket-messages and /docs/voice/twiml.

mod address;
pub mod handover;
pub mod leg;
mod message;
mod order;
mod pump;
mod settings;
pub mod signature;
pub mod token;
pub mod twiml;
mod webhook;
pub mod whisper;

pub use address::{AddressError, PublicAddress};
pub use message::{Event, MediaFormat, Message, MessageError};
pub use settings::{Settings, SettingsError};

pub use crate::secret::Secret;
pub use webhook::{FORM_BYTES, Webhook, WebhookError};

use crate::audio::Codec;
use crate::transport::{Evidence, Pacing, Profile};

/// How a Twilio leg carries sound: μ-law at 8000 Hz, buffered and paced by Twilio, which reports each mark when it has been played.
pub const PROFILE: Profile =
    Profile { name: "twilio", codec: Codec::Ulaw, pacing: Pacing::Peer, evidence: Evidence::Peer, shows: false };
