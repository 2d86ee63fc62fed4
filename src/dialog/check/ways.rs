//! Ways through the dialog: every state can be reached, every step can run, every state can be left.

use super::graph::{Graph, Way};
use super::problem::Found;
use crate::dialog::file::DialogFile;

/// Whether every state can be left.
pub(super) fn check(dialog: &DialogFile, graph: &Graph, found: &mut Found) -> bool {
    let Some(start) = graph.start else { return false };
    unreachable(dialog, graph, start, found);
    let before = found.problems.len();
    let ends_well = steps_that_never_run(dialog, graph, found);
    no_exit(dialog, graph, start, &ends_well, found);
    found.problems.len() == before
}

fn unreachable(dialog: &DialogFile, graph: &Graph, start: usize, found: &mut Found) {
    let reached = graph.reach(start, |_, _| true);
    for ((name, _), state) in dialog.states.iter().zip(&graph.states) {
        if !reached.has(state.first) {
            let message = format!("nothing leads to the state `{}`", name.value);
            let help = format!("lead to it from another state (`go: {}`), or take it away", name.value);
            found.at("unreachable-state", name, "never reached", message, help);
        }
    }
}

/// Steps behind a step that leaves the state; and states whose steps run out. Gives, per state, whether its steps lead somewhere.
fn steps_that_never_run(dialog: &DialogFile, graph: &Graph, found: &mut Found) -> Vec<bool> {
    const RULE: &str = "no-way-out";
    let mut ends_well = Vec::new();
    for ((name, steps), state) in dialog.states.iter().zip(&graph.states) {
        let inside = state.first..=state.behind;
        // Only from step to step: an edge back to the first step does not make the ones in between run.
        let runs =
            graph.reach(state.first, |from, edge| edge.to == from + 1 && inside.contains(&edge.to) && edge.to != state.first);
        if let Some((at, step)) = steps.value.iter().enumerate().find(|(at, _)| !runs.has(state.first + at)) {
            let place = at.checked_sub(1).map(|before| found.place(&steps.value[before].referenced, "leaves the state"));
            let message = format!("this step of `{}` can never run: the step before it leaves the state", name.value);
            let help = "take it away, or put it before the step that leaves".into();
            found.at(RULE, step, "never runs", message, help).related.extend(place);
        }
        let falls_off = runs.has(state.behind);
        if falls_off {
            let help = "let it end with `- go: STATE`, `- ask: …`, `- handover:` or `- end:`".to_owned();
            let message = format!("the steps of `{}` run out: the caller would be left in silence", name.value);
            let last = steps.value.last().map(|step| found.place(&step.referenced, "and nothing after this"));
            found.at(RULE, name, "does not lead on", message, help).related.extend(last);
        }
        ends_well.push(!falls_off);
    }
    ends_well
}

/// States from which neither a person nor the end can be reached: in general, and while everything is recorded for. (Where refusing
/// callers alone are stuck, parity says so.)
fn no_exit(dialog: &DialogFile, graph: &Graph, start: usize, ends_well: &[bool], found: &mut Found) {
    let in_general = graph.has_way_out(|_| true);
    let open = |way: Way| !matches!(way, Way::Consent(_, false));
    let when_given = graph.has_way_out(|edge| open(edge.way));
    let reached_given = graph.reach(start, |_, edge| open(edge.way));
    for (index, ((name, _), state)) in dialog.states.iter().zip(&graph.states).enumerate() {
        let stuck = !in_general[state.first];
        let stuck_when_given = reached_given.has(state.first) && !when_given[state.first];
        if !ends_well[index] || !(stuck || stuck_when_given) {
            continue;
        }
        let when = if stuck { "" } else { " by a caller who has agreed to the recording" };
        let message = format!("the state `{}` cannot be left{when}: no way leads to a person or to the end", name.value);
        let help = "let an option, a `then` or a `go` lead to a state with `- handover:` or `- end:`".to_owned();
        found.at("no-way-out", name, "leads round in circles", message, help);
    }
}
