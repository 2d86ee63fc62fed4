//! Rounds: a way that leads back to where it began asks the caller something on the way, so that nobody is sent round by their silence, by
//! noise on the line or by a service that does not answer.

use std::collections::{BTreeSet, VecDeque};

use serde_saphyr::Spanned;

use super::graph::{Edge, Graph, Way};
use super::problem::{Found, Problem};
use crate::dialog::file::{Step, Tries};

pub(super) fn check(graph: &Graph, found: &mut Found) {
    let Some(start) = graph.start else { return };
    let reached = graph.reach(start, |_, _| true);
    let mut told = BTreeSet::new();
    let mut places = Vec::new();
    for node in (0..graph.nodes.len()).filter(|node| reached.has(*node)) {
        if told.contains(&node) {
            continue;
        }
        let Some(round) = shortest_round(graph, node) else { continue };
        // All that hangs together with it is one problem.
        let leads = graph.leads_to([node], unchosen);
        let after = graph.reach(node, |_, edge| unchosen(edge));
        told.extend((0..graph.nodes.len()).filter(|other| after.has(*other) && leads[*other]));
        let problem = problem(graph, &round, found);
        // A sub-dialog is drawn once for every call of it.
        if !places.contains(&problem.place) {
            places.push(problem.place.clone());
            found.add(problem);
        }
    }
}

/// Whether a caller goes along it without having chosen or given anything.
fn unchosen(edge: &Edge) -> bool {
    edge.way != Way::Onward || edge.turns == 0
}

/// The shortest way from a node back to itself on which nothing is chosen; it begins and ends with the node.
fn shortest_round(graph: &Graph, node: usize) -> Option<Vec<usize>> {
    let mut from = vec![None; graph.nodes.len()];
    let mut queue = VecDeque::from([node]);
    while let Some(at) = queue.pop_front() {
        for edge in graph.nodes[at].edges.iter().filter(|edge| unchosen(edge)) {
            if edge.to == node {
                let mut round = vec![node];
                let mut back = at;
                while back != node {
                    round.push(back);
                    back = from[back]?;
                }
                round.push(node);
                round.reverse();
                return Some(round);
            }
            if from[edge.to].is_none() {
                from[edge.to] = Some(at);
                queue.push_back(edge.to);
            }
        }
    }
    None
}

fn problem(graph: &Graph, round: &[usize], found: &mut Found) -> Problem {
    let way = graph.in_words(round);
    let along = |pair: &&[usize], wanted: fn(Way) -> bool| {
        graph.nodes[pair[0]].edges.iter().any(|edge| edge.to == pair[1] && unchosen(edge) && wanted(edge.way))
    };
    let failure = round.windows(2).find(|pair| along(pair, |way| way == Way::Failure));
    let of_the_world = round.windows(2).find(|pair| along(pair, |way| matches!(way, Way::World(..))));
    // Without either: the last step before it begins anew.
    let (node, next) = failure.or(of_the_world).map_or((round[round.len() - 2], round[0]), |pair| (pair[0], pair[1]));
    let state = graph.nodes[node].state.map(|state| &graph.states[state]);
    let through = graph.nodes[next].state.map_or("", |state| graph.states[state].written.value.as_str());
    let message = match (failure, of_the_world) {
        (Some(_), _) => format!("a caller who says nothing, or nothing that fits, is led round and round by way of `{through}`"),
        (None, Some(_)) => {
            format!("while nothing changes, the caller is led round and round by way of `{through}` and chooses nothing")
        }
        (None, None) => format!("the steps lead round and round by way of `{through}`, and the caller chooses nothing"),
    };
    let help = format!(
        "the way round: {way}\nlet it end after a while: `then: handover` or `then: end`, or ask on the way what the caller wants"
    );
    found.enter(state.and_then(|state| state.part));
    let named = graph.nodes[node].step.and_then(|step| written_back(&step.value, through));
    let location = named.map_or(graph.nodes[node].location, |name| name.referenced);
    let place = found.place(&location, "leads round");
    Problem { rule: "loop-without-limit", message, place, help, related: Vec::new() }
}

/// Where a step names the state that is led to.
fn written_back<'a>(step: &'a Step, back: &str) -> Option<&'a Spanned<String>> {
    let of =
        |no_input: &'a Tries, no_match: &'a Tries| [&no_input.then, &no_match.then].into_iter().find(|name| name.value == back);
    match step {
        Step::Go(state) => Some(state),
        Step::Ask(ask) => of(&ask.no_input, &ask.no_match),
        Step::Collect(collect) => of(&collect.no_input, &collect.no_match),
        Step::Fetch(fetch) => std::iter::once(&fetch.failed).chain(&fetch.missing).find(|name| name.value == back),
        _ => None,
    }
}
