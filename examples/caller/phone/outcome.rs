//! What remains of a call when it is over.

use std::time::Duration;

use super::account::{EndedBy, Event, Happening, Mark, Posted, State};
use super::heard::Heard;
use super::pace::Pace;
use super::twiml::Element;

/// What remains of a call.
#[derive(Debug)]
pub struct Outcome {
    /// Who ended it.
    pub ended_by: EndedBy,
    /// From the ringing to the last event.
    pub lasted: Duration,
    /// The verbs that were followed, in order.
    pub verbs: Vec<Element>,
    /// What the server told the desk: the JSON of the last `<Task>`.
    pub task: Option<serde_json::Value>,
    /// The requests to `action` addresses, with the results they told.
    pub posted: Vec<Posted>,
    /// What broke the protocol.
    pub violations: Vec<String>,
    /// The marks, in the order of their arrival.
    pub marks: Vec<Mark>,
    /// All that was heard.
    pub heard: Heard,
    /// The most that ever waited in the buffer.
    pub largest_backlog: Duration,
    /// Whether the agent's frames came in time.
    pub pace: Pace,
    /// Everything that happened.
    pub events: Vec<Event>,
}

impl Outcome {
    pub(super) fn of(ended_by: EndedBy, events: Vec<Event>, state: &mut State) -> Self {
        let followed = events.iter().filter_map(|event| match &event.what {
            Happening::Verb(verb) => Some(verb.clone()),
            _ => None,
        });
        let verbs: Vec<Element> = followed.collect();
        Self {
            ended_by,
            lasted: events.last().map(|event| event.at).unwrap_or_default(),
            task: verbs.iter().rev().find_map(task),
            verbs,
            posted: std::mem::take(&mut state.posted),
            violations: violations(&events),
            marks: std::mem::take(&mut state.marks),
            heard: std::mem::take(&mut state.heard),
            largest_backlog: Duration::from_millis(state.largest_backlog as u64 / 8),
            pace: std::mem::take(&mut state.pace),
            events,
        }
    }

    /// The verbs of this name that were followed.
    pub fn verbs_named(&self, name: &str) -> Vec<&Element> {
        self.verbs.iter().filter(|verb| verb.name == name).collect()
    }
}

fn task(verb: &Element) -> Option<serde_json::Value> {
    serde_json::from_str(&verb.child("Task")?.text).ok()
}

/// What broke the protocol, among these.
pub(super) fn violations(events: &[Event]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match &event.what {
        Happening::Violation(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}
