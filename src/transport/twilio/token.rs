//! What `POST /twilio/voice` knew about a call, for the stream that follows it under a one-time token. A signature alone would let a recorded
//! upgrade request be replayed.

use uuid::Uuid;

/// The `<Parameter>` that carries the token.
pub const PARAMETER: &str = "token";

/// What a stream's token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamClaim {
    /// A call that has just come in.
    Arrival {
        /// Twilio's id of the call, which the stream has to name too.
        call_sid: String,
        /// The dialog that the number leads to.
        dialog: String,
        /// The language of the route, BCP 47, where it names one.
        language: Option<String>,
    },
    /// A call that comes back from a handover nobody took, to the session that is waiting for it.
    Return {
        /// Twilio's id of the call.
        call_sid: String,
        /// The session.
        session: Uuid,
    },
}

impl StreamClaim {
    /// Twilio's id of the call.
    pub fn call_sid(&self) -> &str {
        match self {
            StreamClaim::Arrival { call_sid, .. } | StreamClaim::Return { call_sid, .. } => call_sid,
        }
    }
}
