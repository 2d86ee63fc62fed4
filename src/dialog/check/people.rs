//! A person: from every question, the dialog itself leads to one. The key 0 does so as well, but who does not know it, or cannot press it,
//! must not be left without.

use super::graph::{Edge, Graph, Question, Way};
use super::problem::Found;
use crate::dialog::file::Step;

pub(super) fn check(graph: &Graph, found: &mut Found) {
    // Whoever has agreed to everything, and whoever has refused everything; parity compares all that lies between.
    let (agreeing, refusing) = (leads_to_a_person(graph, true), leads_to_a_person(graph, false));
    let mut told = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| !(agreeing[*index] && refusing[*index])) {
        let (Some(step), Some(state)) = (node.step, node.state.map(|state| &graph.states[state])) else { continue };
        let prompt = match &step.value {
            Step::Ask(ask) => &ask.prompt,
            Step::Collect(collect) => &collect.prompt,
            _ => continue,
        };
        // A sub-dialog is drawn once for every call of it.
        if told.iter().any(|before| std::ptr::eq(*before, prompt)) {
            continue;
        }
        told.push(prompt);
        let who = match (agreeing[index], refusing[index]) {
            (false, true) => " for a caller who has agreed to the recording",
            (true, false) => " for a caller who has refused the recording",
            _ => "",
        };
        let message = format!("from this question of `{}` no way leads to a person{who}", state.written.value);
        let help =
            "add an option that leads to a state with `- handover:`, or let `no-input` or `no-match` end there: `then: handover`";
        found.enter(state.part);
        found.at("no-way-to-a-person", prompt, "no person from here", message, help.into());
    }
}

/// From which nodes a person can be reached whatever conditions and lookups say. (When nobody is there, opening hours may say so instead.)
fn leads_to_a_person(graph: &Graph, agrees: bool) -> Vec<bool> {
    let open = |edge: &&Edge| !matches!(edge.way, Way::Consent(_, given) if given != agrees);
    let decided = |edge: &Edge| matches!(edge.way, Way::World(Question::At(_), _));
    let mut leads = vec![false; graph.nodes.len()];
    leads[graph.handover] = true;
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for (index, node) in graph.nodes.iter().enumerate() {
            let of_the_world = node.edges.iter().any(decided);
            let mut edges = node.edges.iter().filter(open);
            let leads_on = if of_the_world { edges.all(|edge| leads[edge.to]) } else { edges.any(|edge| leads[edge.to]) };
            if !leads[index] && leads_on && !node.edges.is_empty() {
                leads[index] = true;
                changed = true;
            }
        }
    }
    leads
}
