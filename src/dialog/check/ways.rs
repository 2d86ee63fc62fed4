//! Ways through the dialog: every state can be reached, every step can run, every state can be left.

use serde_saphyr::Spanned;

use super::graph::{Graph, Way};
use super::problem::Found;
use crate::dialog::file::{AState, DialogFile, Step};

/// Whether every state can be left.
pub(super) fn check(dialog: &DialogFile, graph: &Graph, found: &mut Found) -> bool {
    let Some(start) = graph.start else { return false };
    unreachable(dialog, graph, start, found);
    let before = found.problems.len();
    let run_out = steps_that_never_run(dialog, found);
    no_exit(dialog, graph, start, &run_out, found);
    found.problems.len() == before
}

fn unreachable(dialog: &DialogFile, graph: &Graph, start: usize, found: &mut Found) {
    let reached = graph.reach(start, |_, _| true);
    for state in dialog.every_state() {
        let mut runs = graph.states.iter().filter(|drawn| std::ptr::eq(drawn.written, state.name)).peekable();
        // A sub-dialog that nothing calls is a problem of its own.
        if runs.peek().is_some() && !runs.any(|drawn| reached.has(drawn.first)) {
            let name = &state.name.value;
            let message = format!("nothing leads to the state `{name}`");
            let help = format!("lead to it from another state (`go: {name}`), or take it away");
            found.enter(state.part);
            found.at("unreachable-state", state.name, "never reached", message, help);
        }
    }
}

/// Steps behind a step that leaves the state; and states whose steps run out. Gives the states that do.
fn steps_that_never_run<'a>(dialog: &'a DialogFile, found: &mut Found) -> Vec<&'a Spanned<String>> {
    const RULE: &str = "no-way-out";
    let mut run_out = Vec::new();
    for state @ AState { name, steps, .. } in dialog.every_state() {
        found.enter(state.part);
        let leaves = steps.value.iter().position(|step| !goes_on(dialog, state, &step.value));
        match leaves {
            Some(last) => {
                if let Some(step) = steps.value.get(last + 1) {
                    let place = found.place(&steps.value[last].referenced, "leaves the state");
                    let message = format!("this step of `{}` can never run: the step before it leaves the state", name.value);
                    let help = "take it away, or put it before the step that leaves".into();
                    found.at(RULE, step, "never runs", message, help).related.push(place);
                }
            }
            None => {
                let ending =
                    if state.part.is_some() { "`- return:`, `- handover:` or `- end:`" } else { "`- handover:` or `- end:`" };
                let help = format!("let it end with `- go: STATE`, `- ask: …`, {ending}");
                let message = format!("the steps of `{}` run out: the caller would be left in silence", name.value);
                let last = steps.value.last().map(|step| found.place(&step.referenced, "and nothing after this"));
                found.at(RULE, name, "does not lead on", message, help).related.extend(last);
                run_out.push(name);
            }
        }
    }
    run_out
}

/// Whether the step after this one can run.
fn goes_on(dialog: &DialogFile, here: AState, step: &Step) -> bool {
    let full_name = here.full_name();
    let stays = |name: &Option<Spanned<String>>| {
        name.as_ref().is_none_or(|name| dialog.state(&dialog.named_in(&full_name, &name.value)).is_none())
    };
    match step {
        Step::Say(_) | Step::Collect(_) | Step::Fetch(_) | Step::Call(_) => true,
        Step::OnConsent(branch) => stays(&branch.given) || stays(&branch.otherwise),
        Step::OnHours(branch) => stays(&branch.open) || stays(&branch.closed),
        Step::Ask(_) | Step::Choose(_) | Step::Go(_) | Step::Return(()) | Step::Handover(_) | Step::End(_) => false,
    }
}

/// States from which neither a person nor the end can be reached: in general, and while everything is recorded for. (Where refusing
/// callers alone are stuck, parity says so.)
fn no_exit(dialog: &DialogFile, graph: &Graph, start: usize, run_out: &[&Spanned<String>], found: &mut Found) {
    let in_general = graph.has_way_out(|_| true);
    let open = |way: Way| !matches!(way, Way::Consent(_, false));
    let when_given = graph.has_way_out(|edge| open(edge.way));
    let reached_given = graph.reach(start, |_, edge| open(edge.way));
    for AState { part, name, .. } in dialog.every_state() {
        let runs = || graph.states.iter().filter(|drawn| std::ptr::eq(drawn.written, name)).map(|drawn| drawn.first);
        let stuck = runs().any(|first| !in_general[first]);
        let stuck_when_given = runs().any(|first| reached_given.has(first) && !when_given[first]);
        if run_out.iter().any(|other| std::ptr::eq(*other, name)) || !(stuck || stuck_when_given) {
            continue;
        }
        let when = if stuck { "" } else { " by a caller who has agreed to the recording" };
        let message = format!("the state `{}` cannot be left{when}: no way leads to a person or to the end", name.value);
        let help = "let an option, a `then` or a `go` lead to a state with `- handover:` or `- end:`".to_owned();
        found.enter(part);
        found.at("no-way-out", name, "leads round in circles", message, help);
    }
}
