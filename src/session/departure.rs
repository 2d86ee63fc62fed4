//! The words of the flow and of `handover`, one in terms of the other.

use uuid::Uuid;

use crate::consent::ConsentState;
use crate::dialog::flow::{Departure, HandoverEnd, LeaveReason};
use crate::handover::{Outcome, Reason, Request};

/// What is handed on with the caller.
pub(super) fn request(session: Uuid, target: &str, departure: Departure) -> Request {
    Request {
        session,
        target: target.to_owned(),
        reason: reason(&departure),
        language: departure.language,
        consent: departure.consent.into_iter().collect(),
        slots: departure.slots,
    }
}

/// A caller who refused and asks for a person takes the offer that was made; the colleague may know.
fn reason(departure: &Departure) -> Reason {
    let refused = departure.consent.iter().any(|(_, state)| *state == ConsentState::Refused);
    match departure.reason {
        LeaveReason::Asked if refused => Reason::Refused,
        LeaveReason::Asked => Reason::Asked,
        LeaveReason::NoInput => Reason::NoInput,
        LeaveReason::NoMatch => Reason::NoMatch,
        LeaveReason::Dialog => Reason::Dialog,
        LeaveReason::EngineFailed => Reason::EngineFailed,
        LeaveReason::Shutdown => Reason::Shutdown,
    }
}

/// What the outcome of a handover means to the call.
pub(super) fn handover_end(outcome: Outcome) -> HandoverEnd {
    match outcome {
        Outcome::Answered | Outcome::Redirected => HandoverEnd::Answered,
        Outcome::NoAnswer | Outcome::Busy | Outcome::QueueFull => HandoverEnd::NobodyAnswered,
        Outcome::Closed => HandoverEnd::Closed,
        Outcome::CallerLeft => HandoverEnd::CallerLeft,
        _ => HandoverEnd::Failed,
    }
}
