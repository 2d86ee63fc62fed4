//! The words of the flow and of `handover`, one in terms of the other.

use uuid::Uuid;

use crate::dialog::flow::{Departure, HandoverEnd, LeaveReason};
use crate::handover::{Outcome, Reason, Request};

/// What is handed on with the caller.
pub(super) fn request(session: Uuid, target: &str, departure: Departure) -> Request {
    Request {
        session,
        target: target.to_owned(),
        reason: reason(departure.reason),
        language: departure.language,
        consent: departure.consent.into_iter().collect(),
        slots: departure.slots,
    }
}

/// Why, in the words of the room that carries it out. The same for everybody: what a caller chose is in the consent, and a desk that sorts by
/// reason treats all alike.
fn reason(reason: LeaveReason) -> Reason {
    match reason {
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
        Outcome::NoAnswer => HandoverEnd::NobodyAnswered,
        Outcome::Busy => HandoverEnd::Busy,
        Outcome::QueueFull => HandoverEnd::QueueFull,
        Outcome::Closed => HandoverEnd::Closed,
        Outcome::CallerLeft => HandoverEnd::CallerLeft,
        _ => HandoverEnd::Failed,
    }
}
