use super::screen::stop_name;
use crate::consent::{Change, Method};
use crate::dialog::flow::{self, Fact, Grade, HandoverEnd, Heard, LeaveReason, SessionOutcome};
use crate::ledger::{Event, Prompted};
use crate::speech::Spoken;

/// The ledger's words for a fact of the flow. `spoken` is the sound of the line that the fact is about.
pub(super) fn event(fact: Fact, spoken: Option<&Spoken>, target: &str, priority: i64, at_ms: u64) -> Event {
    match fact {
        Fact::Disclosure(prompted) => Event::Disclosure(said(prompted, spoken)),
        Fact::Question(purpose, prompted) => Event::Question { purpose: purpose.to_string(), prompted: said(prompted, spoken) },
        Fact::Answer { purpose, outcome, method } => {
            let (method, key, grammar_entry, confidence) = match method {
                Method::Key(key) => ("key", Some(key), None, None),
                Method::Button => ("button", None, None, None),
                Method::Speech { entry, confidence } => ("speech", None, entry, confidence),
                Method::Silence | Method::Unclear | Method::Engine => ("none", None, None, None),
            };
            let confidence_percent = confidence.map(|c| (c.clamp(0.0, 1.0) * 100.0) as u8);
            let (purpose, outcome, method) = (purpose.to_string(), outcome.to_owned(), method.to_owned());
            Event::Answer { purpose, outcome, method, key, grammar_entry, confidence_percent, at_ms }
        }
        Fact::Consent(Change { purpose, basis, from, to }) => Event::Consent {
            purpose: purpose.to_string(),
            basis: basis.as_str().to_owned(),
            from: from.as_str().to_owned(),
            to: to.as_str().to_owned(),
            at_ms,
        },
        Fact::RecorderStarted { purposes } => {
            Event::RecorderStarted { purposes: purposes.iter().map(ToString::to_string).collect(), at_ms }
        }
        Fact::RecorderStopped { reason, turn_dropped } => {
            Event::RecorderStopped { reason: stop_name(reason).to_owned(), at_ms, turn_dropped }
        }
        Fact::HandoverRequested(reason) => {
            Event::HandoverRequested { target: target.to_owned(), reason: reason_name(reason).to_owned(), priority, at_ms }
        }
        Fact::HandoverResult(end) => {
            let result = match end {
                HandoverEnd::Answered => "answered",
                HandoverEnd::NobodyAnswered => "no-answer",
                HandoverEnd::Busy => "busy",
                HandoverEnd::QueueFull => "queue-full",
                HandoverEnd::Closed => "closed",
                HandoverEnd::CallerLeft => "caller-left",
                HandoverEnd::WentBack => "went-back",
                HandoverEnd::CallBack => "call-back",
                HandoverEnd::Failed => "failed",
                HandoverEnd::Unknown => "unknown",
            };
            Event::HandoverResult { target: target.to_owned(), result: result.to_owned(), at_ms }
        }
    }
}

fn reason_name(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Asked => "asked",
        LeaveReason::NoInput => "no-input",
        LeaveReason::NoMatch => "no-match",
        LeaveReason::Dialog => "dialog",
        LeaveReason::EngineFailed => "engine-failed",
        LeaveReason::Shutdown => "shutdown",
    }
}

/// The ledger's name for how a session ended.
pub(super) fn outcome_name(outcome: SessionOutcome) -> &'static str {
    match outcome {
        SessionOutcome::Finished => "finished",
        SessionOutcome::HandedOver => "handed-over",
        SessionOutcome::CallerHungUp => "caller-hung-up",
        SessionOutcome::CallerLeftQueue => "caller-left-queue",
        SessionOutcome::ConnectionLost => "connection-lost",
        SessionOutcome::PeerViolation => "peer-violation",
        SessionOutcome::Failed => "failed",
        SessionOutcome::Shutdown => "shutdown",
    }
}

fn said(prompted: flow::Prompted, spoken: Option<&Spoken>) -> Prompted {
    let (outcome, evidence) = match prompted.heard {
        Heard::Garbled => ("garbled", None),
        Heard::Complete(Grade::Peer) => ("heard", Some("peer")),
        Heard::Complete(Grade::Paced) => ("heard", Some("paced")),
        Heard::Cut => ("cut", None),
        Heard::Failed => ("failed", None),
        Heard::NoEvidence => ("no-evidence", None),
    };
    Prompted {
        prompt: match &prompted.line.purpose {
            Some(purpose) => format!("{}/{purpose}", prompted.line.id),
            None => prompted.line.id.clone(),
        },
        language: prompted.line.language,
        text_sha256: spoken.map(|s| s.text_sha256.clone()).unwrap_or_default(),
        audio_sha256: spoken.map(|s| s.audio_sha256.clone()).unwrap_or_default(),
        audio_ms: spoken.map_or(0, |s| s.duration.as_millis() as u64),
        began_ms: prompted.began.unwrap_or(prompted.ended).millis(),
        ended_ms: prompted.ended.millis(),
        outcome: outcome.to_owned(),
        evidence: evidence.map(str::to_owned),
    }
}
