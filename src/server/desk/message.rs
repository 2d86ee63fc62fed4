//! The messages of `/desk/events`, JSON both ways (`docs/desk.md` tells colleagues what they see of them).

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::consent::{ConsentState, Purpose};
use crate::dialog::prompt::Slots;
use crate::handover::Reason;
use crate::handover::desk::{CallBack, Taken, View, WrapUp};
use crate::secret::Secret;
use crate::session::ConversationEnd;
use crate::transport::webrtc::IceServer;

/// The longest message that may hold an offer, in bytes.
pub(super) const OFFER_BYTES: usize = 256 * 1024;
/// The longest of all others, in bytes.
pub(super) const MESSAGE_BYTES: usize = 4 * 1024;

/// What a page says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum FromPage {
    SignIn { token: Secret },
    Availability { available: bool, queues: Vec<String>, languages: Vec<String> },
    Take { sdp: String },
    Hold { on: bool },
    Mute { on: bool },
    HangUp {},
    Return {},
    WrapUp { outcome: WrapUp },
    CallBackDone { id: Uuid },
    SignOut {},
}

/// The type alone: an offer holds addresses.
impl fmt::Debug for FromPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FromPage::SignIn { .. } => "SignIn",
            FromPage::Availability { .. } => "Availability",
            FromPage::Take { .. } => "Take",
            FromPage::Hold { .. } => "Hold",
            FromPage::Mute { .. } => "Mute",
            FromPage::HangUp {} => "HangUp",
            FromPage::Return {} => "Return",
            FromPage::WrapUp { .. } => "WrapUp",
            FromPage::CallBackDone { .. } => "CallBackDone",
            FromPage::SignOut {} => "SignOut",
        })
    }
}

/// Why a message cannot be taken, in a sentence for whoever wrote the page. Never quotes what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAMessage {
    #[error("a message has to be a JSON object with a known `type` and its fields")]
    Unknown,
    #[error("a message has at most {MESSAGE_BYTES} bytes, one with an offer {OFFER_BYTES}")]
    TooLong,
}

impl FromPage {
    pub(super) fn read(text: &str) -> Result<FromPage, NotAMessage> {
        if text.len() > OFFER_BYTES {
            return Err(NotAMessage::TooLong);
        }
        let message = serde_json::from_str(text).map_err(|_| NotAMessage::Unknown)?;
        match message {
            FromPage::Take { .. } => Ok(message),
            _ if text.len() > MESSAGE_BYTES => Err(NotAMessage::TooLong),
            message => Ok(message),
        }
    }
}

/// Why a colleague is not, or no longer, at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Refusal {
    /// Nobody has this token.
    Token,
    /// The same colleague has signed in again.
    Elsewhere,
    /// Too many wrong tokens from this address, or too many messages.
    Limit,
    /// No token came in time.
    Time,
}

impl Refusal {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Refusal::Token => "token",
            Refusal::Elsewhere => "elsewhere",
            Refusal::Limit => "limit",
            Refusal::Time => "time",
        }
    }
}

/// What a page asked for and did not get, for a page to say in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ErrorCode {
    /// They are signed in.
    SignedInAlready,
    /// There is nobody whom the colleague hears.
    NoHearing,
    /// There is no call to leave or to wrap up.
    NoCall,
    /// No such call-back request, or no more.
    NoCallBack,
    /// A call-back request that is done is still there.
    CallBackNotDeleted,
    /// They have a call.
    InCall,
    /// They have not said how the last call went.
    WrapUpFirst,
    /// Their sound could not be connected; the caller waits on.
    NoSound,
    /// They have a call, and want to sign out.
    EndCallFirst,
    /// Not a message.
    BadMessage,
}

/// How it stands with the colleague's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CallState {
    Talking,
    Hold,
    Muted,
    Interrupted,
}

/// What a page is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum ToPage<'a> {
    SignedIn {
        name: &'a str,
        queues: Vec<&'a str>,
        languages: Vec<String>,
        ice_servers: Vec<IceServer>,
        call_backs: bool,
    },
    Refused {
        reason: Refusal,
    },
    Queue {
        waiting: Vec<Waiting<'a>>,
        colleagues: Counts,
    },
    Taken {
        sdp: &'a str,
        #[serde(flatten)]
        caller: Caller<'a>,
        recording: bool,
    },
    NobodyWaiting,
    Connected,
    Call {
        state: CallState,
    },
    /// `wrap_up`: it is to be said how the call went. Of one in which nobody was heard there is nothing to say.
    Ended {
        by: &'static str,
        wrap_up: bool,
    },
    /// The wrap-up took too long: they are free without it.
    Freed,
    CallBacks {
        call_backs: &'a [CallBack],
    },
    /// Relays whose credentials are good for longer than those that were sent before.
    Ice {
        ice_servers: Vec<IceServer>,
    },
    /// The connection lives: a page cannot see pings.
    Alive,
    /// `message` is for whoever wrote the page.
    Error {
        code: ErrorCode,
        message: &'a str,
    },
}

impl ToPage<'_> {
    /// The text of it. Everything in it can be written as JSON, so there is always one.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|_| r#"{"type":"error","code":"bad-message","message":"a message could not be written"}"#.to_owned())
    }

    pub(super) fn ended(end: ConversationEnd, wrap_up: bool) -> ToPage<'static> {
        let by = match end {
            ConversationEnd::Caller => "caller",
            ConversationEnd::CallerLost => "caller-lost",
            ConversationEnd::WentBack => "went-back",
            ConversationEnd::Colleague => "colleague",
            ConversationEnd::Returned => "returned",
            ConversationEnd::WaitsOn => "waits-on",
            ConversationEnd::Lost => "lost",
            ConversationEnd::Failed => "failed",
        };
        ToPage::Ended { by, wrap_up }
    }

    pub(super) fn queue(view: &View) -> ToPage<'_> {
        let waiting = view.waiting.iter().map(|waits| Waiting {
            caller: Caller::new(&waits.request, waits.waited),
            priority: waits.priority,
            next: waits.next,
            mine: waits.mine,
        });
        let counts = Counts { available: view.colleagues.available, busy: view.colleagues.busy };
        ToPage::Queue { waiting: waiting.collect(), colleagues: counts }
    }

    /// The caller who was taken. Nothing is recorded of them: before a caller comes into the line, every grant has ended and the recorder
    /// has stopped.
    pub(super) fn taken<'a>(taken: &'a Taken, sdp: &'a str) -> ToPage<'a> {
        ToPage::Taken { sdp, caller: Caller::new(&taken.request, taken.waited), recording: false }
    }
}

#[derive(Serialize)]
pub(super) struct Counts {
    available: u32,
    busy: u32,
}

#[derive(Serialize)]
pub(super) struct Waiting<'a> {
    #[serde(flatten)]
    caller: Caller<'a>,
    priority: i64,
    next: bool,
    mine: bool,
}

/// What a colleague sees of a caller.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Caller<'a> {
    call: Uuid,
    queue: &'a str,
    waited_ms: u64,
    reason: Reason,
    language: &'a str,
    consent: &'a BTreeMap<Purpose, ConsentState>,
    #[serde(serialize_with = "slots")]
    slots: &'a Slots,
}

impl<'a> Caller<'a> {
    fn new(request: &'a crate::handover::Request, waited: std::time::Duration) -> Caller<'a> {
        Caller {
            call: request.session,
            queue: &request.target,
            waited_ms: waited.as_millis().try_into().unwrap_or(u64::MAX),
            reason: request.reason,
            language: &request.language,
            consent: &request.consent,
            slots: &request.slots,
        }
    }
}

fn slots<S: Serializer>(slots: &Slots, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in slots.iter() {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_others_refused_without_a_quote() {
        assert!(matches!(FromPage::read(r#"{"type":"hang-up"}"#), Ok(FromPage::HangUp {})));
        assert!(matches!(FromPage::read(r#"{"type":"hold","on":true}"#), Ok(FromPage::Hold { on: true })));
        let wrap_up = FromPage::read(r#"{"type":"wrap-up","outcome":"not-helped"}"#);
        assert!(matches!(wrap_up, Ok(FromPage::WrapUp { outcome: WrapUp::NotHelped })));
        for wrong in ["", "{}", "[1]", r#"{"type":"sing"}"#, r#"{"type":"hold"}"#, r#"{"type":"hold","on":true,"off":1}"#] {
            assert_eq!(FromPage::read(wrong).unwrap_err(), NotAMessage::Unknown, "{wrong}");
        }
    }

    #[test]
    fn only_an_offer_may_be_long() {
        let long = "x".repeat(MESSAGE_BYTES);
        assert!(FromPage::read(&format!(r#"{{"type":"take","sdp":"{long}"}}"#)).is_ok());
        let token = format!(r#"{{"type":"sign-in","token":"{long}"}}"#);
        assert_eq!(FromPage::read(&token).unwrap_err(), NotAMessage::TooLong);
        let offer = format!(r#"{{"type":"take","sdp":"{}"}}"#, "x".repeat(OFFER_BYTES));
        assert_eq!(FromPage::read(&offer).unwrap_err(), NotAMessage::TooLong);
    }

    #[test]
    fn debug_output_holds_no_token_and_no_offer() {
        let shown = format!("{:?}", FromPage::read(r#"{"type":"sign-in","token":"0123456789abcdef"}"#));
        assert!(!shown.contains("0123456789abcdef"), "{shown}");
    }
}
