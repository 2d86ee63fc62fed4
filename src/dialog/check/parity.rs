//! Refusal costs nothing: whatever a consenting caller can reach, a refusing caller can reach, in one more turn at most.
//!
//! Compared are all combinations of answers against all that refuse more, from the start and from every other state (a caller may
//! withdraw anywhere), once by what callers choose and once with what happens when they say nothing; and in every world: whatever opening hours,
//! conditions and lookups say, it is the same for both. What can be reached are prompts, options and slots (on the terms on which they are asked),
//! lookups, a person and the end. The two prompts of an `on-consent` may differ: they are how a dialog speaks of recording, and [`super::asides`]
//! sees that they do.
//!
//! Where a refusing caller passes a question that a consenting one never hears (the one turn more), silence must not end the call.
//!
//! A person is the same person: a dialog has one handover target, whose priority is the server's to set, so no branch can give another one.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, Question, Reached, Service, Way};
use super::problem::{Found, Place, Problem};
use super::worlds::{Answers, Budget, Comparison, TooMany, World, Worse, nearest};
use crate::dialog::file::Step;

const RULE: &str = "refusing-caller-cannot-reach";

/// More purposes than this in `on-consent` steps are compared one by one and all at once instead of in every combination.
const IN_EVERY_COMBINATION: usize = 5;

pub(super) fn check(graph: &Graph, found: &mut Found) {
    let Some(start) = graph.start else { return };
    hung_up_on(graph, start, found);
    let reachable = graph.reach(start, |_, _| true);
    let Some(split) = graph.nodes.iter().enumerate().find(|(node, _)| reachable.has(*node) && splits(graph, *node)) else {
        // Everybody takes the same ways.
        return;
    };
    let others = graph.states.iter().map(|state| state.first).filter(|first| *first != start && reachable.has(*first));
    let mut budget = Budget::new();
    for from in std::iter::once(start).chain(others) {
        for with_failures in [false, true] {
            match differences(&Comparison { graph, from, with_failures }, &mut budget) {
                Ok(differences) if differences.is_empty() => {}
                Ok(differences) => return differences.iter().for_each(|difference| report(graph, difference, found)),
                Err(TooMany) => return too_many(graph, split.0, found),
            }
        }
    }
}

/// Questions that only refusing callers hear, where saying nothing (or nothing that fits) leads to the end and to no person.
fn hung_up_on(graph: &Graph, start: usize, found: &mut Found) {
    let anybody = graph.reach(start, |_, _| true);
    let consenting = graph.reach(start, |_, edge| !matches!(edge.way, Way::Consent(_, false)));
    let mut told = BTreeSet::new();
    let asked_of = |reached: &Reached| (0..graph.nodes.len()).filter(|node| reached.has(*node)).collect::<Vec<_>>();
    let of_everybody = asked_of(&consenting);
    for at in asked_of(&anybody).into_iter().filter(|node| !consenting.has(*node) && hangs_up(graph, *node)) {
        let node = &graph.nodes[at];
        // The same question by another way: a sub-dialog that both call, or a state that is written twice.
        let the_same = |other: &&usize| graph.nodes[**other].services == node.services && hangs_up(graph, **other);
        if of_everybody.iter().any(|other| the_same(&other)) || !told.insert(node.step.map(std::ptr::from_ref)) {
            continue;
        }
        let message = "a refusing caller who says nothing that fits here is hung up on; a caller who agrees is never asked this";
        let help =
            "let `no-input` and `no-match` lead to `handover` or back to where everybody goes, or ask the same of everybody";
        let place = found.place_in(graph.part_of(at), &node.location, "asked of refusing callers alone");
        found.add(Problem { rule: RULE, message: message.into(), place, help: help.into(), related: Vec::new() });
    }
}

/// Whether saying nothing here, or nothing that fits, can end the call without a further word of the caller's and without a person.
fn hangs_up(graph: &Graph, at: usize) -> bool {
    let by_itself = |edge: &Edge| edge.turns == 0 && edge.to != graph.handover && !matches!(edge.way, Way::Consent(_, true));
    let failures = graph.nodes[at].edges.iter().filter(|edge| edge.way == Way::Failure);
    failures
        .into_iter()
        .any(|failure| failure.to != graph.handover && graph.reach(failure.to, |_, edge| by_itself(edge)).has(graph.end))
}

/// Whether consenting and refusing callers part at a node.
fn splits(graph: &Graph, node: usize) -> bool {
    let mut targets = graph.nodes[node].edges.iter().filter(|edge| !edge.way.is_for_all()).map(|edge| edge.to);
    let first = targets.next();
    targets.any(|to| Some(to) != first)
}

/// What a refusing caller misses at one `on-consent`.
struct Difference {
    /// The node of the step where the ways part; `None` when both go the same way at first.
    parts_at: Option<usize>,
    refused: BTreeSet<String>,
    services: Vec<Service>,
    world: World,
    given_turns: u32,
    given_path: Vec<usize>,
    refused_turns: Option<u32>,
    refused_path: Vec<usize>,
}

fn differences(comparison: &Comparison, budget: &mut Budget) -> Result<Vec<Difference>, TooMany> {
    let graph = comparison.graph;
    let combinations = combinations(graph.purposes.len());
    let services: BTreeSet<&Service> = graph.nodes.iter().flat_map(|node| &node.services).collect();
    let (anything, nothing) = (World::new(), World::new());
    let reached = |open| combinations.iter().map(|answers| comparison.reach(answers, &anything, open)).collect::<Vec<_>>();
    let (at_best, at_worst): (Vec<Reached>, Vec<Reached>) = (reached(true), reached(false));
    let mut differences: BTreeMap<Option<usize>, Difference> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (more, given) in combinations.iter().enumerate() {
        for (fewer, refused) in
            combinations.iter().enumerate().filter(|(_, refused)| *refused != given && refused.is_subset(given))
        {
            for &service in &services {
                let Some((turns, _)) = nearest(graph, &at_best[more], service) else { continue };
                let other = nearest(graph, &at_worst[fewer], service);
                if other.is_some_and(|(refused, _)| refused <= turns.saturating_add(1)) || seen.contains(&service) {
                    continue;
                }
                if let Some(worse) = comparison.worse(service, given, refused, nothing.clone(), budget)? {
                    seen.insert(service);
                    let difference = difference(comparison, given, refused, worse);
                    let shorter = |other: &Difference| difference.given_turns < other.given_turns;
                    match differences.get_mut(&difference.parts_at) {
                        Some(other) if !shorter(other) => other.services.push(service.clone()),
                        // The shortest way shows it best.
                        other => {
                            let known = other.map(|other| std::mem::take(&mut other.services)).unwrap_or_default();
                            let services = std::iter::once(service.clone()).chain(known).collect();
                            differences.insert(difference.parts_at, Difference { services, ..difference });
                        }
                    }
                }
            }
        }
    }
    Ok(differences.into_values().collect())
}

fn difference(comparison: &Comparison, given: &Answers, refused: &Answers, worse: Worse) -> Difference {
    let graph = comparison.graph;
    let Worse { world, given: with, refused: without, with: (given_turns, node), without: other } = worse;
    let given_path = with.path(node);
    let refuses = |purpose: usize| given.contains(&purpose) && !refused.contains(&purpose);
    let parts_at = given_path.windows(2).find(|step| parts(graph, step, &refuses)).map(|step| step[0]);
    let refused_path = match other {
        Some((_, node)) => without.path(node),
        None => {
            let open = |edge: &Edge| comparison.lets_through(edge, refused, &world, true);
            parts_at.map(|at| onwards(graph, &without, at, open)).unwrap_or_default()
        }
    };
    Difference {
        parts_at,
        refused: given.difference(refused).map(|purpose| graph.purposes[*purpose].to_owned()).collect(),
        services: Vec::new(),
        world,
        given_turns,
        given_path,
        refused_turns: other.map(|(turns, _)| turns),
        refused_path,
    }
}

/// Everything from all given to all refused, all given first.
pub(super) fn combinations(purposes: usize) -> Vec<Answers> {
    if purposes > IN_EVERY_COMBINATION {
        let all: Answers = (0..purposes).collect();
        let without_one = (0..purposes).map(|one| all.iter().copied().filter(|purpose| *purpose != one).collect());
        return std::iter::once(all.clone()).chain(without_one).chain([Answers::new()]).collect();
    }
    let bits = (0..1_u32 << purposes).rev();
    bits.map(|bits| (0..purposes).filter(|purpose| bits & (1 << purpose) != 0).collect()).collect()
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

fn report(graph: &Graph, difference: &Difference, found: &mut Found) {
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
    let world: Vec<String> = difference.world.iter().map(|(question, answer)| said(graph, *question, *answer)).collect();
    let world = if world.is_empty() { String::new() } else { format!("while {}:\n", world.join(", ")) };
    let help = format!(
        "{world}with recording: {given}\nwithout: {refused}\nlead both to the same states; to speak of the recording to each, name a prompt in the \
         `on-consent` instead of a state"
    );
    let at = difference.parts_at.or_else(|| difference.given_path.first().copied()).unwrap_or_default();
    let mut problem = Problem { rule: RULE, message, place: place(graph, at, found), help, related: Vec::new() };
    problem.related.extend(last_of(graph, &difference.given_path, "reached with recording", found));
    found.add(problem);
}

fn too_many(graph: &Graph, split: usize, found: &mut Found) {
    let message = "callers part here by their consent, and so much is decided by conditions, hours and lookups after it that it cannot be proved that a \
                   refusing caller reaches the same";
    let help = "lead both to the same state here; to speak of the recording to each, name a prompt in the `on-consent` instead of a state";
    let place = place(graph, split, found);
    found.add(Problem { rule: RULE, message: message.into(), place, help: help.into(), related: Vec::new() });
}

/// Where the ways part.
fn place(graph: &Graph, at: usize, found: &Found) -> Place {
    match graph.nodes[at].step.map(|step| &step.value) {
        Some(Step::OnConsent(branch)) => {
            let named = branch.given.as_ref().or(branch.otherwise.as_ref()).unwrap_or(&branch.purpose);
            found.place_in(graph.part_of(at), &named.referenced, "the ways part here")
        }
        _ => found.place_in(graph.part_of(at), &graph.nodes[at].location, "from here"),
    }
}

fn in_words(service: &Service) -> String {
    match service {
        Service::Hear(prompt) => format!("the prompt `{prompt}`"),
        Service::Choose(option, terms) if terms.is_empty() => format!("the option `{option}`"),
        Service::Choose(option, terms) => format!("the option `{option}` ({terms})"),
        Service::Give(slot, terms) => format!("the slot `{slot}` ({terms})"),
        Service::LookUp(result, url) => format!("the lookup `{result}` ({url})"),
        Service::Person => "a person".into(),
        Service::End => "the end".into(),
    }
}

/// What the world says to a question, as an author reads it.
fn said(graph: &Graph, question: Question, answer: u32) -> String {
    let node = match question {
        Question::Hours(hours) => {
            return format!("`{}` is {}", graph.hours[hours], if answer == 1 { "open" } else { "closed" });
        }
        Question::At(node) => node,
    };
    let line = graph.nodes[node].location.line();
    match graph.nodes[node].step.map(|step| &step.value) {
        Some(Step::Choose(choose)) => {
            let branch = usize::try_from(answer).ok().and_then(|answer| choose.0.get(answer));
            match branch.and_then(|branch| branch.value.when.as_ref()) {
                Some(when) => format!("`{}` holds (line {line})", when.value.source()),
                None => format!("no condition holds (line {line})"),
            }
        }
        Some(Step::Fetch(fetch)) => {
            let came = ["is found", "fails", "is not there"].get(usize::try_from(answer).unwrap_or(1)).unwrap_or(&"fails");
            format!("the lookup `{}` {came} (line {line})", fetch.into.value)
        }
        _ => format!("line {line} leads on"),
    }
}

fn last_of(graph: &Graph, path: &[usize], label: &str, found: &Found) -> Option<Place> {
    let last = path.iter().rev().find(|node| graph.nodes[**node].state.is_some())?;
    Some(found.place_in(graph.part_of(*last), &graph.nodes[*last].location, label))
}
