//! Branches on what is known and on the time of day: conditions that cannot fail, hours that can be read.

use serde_saphyr::Spanned;

use super::CheckInput;
use super::problem::{Found, Place, Problem, Span, suggestion};
use super::uses::Things;
use crate::dialog::condition::{Condition, Reads};
use crate::dialog::file::{Choose, OnHours, Step};

pub(super) fn check(input: &CheckInput, found: &mut Found) {
    found.enter(None);
    for (_, hours) in input.dialog.opening_hours.iter() {
        if let Err(error) = hours.value.read() {
            let help = "write `NAME: { hours: \"mon-fri 09:00-17:30, sat 10:00-14:00\", time-zone: Europe/Amsterdam, closed: [2026-12-25] }`";
            found.at("opening-hours-unreadable", hours, "cannot be read", error.to_string(), help.into());
        }
    }
    let things = Things::of(input.dialog);
    for (state, step) in input.dialog.every_step() {
        found.enter(state.part);
        match &step.value {
            Step::Choose(choose) => {
                shape(step, choose, found);
                conditions(choose, &things, found);
            }
            Step::OnHours(branch) => on_hours(input, step, branch, found),
            _ => {}
        }
    }
    found.enter(None);
}

/// Every branch but the last has a condition and a state; the last is `otherwise`.
fn shape(step: &Spanned<Step>, choose: &Choose, found: &mut Found) {
    const RULE: &str = "no-otherwise";
    const HELP: &str = "write `- { when: 'CONDITION', go: STATE }` for each, and `- { otherwise: STATE }` as the last";
    let last = choose.0.len().saturating_sub(1);
    for (index, branch) in choose.0.iter().enumerate() {
        let message = match (&branch.value.when, &branch.value.go, &branch.value.otherwise) {
            (Some(_), Some(_), None) | (None, None, Some(_)) if index == last => continue,
            (Some(_), Some(_), None) => continue,
            (None, None, Some(_)) => "what comes after `otherwise` is never looked at",
            (Some(_), None, None) => "this branch has a condition and nowhere to go",
            (None, Some(_), None) => "this branch has no condition",
            _ => "this branch is neither a condition with a state nor `otherwise`",
        };
        found.at(RULE, branch, "not a branch", message.into(), HELP.into());
    }
    if !choose.0.iter().any(|branch| branch.value.otherwise.is_some()) {
        let message = "where no condition holds, this `choose` leads nowhere".to_owned();
        found.at(RULE, step, "without `otherwise`", message, "add `- { otherwise: STATE }` as the last branch".into());
    }
}

fn conditions(choose: &Choose, things: &Things, found: &mut Found) {
    for when in choose.0.iter().filter_map(|branch| branch.value.when.as_ref()) {
        let Err(unfit) = when.value.check(&|reads: &Reads| things.kind(reads).map(Into::into)) else { continue };
        let place = Place { span: within(when, unfit.at.start, unfit.at.end), ..found.place(&when.referenced, "here") };
        let help = match &unfit.unknown {
            Some(reads) => {
                let names = things.names();
                let names: Vec<&str> = names.iter().map(String::as_str).chain(["language"]).collect();
                let name = reads.field.as_ref().map_or(reads.name.clone(), |field| format!("{}.{field}", reads.name));
                format!(
                    "{}; consent is not among them: `- on-consent: …` branches on it",
                    suggestion(&name, "slots, and results with their fields", &names)
                )
            }
            None => unfit.help,
        };
        let message = format!("`{}`: {}", when.value.source(), unfit.problem);
        found.add(Problem { rule: "condition-unreadable", message, place, help, related: Vec::new() });
    }
}

/// The place of a part of a condition in the file: exact where the condition stands there as it is, or in quotes.
fn within(when: &Spanned<Condition>, from: usize, to: usize) -> Span {
    let whole = Span::of(&when.referenced);
    let length = when.value.source().len();
    let before = match whole.length.checked_sub(length) {
        Some(0) => 0,
        Some(2) => 1,
        // Written over several lines, or with escapes: the condition as a whole.
        _ => return whole,
    };
    let length = to.saturating_sub(from);
    // What ends too early is shown at its last character.
    let offset = if from >= whole.length - 2 * before { from.saturating_sub(1) } else { from };
    Span { offset: whole.offset + before + offset, length: length.max(1) }
}

fn on_hours(input: &CheckInput, step: &Spanned<Step>, branch: &OnHours, found: &mut Found) {
    const RULE: &str = "unknown-opening-hours";
    let hours = &input.dialog.opening_hours;
    if hours.get(&branch.of.value).is_none() {
        let known: Vec<&str> = hours.iter().map(|(name, _)| name.value.as_str()).collect();
        let help = suggestion(&branch.of.value, "the names under `opening-hours`", &known);
        found.at(RULE, &branch.of, "not there", format!("there are no opening hours `{}`", branch.of.value), help);
    }
    if branch.open.is_none() && branch.closed.is_none() {
        let help = "add `open: STATE-OR-PROMPT` or `closed: STATE-OR-PROMPT`, or take the step away".to_owned();
        found.at(RULE, step, "no branch", "this step leads nowhere else, whatever the time is".into(), help);
    }
}
