//! What conditions and lookups rest on is given in the same steps by every caller. Else a condition could tell a refusing caller from a consenting one by what
//! each was asked, and the proof that a refusal costs nothing, which takes it for the same for both, would not hold.

use std::collections::BTreeSet;

use super::graph::{Graph, Way};
use super::parity::combinations;
use super::problem::{Found, Problem};
use super::uses::needs;
use super::worlds::Answers;
use crate::dialog::file::DialogFile;

const RULE: &str = "depends-on-consent";

/// The node in which something was set last; `None` while it is not set.
type SetAt = Option<usize>;

pub(super) fn check(dialog: &DialogFile, graph: &Graph, found: &mut Found) {
    let Some(start) = graph.start else { return };
    if graph.purposes.is_empty() {
        return;
    }
    let combinations = combinations(graph.purposes.len());
    for (state, step) in dialog.every_step() {
        for need in needs(&step.value) {
            let nodes = graph.nodes_of(step);
            let settings: Vec<Vec<BTreeSet<SetAt>>> =
                combinations.iter().map(|answers| settings(graph, start, &need.name, answers)).collect();
            let pairs = combinations.iter().enumerate().flat_map(|(more, given)| {
                combinations
                    .iter()
                    .enumerate()
                    .filter(move |(_, refused)| *refused != given && refused.is_subset(given))
                    .map(move |(fewer, _)| (more, fewer))
            });
            // A node that one of the two cannot reach is parity's to judge.
            let differs = pairs.into_iter().find_map(|(more, fewer)| {
                let both = |node: &&usize| !settings[more][**node].is_empty() && !settings[fewer][**node].is_empty();
                let node = nodes.iter().filter(both).find(|node| settings[more][**node] != settings[fewer][**node])?;
                Some((&settings[more][*node], &settings[fewer][*node]))
            });
            let Some((with, without)) = differs else { continue };
            let message = format!(
                "this step {} `{}`, which a refusing caller gives in another step than a consenting one",
                need.what, need.name
            );
            let help = format!(
                "with recording it is set at: {}\nwithout: {}\nset it before the `on-consent`, or in a state that both come through",
                in_words(graph, with),
                in_words(graph, without)
            );
            let place = found.place_in(state.part, &need.at, "not the same for both");
            found.add(Problem { rule: RULE, message, place, help, related: Vec::new() });
            break;
        }
    }
}

/// For every node, where `name` can have been set last when a caller with these answers comes there.
fn settings(graph: &Graph, start: usize, name: &str, answers: &Answers) -> Vec<BTreeSet<SetAt>> {
    let mut settings = vec![BTreeSet::new(); graph.nodes.len()];
    let mut queue: Vec<(usize, SetAt)> = vec![(start, None)];
    while let Some((node, set_at)) = queue.pop() {
        if !settings[node].insert(set_at) {
            continue;
        }
        for edge in &graph.nodes[node].edges {
            if matches!(edge.way, Way::Consent(purpose, given) if answers.contains(&purpose) != given) {
                continue;
            }
            let after = if edge.sets.as_deref() == Some(name) {
                Some(node)
            } else if edge.forgets.as_deref() == Some(name) {
                None
            } else {
                set_at
            };
            queue.push((edge.to, after));
        }
    }
    settings
}

fn in_words(graph: &Graph, settings: &BTreeSet<SetAt>) -> String {
    let stops = settings.iter().map(|set_at| match set_at {
        Some(node) => graph.in_words(&[*node]),
        None => "nowhere".to_owned(),
    });
    let stops: BTreeSet<String> = stops.collect();
    stops.into_iter().collect::<Vec<_>>().join(", ")
}
