//! Refusal costs nothing: whatever a consenting caller can reach, a refusing caller can reach, in one more turn at most.
//!
//! Compared are all combinations of answers against all that refuse more, from the start and from every other state (a caller may
//! withdraw anywhere), once by what callers choose and once with what happens when they say nothing. What can be reached are prompts,
//! options, slots, a person and the end. The two prompts of an `on-consent` may differ: they are how a dialog speaks of recording.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, Reached, Service, Way};
use super::problem::{Found, Place, Problem};
use crate::dialog::file::{DialogFile, Step};

/// More purposes than this in `on-consent` steps are compared one by one and all at once instead of in every combination.
const IN_EVERY_COMBINATION: usize = 5;

/// Which purposes are recorded for, by their place in [`Graph::purposes`].
type Answers = BTreeSet<usize>;

pub(super) fn check(dialog: &DialogFile, graph: &Graph, found: &mut Found) {
    let Some(start) = graph.start else { return };
    if graph.purposes.is_empty() {
        return;
    }
    let reachable = graph.reach(start, |_, _| true);
    let others = graph.states.iter().map(|state| state.first).filter(|first| *first != start && reachable.has(*first));
    for from in std::iter::once(start).chain(others) {
        for with_failures in [false, true] {
            let differences = differences(graph, from, with_failures);
            if !differences.is_empty() {
                differences.iter().for_each(|difference| report(dialog, graph, difference, found));
                return;
            }
        }
    }
}

/// What a refusing caller misses at one `on-consent`.
struct Difference {
    /// The node of the step where the ways part; `None` when both go the same way at first.
    parts_at: Option<usize>,
    refused: BTreeSet<String>,
    services: Vec<Service>,
    given_turns: u32,
    given_path: Vec<usize>,
    refused_turns: Option<u32>,
    refused_path: Vec<usize>,
}

fn differences(graph: &Graph, from: usize, with_failures: bool) -> Vec<Difference> {
    let combinations = combinations(graph.purposes.len());
    let open = |answers: &Answers, edge: &Edge| match edge.way {
        Way::Onward => true,
        Way::Failure => with_failures,
        Way::Consent(purpose, given) => answers.contains(&purpose) == given,
    };
    let reached: Vec<Reached> = combinations.iter().map(|answers| graph.reach(from, |_, edge| open(answers, edge))).collect();
    let nearest: Vec<_> = reached.iter().map(|reached| services(graph, reached)).collect();
    let mut differences: BTreeMap<Option<usize>, Difference> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (more, given) in combinations.iter().enumerate() {
        for (fewer, refused) in
            combinations.iter().enumerate().filter(|(_, refused)| *refused != given && refused.is_subset(given))
        {
            for (service, &(turns, node)) in &nearest[more] {
                let other = nearest[fewer].get(service).copied();
                if other.is_some_and(|(refused_turns, _)| refused_turns <= turns.saturating_add(1)) || !seen.insert(service) {
                    continue;
                }
                let given_path = reached[more].path(node);
                let refuses = |purpose: usize| given.contains(&purpose) && !refused.contains(&purpose);
                let parts_at = given_path.windows(2).find(|step| parts(graph, step, &refuses)).map(|step| step[0]);
                let refused_path = match other {
                    Some((_, node)) => reached[fewer].path(node),
                    None => {
                        parts_at.map(|at| onwards(graph, &reached[fewer], at, |edge| open(refused, edge))).unwrap_or_default()
                    }
                };
                let difference = differences.entry(parts_at).or_insert_with(|| Difference {
                    parts_at,
                    refused: given.difference(refused).map(|purpose| graph.purposes[*purpose].clone()).collect(),
                    services: Vec::new(),
                    given_turns: turns,
                    given_path,
                    refused_turns: other.map(|(turns, _)| turns),
                    refused_path,
                });
                difference.services.push(service.clone());
            }
        }
    }
    differences.into_values().collect()
}

/// Everything from all given to all refused, all given first.
fn combinations(purposes: usize) -> Vec<Answers> {
    if purposes > IN_EVERY_COMBINATION {
        let all: Answers = (0..purposes).collect();
        let without_one = (0..purposes).map(|one| all.iter().copied().filter(|purpose| *purpose != one).collect());
        return std::iter::once(all.clone()).chain(without_one).chain([Answers::new()]).collect();
    }
    let bits = (0..1_u32 << purposes).rev();
    bits.map(|bits| (0..purposes).filter(|purpose| bits & (1 << purpose) != 0).collect()).collect()
}

/// Each service with the fewest turns to it, and the node where it is had.
fn services(graph: &Graph, reached: &Reached) -> BTreeMap<Service, (u32, usize)> {
    let mut services = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(turns) = reached.turns[index] else { continue };
        for service in &node.services {
            let best = services.entry(service.clone()).or_insert((turns, index));
            *best = (*best).min((turns, index));
        }
    }
    services
}

/// Whether callers part on this piece of the way: it takes the `given` branch of a purpose that the other caller refuses.
fn parts(graph: &Graph, step: &[usize], refuses: &impl Fn(usize) -> bool) -> bool {
    let to = |given| move |edge: &&Edge| matches!(edge.way, Way::Consent(purpose, g) if g == given && refuses(purpose));
    let edges = &graph.nodes[step[0]].edges;
    let (given, otherwise) = (edges.iter().find(to(true)), edges.iter().find(to(false)));
    matches!((given, otherwise), (Some(given), Some(otherwise)) if given.to == step[1] && otherwise.to != given.to)
}

/// The way a refusing caller takes from the start through `at`, as far as it goes on by itself.
fn onwards(graph: &Graph, reached: &Reached, at: usize, open: impl Fn(&Edge) -> bool) -> Vec<usize> {
    if !reached.has(at) {
        return Vec::new();
    }
    let mut path = reached.path(at);
    let mut last = at;
    loop {
        let mut edges = graph.nodes[last].edges.iter().filter(|edge| open(edge) && edge.turns == 0);
        match (edges.next(), edges.next()) {
            (Some(edge), None) if !path.contains(&edge.to) => last = edge.to,
            _ => return path,
        }
        path.push(last);
    }
}

fn report(dialog: &DialogFile, graph: &Graph, difference: &Difference, found: &mut Found) {
    let purposes: Vec<String> = difference.refused.iter().map(|purpose| format!("`{purpose}`")).collect();
    let purposes = purposes.join(" and ");
    let mut what: Vec<String> = difference.services.iter().take(3).map(in_words).collect();
    if difference.services.len() > 3 {
        what.push(format!("{} more", difference.services.len() - 3));
    }
    let what = what.join(", ");
    let given = graph.in_words(&difference.given_path);
    let refused = match difference.refused_path.as_slice() {
        [] => "no way".to_owned(),
        path => graph.in_words(path),
    };
    let message = match difference.refused_turns {
        None => format!("a caller who refuses {purposes} cannot reach {what}"),
        Some(turns) => {
            format!(
                "a caller who refuses {purposes} needs {turns} turns to reach {what}, a caller who agrees {}",
                difference.given_turns
            )
        }
    };
    let help = format!(
        "with recording: {given}\nwithout: {refused}\nlead both to the same states; to say something else to each, name a prompt in the \
         `on-consent` instead of a state"
    );
    let at = difference.parts_at.or_else(|| difference.given_path.first().copied()).unwrap_or_default();
    let place = match step_at(dialog, graph, at) {
        Some(Step::OnConsent(branch)) => {
            let named = branch.given.as_ref().or(branch.otherwise.as_ref()).unwrap_or(&branch.purpose);
            found.place(&named.referenced, "the ways part here")
        }
        _ => found.place(&graph.nodes[at].location, "from here"),
    };
    let mut problem = Problem { rule: "refusing-caller-cannot-reach", message, place, help, related: Vec::new() };
    problem.related.extend(last_of(graph, &difference.given_path, "reached with recording", found));
    found.add(problem);
}

fn in_words(service: &Service) -> String {
    match service {
        Service::Hear(prompt) => format!("the prompt `{prompt}`"),
        Service::Choose(option) => format!("the option `{option}`"),
        Service::Give(slot) => format!("the slot `{slot}`"),
        Service::Person => "a person".into(),
        Service::End => "the end".into(),
    }
}

fn step_at<'a>(dialog: &'a DialogFile, graph: &Graph, node: usize) -> Option<&'a Step> {
    let state = graph.nodes[node].state?;
    let (_, steps) = dialog.states.iter().nth(state)?;
    steps.value.get(node - graph.states[state].first).map(|step| &step.value)
}

fn last_of(graph: &Graph, path: &[usize], label: &str, found: &Found) -> Option<Place> {
    let last = path.iter().rev().find(|node| graph.nodes[**node].state.is_some())?;
    Some(found.place(&graph.nodes[*last].location, label))
}
