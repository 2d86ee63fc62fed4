//! Handover in Twilio's words: the verb that passes a caller on, and what its callback means.
//!
//! What is handed on travels as far as Twilio lets it: as attributes of the task for a workflow, as headers for SIP, as a whisper for a
//! telephone number. A plain queue carries nothing to the colleague: `<Queue url>` of the one who answers it is played to the caller.

use std::time::Duration;

use super::PublicAddress;
use super::twiml::{Element, document, say, unavailable};
use crate::handover::{Outcome, Request, Target, TargetKind, attributes};
use crate::transport::percent::percent_encoded;

/// Twilio refuses SIP addresses with longer headers (its warning 21227), in characters.
const SIP_HEADERS: usize = 1023;
/// How long a queued caller hears nothing between two messages.
const WAIT_STEP: Duration = Duration::from_secs(10);
/// `<Dial timeout>` is 5 to 600 seconds (twilio.com/docs/voice/twiml/dial).
const RINGING: std::ops::RangeInclusive<u64> = 5..=600;

/// The document that passes the caller on to `target`.
///
/// Twilio tells the result to [`PublicAddress::after`]. A `whisper` token makes a called number fetch [`PublicAddress::whisper`]. Priority
/// and place follow from the target alone: consent is an attribute among others.
pub fn verb(target: &Target, request: &Request, address: &PublicAddress, whisper: Option<&str>) -> String {
    let after = address.after();
    let enqueue = || {
        let enqueue = Element::new("Enqueue").with("action", after.clone());
        match target.time_limit {
            Some(_) => enqueue.with("waitUrl", address.wait(&target.name, &request.language)),
            None => enqueue,
        }
    };
    let dial = || {
        let dial = Element::new("Dial").with("action", after.clone()).with("answerOnBridge", "true");
        match target.time_limit {
            Some(limit) => dial.with("timeout", limit.as_secs().clamp(*RINGING.start(), *RINGING.end()).to_string()),
            None => dial,
        }
    };
    let verb = match &target.kind {
        TargetKind::Queue(name) => enqueue().text(name),
        TargetKind::Workflow(id) => {
            let task = Element::new("Task").with("priority", target.priority.to_string()).text(attributes(request).to_string());
            enqueue().with("workflowSid", id).child(task)
        }
        TargetKind::Number(number) => {
            let noun = Element::new("Number").text(number);
            dial().child(match whisper {
                Some(token) => noun.with("url", address.whisper(token)),
                None => noun,
            })
        }
        TargetKind::Sip(to) => dial().child(Element::new("Sip").text(format!("{to}?{}", sip_headers(request)))),
        // A desk takes over inside a session. Whoever comes here has none, and Twilio has no way there.
        TargetKind::Desk => return unavailable(&request.language),
    };
    document([verb])
}

/// Whether Twilio carries anything of a request to whoever answers `target`; where not, it is worth saying at the start.
pub fn carries_attributes(target: &Target) -> bool {
    !matches!(target.kind, TargetKind::Queue(_))
}

/// Whether a handover to `target` needs a token for its whisper.
pub fn whispers(target: &Target) -> bool {
    matches!(target.kind, TargetKind::Number(_))
}

/// What a caller in `target`'s queue hears next: a word and some music, or the way back to the agent when the time limit is over.
/// `waited` is Twilio's `QueueTime`.
pub fn wait(target: &Target, language: &str, waited: Duration) -> String {
    let left = target.time_limit.map(|limit| limit.saturating_sub(waited));
    if left.is_some_and(|left| left.is_zero()) {
        return document([Element::new("Leave")]);
    }
    let pause = left.map_or(WAIT_STEP, |left| left.min(WAIT_STEP));
    let step = match &target.hold_music {
        Some(music) => Element::new("Play").text(music),
        None => Element::new("Pause").with("length", pause.as_secs().max(1).to_string()),
    };
    let dutch = language.split(['-', '_']).next().is_some_and(|primary| primary.eq_ignore_ascii_case("nl"));
    let (language, words) = if dutch {
        ("nl", "Een ogenblik, u wacht op een medewerker.")
    } else {
        ("en", "One moment please, you are waiting for a colleague.")
    };
    document([say(language, words), step])
}

/// Headers of a SIP address: `x-candor-…` for each attribute. Slots that no longer fit are left out, and their number is said.
fn sip_headers(request: &Request) -> String {
    let mut headers = String::new();
    let mut append = |name: &str, value: &str| {
        // A `+` is itself in a SIP address (RFC 3261, section 19.1.2).
        let header = format!("x-candor-{}={}", header_name(name), percent_encoded(value));
        let fits = headers.len() + 1 + header.len() <= SIP_HEADERS - "&x-candor-omitted=999".len();
        if fits {
            if !headers.is_empty() {
                headers.push('&');
            }
            headers.push_str(&header);
        }
        fits
    };
    append("session", &request.session.to_string());
    append("reason", request.reason.as_str());
    append("language", &request.language);
    let mut omitted = 0;
    for (purpose, state) in &request.consent {
        omitted += usize::from(!append(&format!("consent-{purpose}"), state.as_str()));
    }
    for (name, value) in request.slots.iter() {
        omitted += usize::from(!append(&format!("slot-{name}"), value));
    }
    if omitted > 0 {
        metrics::counter!("candor_twilio_attributes_omitted_total").increment(omitted as u64);
        headers.push_str(&format!("&x-candor-omitted={}", omitted.min(999)));
    }
    headers
}

/// Letters, digits and hyphens: what Twilio takes in the name of a header (its warning 13252).
fn header_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// What the callback of an `<Enqueue>` (`QueueResult`) or a `<Dial>` (`DialCallStatus`, `DialBridged`) means; `None` where the form is
/// not such a callback. `in_progress` tells whether the caller is still there.
pub(super) fn outcome<'a>(value: impl Fn(&str) -> Option<&'a str>, in_progress: bool) -> Option<Outcome> {
    let outcome = match (value("QueueResult"), value("DialCallStatus")) {
        (Some(result), _) => queue_outcome(result),
        (None, Some(status)) => dial_outcome(status, value("DialBridged")),
        (None, None) => return None,
    };
    if outcome == Outcome::Unknown {
        metrics::counter!("candor_twilio_ignored_total", "reason" => "unknown-result").increment(1);
    }
    // Whoever is gone while nobody had answered has left, whatever the phone system calls it.
    let left = !in_progress && matches!(outcome, Outcome::NoAnswer | Outcome::Busy);
    Some(if left { Outcome::CallerLeft } else { outcome })
}

/// twilio.com/docs/voice/twiml/enqueue, QueueResult values.
fn queue_outcome(result: &str) -> Outcome {
    match result {
        "bridged" | "bridging-in-process" | "redirected-from-bridged" => Outcome::Answered,
        "redirected" => Outcome::Redirected,
        "leave" => Outcome::NoAnswer,
        "hangup" => Outcome::CallerLeft,
        "queue-full" => Outcome::QueueFull,
        "error" | "system-error" => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

/// twilio.com/docs/voice/twiml/dial, DialCallStatus values. A call that was picked up and never bridged was not answered by a person.
fn dial_outcome(status: &str, bridged: Option<&str>) -> Outcome {
    match status {
        "completed" | "answered" if bridged == Some("false") => Outcome::NoAnswer,
        "completed" | "answered" => Outcome::Answered,
        "busy" => Outcome::Busy,
        "no-answer" | "canceled" => Outcome::NoAnswer,
        "failed" => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}
