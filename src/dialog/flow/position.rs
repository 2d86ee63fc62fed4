//! Where in the dialog a call is, and what lies ahead of it.

use std::collections::BTreeSet;

use crate::dialog::file::{DialogFile, Step, Tries, read_reference};

/// Where in the dialog a call is: a step of a state, and where the sub-dialogs that it is in go on afterwards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// The state's name across files.
    state: String,
    step: usize,
    /// The steps after the calls, the outermost first.
    calls: Vec<(String, usize)>,
}

impl Position {
    /// The first step of a state of the dialog itself.
    pub(super) fn start_of(state: &str) -> Position {
        Position { state: state.to_owned(), step: 0, calls: Vec::new() }
    }

    /// The state's name across files.
    pub(super) fn state(&self) -> &str {
        &self.state
    }

    /// The state and the step in it, from 0.
    pub(super) fn place(&self) -> (&str, usize) {
        (&self.state, self.step)
    }

    /// The step that stands here.
    pub(super) fn step<'a>(&self, file: &'a DialogFile) -> Option<&'a Step> {
        file.step(&self.state, self.step)
    }

    /// The step after this one.
    pub(super) fn next(&self) -> Position {
        Position { step: self.step + 1, ..self.clone() }
    }

    /// The first step of a state that is named here; `None` when there is none of that name.
    pub(super) fn to(&self, file: &DialogFile, state: &str) -> Option<Position> {
        let state = file.named_in(&self.state, state);
        file.state(&state).is_some().then(|| Position { state, step: 0, calls: self.calls.clone() })
    }

    /// The first step of a sub-dialog that goes on after this step.
    fn called(&self, file: &DialogFile, name: &str) -> Option<Position> {
        let state = file.start_of_part(name)?;
        let mut calls = self.calls.clone();
        calls.push((self.state.clone(), self.step + 1));
        Some(Position { state, step: 0, calls })
    }

    /// Back to after the call.
    fn back(&self) -> Option<Position> {
        let mut calls = self.calls.clone();
        let (state, step) = calls.pop()?;
        Some(Position { state, step, calls })
    }

    /// Where a step that only moves the call leads: `go`, `call`, `return`. `None` where it leads nowhere, which the checks exclude.
    pub(super) fn moved(&self, file: &DialogFile, step: &Step) -> Option<Position> {
        match step {
            Step::Go(state) => self.to(file, &state.value),
            Step::Call(name) => self.called(file, &name.value),
            Step::Return(()) => self.back(),
            _ => None,
        }
    }

    /// Whether the value of a slot can be asked for from here on, before the caller gives it anew.
    pub(super) fn still_needs(&self, file: &DialogFile, slot: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut queue = vec![self.clone()];
        while let Some(at) = queue.pop() {
            let Some(step) = at.step(file) else { continue };
            if uses(step, slot) {
                return true;
            }
            if seen.insert(at.clone()) {
                queue.extend(at.ahead(file, step, slot));
            }
        }
        false
    }

    /// Where a call can be after this step without having been given the slot.
    fn ahead(&self, file: &DialogFile, step: &Step, slot: &str) -> Vec<Position> {
        let to = |state: &str| self.to(file, state);
        let after = |tries: [&Tries; 2]| tries.into_iter().filter_map(|tries| to(&tries.then.value)).collect::<Vec<_>>();
        // A name in a branch that is no state is a prompt, after which the next step comes.
        let branches = |names: [Option<&str>; 2]| {
            names.into_iter().map(|name| name.and_then(to).unwrap_or_else(|| self.next())).collect::<Vec<_>>()
        };
        match step {
            Step::Say(_) => vec![self.next()],
            Step::Ask(ask) => {
                let mut ahead = after([&ask.no_input, &ask.no_match]);
                ahead.extend(ask.options.iter().filter_map(|(_, choice)| to(&choice.go.value)));
                ahead
            }
            Step::Collect(collect) => {
                let mut ahead = after([&collect.no_input, &collect.no_match]);
                ahead.extend((collect.slot.value != slot).then(|| self.next()));
                ahead
            }
            Step::Fetch(fetch) => {
                let failed = std::iter::once(&fetch.failed).chain(&fetch.missing).filter_map(|state| to(&state.value));
                failed.chain([self.next()]).collect()
            }
            Step::Choose(choose) => {
                let named = choose.0.iter().flat_map(|branch| [&branch.value.go, &branch.value.otherwise]).flatten();
                named.filter_map(|state| to(&state.value)).collect()
            }
            Step::OnConsent(branch) => {
                branches([branch.given.as_ref(), branch.otherwise.as_ref()].map(|name| name.map(|name| name.value.as_str())))
            }
            Step::OnHours(branch) => {
                branches([branch.open.as_ref(), branch.closed.as_ref()].map(|name| name.map(|name| name.value.as_str())))
            }
            Step::Go(_) | Step::Call(_) | Step::Return(()) => self.moved(file, step).into_iter().collect(),
            Step::Handover(_) | Step::End(_) => Vec::new(),
        }
    }
}

/// Whether a step needs the value of a slot.
fn uses(step: &Step, slot: &str) -> bool {
    match step {
        Step::Fetch(fetch) => fetch.send.iter().any(|name| read_reference(&name.value) == (slot, None)),
        Step::Choose(choose) => {
            let conditions = choose.0.iter().filter_map(|branch| branch.value.when.as_ref());
            conditions.flat_map(|when| when.value.reads().unwrap_or_default()).any(|reads| reads.name == slot)
        }
        _ => false,
    }
}
