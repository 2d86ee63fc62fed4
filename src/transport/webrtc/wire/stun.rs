use std::sync::Arc;

use rtc::crypto::RTCCryptoProvider;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_REQUEST, Message, is_stun_message};

/// A STUN message (RFC 8489), as far as it tells whose it is.
pub(super) struct Stun {
    message: Message,
}

/// What a message is, for finding its call.
pub(super) enum Kind<'a> {
    /// A request for the owner of this username fragment.
    Request(&'a str),
    /// An answer to one of our requests.
    Response,
    /// Something that needs no answer and proves nothing.
    Other,
}

impl Stun {
    /// Reads a message; `None`: it is no STUN, or broken.
    pub(super) fn read(datagram: &[u8]) -> Option<Stun> {
        if !is_stun_message(datagram) {
            return None;
        }
        let mut message = Message { raw: datagram.to_vec(), ..Message::default() };
        message.decode().ok()?;
        Some(Stun { message })
    }

    /// What it is. The username of a request is `ours:theirs` (RFC 8445, section 7.2.2); `username` holds it meanwhile.
    pub(super) fn kind<'a>(&self, username: &'a mut String) -> Kind<'a> {
        let class = self.message.typ.class;
        if class == CLASS_REQUEST {
            *username = self.message.get(ATTR_USERNAME).ok().and_then(|name| String::from_utf8(name).ok()).unwrap_or_default();
            return Kind::Request(username.split(':').next().unwrap_or_default());
        }
        if class == CLASS_INDICATION || class == CLASS_ERROR_RESPONSE { Kind::Other } else { Kind::Response }
    }

    /// Whether it was made by somebody who knows `password` (RFC 8489, section 14.5).
    pub(super) fn is_signed_with(&mut self, password: &str, crypto: &Arc<dyn RTCCryptoProvider>) -> bool {
        // The length in the header bounds what the signature covers; a message that is cut short has none.
        self.message.raw.len() >= 44 && MessageIntegrity::check(&mut self.message, password.as_bytes(), crypto.crypto()).is_ok()
    }
}
