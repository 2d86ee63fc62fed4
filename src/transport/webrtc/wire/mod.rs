//! One UDP port and one TCP port for every call, and what tells the calls apart.
//!
//! A packet belongs to the call whose ICE username it carries (STUN requests), or to the call that last proved to be at the address that it
//! comes from. An address is proved by a STUN message whose username *and* integrity fit a call, and is not taken from a call that was
//! heard from it a moment ago. The library below sees a socket of its own ([`socket::Virtual`]): its [`webrtc::runtime::Runtime`] is
//! [`runtime::OneCall`], which opens nothing and connects to nothing.

mod ports;
mod runtime;
mod socket;
mod stun;
mod table;
mod tcp;

pub(super) use ports::Ports;
pub(super) use runtime::OneCall;
pub(super) use table::{Registration, Secrets};
