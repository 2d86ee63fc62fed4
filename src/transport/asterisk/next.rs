//! Where a caller goes next, in one line that the dialplan reads: `next=queue&queue=support&…`, made for `CURLOPT(hashcompat)`.
//!
//! What is handed on travels in the same line. Whatever a caller gave is percent-encoded, a space as `%20`, so that nothing in it is read as
//! another name or value; the dialplan's `HASH` decodes it, and the dialplan must never evaluate it.

use crate::handover::{Request, Target, TargetKind};
use crate::transport::percent::percent_encoded;

/// The longest line, in bytes: what Asterisk sets as a variable at once has to be shorter than 8 KiB, its commas escaped.
const LINE_BYTES: usize = 4000;
/// What the count of those left out takes.
const OMITTED: &str = "&omitted=999";

/// Whether Asterisk can pass a caller on to `target`; where not, it is worth saying at the start.
pub fn reaches(target: &Target) -> bool {
    match target.kind {
        TargetKind::Queue(_) | TargetKind::Number(_) | TargetKind::Sip(_) => true,
        // A desk takes over inside a session: no dialplan is asked.
        TargetKind::Desk => true,
        TargetKind::Workflow(_) => false,
    }
}

/// The line that passes a caller on to `target`. Where Asterisk has no way there it has no `next`, and the dialplan takes its own.
///
/// Priority and place follow from the target alone: consent is an attribute among others.
pub fn hand_over(target: &Target, request: &Request) -> String {
    let mut line = Line::default();
    let reached = match &target.kind {
        TargetKind::Queue(name) => Some(("queue", name)),
        TargetKind::Number(number) => Some(("number", number)),
        TargetKind::Sip(address) => Some(("sip", address)),
        TargetKind::Workflow(_) | TargetKind::Desk => None,
    };
    if let Some((next, place)) = reached {
        line.add("next", next);
        line.add(next, place);
    }
    line.add("target", &target.name);
    if let Some(limit) = target.time_limit {
        line.add("timeout", &limit.as_secs().to_string());
    }
    line.add("priority", &target.priority.to_string());
    for (name, value) in attributes(request) {
        line.add(&name, &value);
    }
    line.done()
}

/// The line that connects the caller with the agent again.
pub fn agent() -> String {
    "next=agent".to_owned()
}

/// The line that ends the call.
pub fn hang_up() -> String {
    "next=hangup".to_owned()
}

/// The line that ends the call of somebody whom nobody can help; the dialplan may say so, in this language.
pub fn unavailable(language: &str) -> String {
    let mut line = Line::default();
    line.add("next", "hangup");
    line.add("reason", "unavailable");
    line.add("language", language);
    line.done()
}

/// What the colleague may know, by the names of the line: session, reason, language, each purpose's consent, each slot.
pub fn attributes(request: &Request) -> Vec<(String, String)> {
    let known = [
        ("session".to_owned(), request.session.to_string()),
        ("reason".to_owned(), request.reason.to_string()),
        ("language".to_owned(), request.language.clone()),
    ];
    let consent = request.consent.iter().map(|(purpose, state)| (format!("consent_{purpose}"), state.as_str().to_owned()));
    let slots = request.slots.iter().map(|(name, value)| (format!("slot_{name}"), value.to_owned()));
    known.into_iter().chain(consent).chain(slots).collect()
}

#[derive(Default)]
struct Line {
    text: String,
    omitted: usize,
}

impl Line {
    /// Adds a value; one that does not fit any more is counted instead.
    fn add(&mut self, name: &str, value: &str) {
        let pair = format!("{}={}", percent_encoded(name), percent_encoded(value));
        if self.text.len() + 1 + pair.len() > LINE_BYTES - OMITTED.len() {
            self.omitted += 1;
            return;
        }
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(&pair);
    }

    fn done(mut self) -> String {
        if self.omitted > 0 {
            metrics::counter!("candor_asterisk_attributes_omitted_total").increment(self.omitted as u64);
            self.text.push_str(&format!("&omitted={}", self.omitted.min(999)));
        }
        self.text
    }
}
