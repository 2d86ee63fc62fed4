use std::fmt;
use std::net::IpAddr;

use axum::http::{HeaderMap, Uri};

use super::handover::outcome;
use super::signature::{Gate, SignatureError};
use crate::handover::Outcome;

/// The longest form that is read, in bytes. Twilio's are about one kilobyte.
pub const FORM_BYTES: usize = 64 * 1024;

/// What a webhook says, as far as this server keeps it: no numbers, no names, no places.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Twilio's id of the call.
    pub call_sid: String,
    /// The number that was called, only as a key for the routes of the configuration.
    called: String,
    /// Whether the call is still on: a caller who is gone cannot be answered.
    pub in_progress: bool,
    /// What became of a handover, where this is its callback.
    pub outcome: Option<Outcome>,
    /// How long a caller has waited in a queue, in seconds.
    pub queue_seconds: Option<u64>,
}

/// Never shows the number.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Webhook");
        shown.field("call_sid", &self.call_sid).field("in_progress", &self.in_progress);
        shown.field("outcome", &self.outcome).field("queue_seconds", &self.queue_seconds).finish_non_exhaustive()
    }
}

/// A webhook that is not answered with TwiML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Too long.
    #[error("the form is longer than {FORM_BYTES} bytes")]
    TooLong,
    /// Not Twilio.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// No call.
    #[error("the form has no CallSid of 1 to 64 letters and digits: is the address set as a voice webhook?")]
    NoCall,
}

impl Webhook {
    /// Checks a webhook's signature and reads its form.
    pub fn read(gate: &Gate, peer: IpAddr, headers: &HeaderMap, uri: &Uri, form: &[u8]) -> Result<Webhook, WebhookError> {
        if form.len() > FORM_BYTES {
            return Err(WebhookError::TooLong);
        }
        let parameters: Vec<(String, String)> = url::form_urlencoded::parse(form).into_owned().collect();
        gate.check_webhook(peer, headers, uri, &parameters)?;
        let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let call_sid = value("CallSid").filter(|sid| is_sid(sid)).ok_or(WebhookError::NoCall)?.to_owned();
        let in_progress = !matches!(value("CallStatus"), Some("completed" | "busy" | "failed" | "no-answer" | "canceled"));
        Ok(Webhook {
            call_sid,
            called: value("To").unwrap_or_default().to_owned(),
            in_progress,
            outcome: outcome(value, in_progress),
            queue_seconds: value("QueueTime").and_then(|seconds| seconds.parse().ok()),
        })
    }

    /// Whether the called number is `number` (E.164): the one question about it that a route may ask.
    pub fn was_called(&self, number: &str) -> bool {
        !number.is_empty() && self.called == number
    }
}

/// Whether it can be an id of Twilio's, fit for a log line.
pub(super) fn is_sid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
