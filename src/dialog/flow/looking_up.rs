//! A lookup in the middle of a call: said, begun, waited for, and taken. While it is under way everything that is always there works; what the caller says
//! or presses beside that means nothing, since nothing was asked.

use super::lookup::{Answer, Lookup, LookupFailure};
use super::steps::{Mode, Waiting};
use super::*;
use crate::dialog::file::{Fetch, read_reference};

/// How much longer than a lookup can take the flow waits for its answer.
const GRACE: Duration = Duration::from_secs(1);
/// Nothing is looked up more often in a row without the caller having answered something.
const WITHOUT_AN_ANSWER: u32 = 10;

/// A lookup that has begun.
#[derive(Debug)]
pub(super) struct Underway {
    attempt: u32,
    /// The step that it belongs to.
    at: Position,
    /// When it is taken for failed without an answer.
    until: SessionTime,
    answer: Option<Result<Answer, LookupFailure>>,
}

/// Where a lookup stands.
pub(super) enum LookedUp {
    /// It is done, and leads there.
    Leads(Position),
    /// It is under way; the action when it begins only now.
    Underway(Option<Action>),
}

impl Flow {
    /// Begins the lookup of the step `at`, or takes what came of it. A lookup that something came in between, with the caller still there, goes on
    /// meanwhile. `None` when the dialog looks things up without end.
    pub(super) fn look_up(&mut self, fetch: &Fetch, at: &Position) -> Option<LookedUp> {
        match self.lookup.take() {
            Some(Underway { at: here, answer: Some(answer), .. }) if here == *at => {
                return self.take_answer(fetch, at, answer).map(LookedUp::Leads);
            }
            Some(underway) if underway.at == *at => {
                self.lookup = Some(underway);
                return Some(LookedUp::Underway(None));
            }
            _ => {}
        }
        if self.lookups_in_a_row >= WITHOUT_AN_ANSWER {
            return None;
        }
        self.lookups_in_a_row += 1;
        let Some(lookup) = Lookup::of(fetch, &self.known) else {
            // The checks see to it that what is sent is known.
            self.actions.push(Action::Trouble(Trouble::Lookup));
            return at.to(&self.dialog.file, &fetch.failed.value).map(LookedUp::Leads);
        };
        self.lookups += 1;
        let attempt = self.lookups;
        let until = self.now + lookup.longest() + GRACE;
        self.lookup = Some(Underway { attempt, at: at.clone(), until, answer: None });
        Some(LookedUp::Underway(Some(Action::Fetch { attempt, lookup })))
    }

    /// Where the call goes on, with the result known or forgotten.
    fn take_answer(&mut self, fetch: &Fetch, at: &Position, answer: Result<Answer, LookupFailure>) -> Option<Position> {
        let file = &self.dialog.file;
        let there = match &answer {
            Ok(_) => Some(at.next()),
            Err(LookupFailure::Missing) => at.to(file, &fetch.missing.as_ref().unwrap_or(&fetch.failed).value),
            Err(_) => at.to(file, &fetch.failed.value),
        }?;
        // A sensitive value that nothing needs any more is not kept until the end of the call.
        let sent = fetch.send.iter().map(|name| read_reference(&name.value).0);
        for slot in sent {
            if self.known.sensitive.get(slot).is_some() && !there.still_needs(file, slot) {
                self.known.sensitive.remove(slot);
            }
        }
        let result = &fetch.into.value;
        match answer {
            Ok(answer) => self.known.results.insert(result.clone(), answer),
            Err(_) => self.known.results.remove(result),
        };
        Some(there)
    }

    /// The attempt whose answer is waited for. Whoever carries out another can break it off.
    pub fn awaited_lookup(&self) -> Option<u32> {
        self.lookup.as_ref().filter(|underway| underway.answer.is_none()).map(|underway| underway.attempt)
    }

    /// Whether the call waits for a lookup.
    pub(super) fn looks_up(&self) -> bool {
        matches!(&self.phase, Phase::Dialog(Waiting { mode: Mode::LookUp, .. }))
    }

    /// What came of a lookup. One that was abandoned is for nobody, and of one only the first answer counts.
    pub(super) fn fetched(&mut self, attempt: u32, result: Result<Answer, LookupFailure>) {
        let Some(underway) = self.lookup.as_mut().filter(|underway| underway.attempt == attempt) else { return };
        underway.answer.get_or_insert(result);
        self.lookup_ready();
    }

    pub(super) fn lookup_deadline(&self) -> Option<SessionTime> {
        self.lookup.as_ref().filter(|underway| underway.answer.is_none()).map(|underway| underway.until)
    }

    /// Whoever carries lookups out should have answered long ago.
    pub(super) fn lookup_overdue(&mut self) {
        if self.lookup_deadline().is_some_and(|until| until <= self.now) {
            self.actions.push(Action::Trouble(Trouble::Lookup));
            if let Some(underway) = &mut self.lookup {
                underway.answer = Some(Err(LookupFailure::Late));
            }
            self.lookup_ready();
        }
    }

    /// Goes on with what was looked up, once the prompt has ended and it is known what the caller is saying: it could be "stop recording", which
    /// this turn must not outlive.
    pub(super) fn lookup_ready(&mut self) {
        if !self.looks_up() || self.current.is_some() || self.caller_speaks {
            return;
        }
        self.deadline = None;
        let Some(Underway { at, answer: Some(_), .. }) = &self.lookup else { return };
        self.position = at.clone();
        self.end_turn();
        self.resume();
    }

    /// What is being looked up is for nobody any more.
    pub(super) fn abandon_lookup(&mut self) {
        self.lookup = None;
    }
}
