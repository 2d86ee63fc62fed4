//! Drawing the graph of a dialog: every step with its edges, and a sub-dialog anew for every call of it.

use std::collections::BTreeMap;

use serde_saphyr::{Location, Spanned};

use super::graph::{Edge, Graph, Node, Question, Run, Service, State, Terms, Way};
use crate::dialog::file::{AState, Ask, Choose, Collect, DialogFile, Fetch, Part, Step, Tries};
use crate::dialog::spoken::Form;

/// Calls within calls go no deeper than this.
pub(super) const DEEPEST: usize = 8;
/// A dialog has no more nodes than this: each call draws its sub-dialog anew.
const MOST_NODES: usize = 20_000;

impl<'a> Graph<'a> {
    /// The graph of a dialog. Names of states and sub-dialogs that do not exist lead nowhere.
    pub(super) fn new(dialog: &'a DialogFile) -> Graph<'a> {
        let way_out =
            |service| Node { state: None, step: None, location: Location::UNKNOWN, edges: vec![], services: vec![service] };
        let mut graph = Graph {
            states: Vec::new(),
            nodes: vec![way_out(Service::Person), way_out(Service::End)],
            purposes: Vec::new(),
            hours: Vec::new(),
            runs: Vec::new(),
            start: None,
            handover: 0,
            end: 1,
            endless: Vec::new(),
        };
        for (_, step) in dialog.every_step() {
            match &step.value {
                Step::OnConsent(branch) if !graph.purposes.contains(&branch.purpose.value.as_str()) => {
                    graph.purposes.push(&branch.purpose.value);
                }
                Step::OnHours(branch) if !graph.hours.contains(&branch.of.value.as_str()) => graph.hours.push(&branch.of.value),
                _ => {}
            }
        }
        graph.start = graph.draw(dialog, None, None, &mut Vec::new());
        graph
    }

    /// Draws the states of the dialog, or those of a sub-dialog that returns to the node `back`; gives the first node of its first state.
    fn draw(
        &mut self,
        dialog: &'a DialogFile,
        part: Option<&'a Part>,
        back: Option<usize>,
        callers: &mut Vec<&'a str>,
    ) -> Option<usize> {
        let mut by_name: BTreeMap<&'a str, usize> = BTreeMap::new();
        let first_state = self.states.len();
        let states: Vec<AState<'a>> = dialog.every_state().filter(|state| is_in(state, part)).collect();
        for AState { name, steps, .. } in states.iter().copied() {
            let index = self.states.len();
            let first = self.nodes.len();
            let node = |step, location| Node { state: Some(index), step, location, edges: vec![], services: vec![] };
            self.nodes.extend(steps.value.iter().map(|step| node(Some(step), step.referenced)));
            self.nodes.push(node(None, name.referenced));
            let full_name = AState { part, name, steps }.full_name();
            self.states.push(State { name: full_name, part, written: name, first, behind: self.nodes.len() - 1 });
            by_name.insert(&name.value, first);
        }
        let drawing = Drawing { dialog, part, by_name, back };
        for (offset, AState { steps, .. }) in states.iter().enumerate() {
            let state = first_state + offset;
            let first = self.states[state].first;
            for (number, step) in steps.value.iter().enumerate() {
                drawing.step(self, state, first + number, step, callers);
            }
        }
        let start = part.map_or(&dialog.start, |part| &part.file.start);
        drawing.by_name.get(start.value.as_str()).copied()
    }
}

fn is_in(state: &AState, part: Option<&Part>) -> bool {
    match (state.part, part) {
        (None, None) => true,
        (Some(one), Some(other)) => std::ptr::eq(one, other),
        _ => false,
    }
}

/// What is needed to draw the edges of a step.
struct Drawing<'a> {
    dialog: &'a DialogFile,
    part: Option<&'a Part>,
    /// The first nodes of the states that can be named here.
    by_name: BTreeMap<&'a str, usize>,
    back: Option<usize>,
}

impl<'a> Drawing<'a> {
    fn step(&self, graph: &mut Graph<'a>, state: usize, at: usize, step: &'a Spanned<Step>, callers: &mut Vec<&'a str>) {
        let next = at + 1;
        let onward = Edge::onward;
        let (edges, services) = match &step.value {
            Step::Say(prompt) => (vec![onward(next, 0)], vec![Service::Hear(prompt.value.clone())]),
            Step::Go(state) => (self.state(state).map(|to| onward(to, 0)).into_iter().collect(), vec![]),
            Step::Ask(ask) => {
                let chosen = ask.options.iter().filter_map(|(_, choice)| Some(onward(self.state(&choice.go)?, 1)));
                let mut edges: Vec<Edge> = chosen.collect();
                edges.extend(self.failure(graph, &ask.no_input));
                edges.extend(self.failure(graph, &ask.no_match));
                let terms = terms_of_ask(ask);
                (edges, ask.options.iter().map(|(name, _)| Service::Choose(name.value.clone(), terms.clone())).collect())
            }
            Step::Collect(collect) => {
                let sets = Some(collect.slot.value.clone());
                let mut edges = vec![Edge { sets, ..onward(next, 1) }];
                edges.extend(self.failure(graph, &collect.no_input));
                edges.extend(self.failure(graph, &collect.no_match));
                (edges, vec![Service::Give(collect.slot.value.clone(), terms_of_collect(collect))])
            }
            Step::OnConsent(branch) => {
                let purpose = graph.purposes.iter().position(|p| *p == branch.purpose.value).unwrap_or(0);
                let edge = |name: &Option<Spanned<String>>, given| {
                    let to = name.as_ref().and_then(|name| self.state(name)).unwrap_or(next);
                    Edge { way: Way::Consent(purpose, given), ..onward(to, 0) }
                };
                (vec![edge(&branch.given, true), edge(&branch.otherwise, false)], vec![])
            }
            Step::OnHours(branch) => {
                let hours = Question::Hours(graph.hours.iter().position(|h| *h == branch.of.value).unwrap_or(0));
                let mut edge = |name: &Option<Spanned<String>>, answer| {
                    let to = match name {
                        None => next,
                        Some(name) => self.state(name).unwrap_or_else(|| said_here(graph, state, step, name, next)),
                    };
                    Edge { way: Way::World(hours, answer), ..onward(to, 0) }
                };
                (vec![edge(&branch.open, 1), edge(&branch.closed, 0)], vec![])
            }
            Step::Choose(choose) => (self.choose(choose, at), vec![]),
            Step::Fetch(fetch) => {
                (self.fetch(fetch, at), vec![Service::LookUp(fetch.into.value.clone(), fetch.url.value.clone())])
            }
            Step::Call(name) => (self.call(graph, name, next, callers).map(|to| onward(to, 0)).into_iter().collect(), vec![]),
            // Outside a sub-dialog it is a problem of its own, and leads somewhere so that it is one problem.
            Step::Return(()) => (vec![onward(self.back.unwrap_or(graph.end), 0)], vec![]),
            Step::Handover(_) => (vec![onward(graph.handover, 0)], vec![]),
            Step::End(_) => (vec![onward(graph.end, 0)], vec![]),
        };
        let node = &mut graph.nodes[at];
        node.services.extend(services);
        // A prompt that is said last before the caller leaves is heard as any other.
        if let Step::Handover(Some(prompt)) | Step::End(Some(prompt)) = &step.value {
            node.services.push(Service::Hear(prompt.value.clone()));
        }
        node.edges = edges;
    }

    fn choose(&self, choose: &Choose, at: usize) -> Vec<Edge> {
        let branches = (0..).zip(&choose.0);
        let edges = branches.filter_map(|(answer, branch)| {
            let to = self.state(branch.value.go.as_ref().or(branch.value.otherwise.as_ref())?)?;
            Some(Edge { way: Way::World(Question::At(at), answer), ..Edge::onward(to, 0) })
        });
        edges.collect()
    }

    fn fetch(&self, fetch: &Fetch, at: usize) -> Vec<Edge> {
        let result = || Some(fetch.into.value.clone());
        let way = |answer| Way::World(Question::At(at), answer);
        let found = Edge { way: way(0), sets: result(), ..Edge::onward(at + 1, 0) };
        let failed = self.state(&fetch.failed).map(|to| Edge { way: way(1), forgets: result(), ..Edge::onward(to, 0) });
        let missing = fetch.missing.as_ref().and_then(|missing| self.state(missing));
        let missing = missing.map(|to| Edge { way: way(2), forgets: result(), ..Edge::onward(to, 0) });
        std::iter::once(found).chain(failed).chain(missing).collect()
    }

    /// Draws the sub-dialog and gives its first node.
    fn call(&self, graph: &mut Graph<'a>, name: &'a Spanned<String>, back: usize, callers: &mut Vec<&'a str>) -> Option<usize> {
        // A sub-dialog that does not exist is a problem of its own; the rest is looked at as if it were there.
        let Some(part) = self.dialog.part(&name.value) else { return Some(back) };
        let endless = callers.contains(&part.name.as_str()) || callers.len() >= DEEPEST || graph.nodes.len() > MOST_NODES;
        if endless {
            if !graph.endless.iter().any(|(_, before)| std::ptr::eq(*before, name)) {
                graph.endless.push((self.part, name));
            }
            return None;
        }
        callers.push(&part.name);
        let start = graph.draw(self.dialog, Some(part), Some(back), callers);
        callers.pop();
        graph.runs.push(Run { part, start, back });
        start
    }

    fn failure(&self, graph: &Graph, tries: &Tries) -> Option<Edge> {
        let to = match tries.then.value.as_str() {
            "handover" => graph.handover,
            "end" => graph.end,
            _ => self.state(&tries.then)?,
        };
        Some(Edge { way: Way::Failure, ..Edge::onward(to, tries.tries.value) })
    }

    fn state(&self, name: &Spanned<String>) -> Option<usize> {
        self.by_name.get(name.value.as_str()).copied()
    }
}

/// On which terms a question is put; what is usual is not said.
fn terms_of_ask(ask: &Ask) -> Terms {
    let mut terms = Vec::new();
    if !ask.barge_in {
        terms.push("not to be interrupted".to_owned());
    }
    terms.extend(patience(&ask.no_input, &ask.no_match));
    terms.join(", ")
}

/// On which terms a slot is asked for.
fn terms_of_collect(collect: &Collect) -> Terms {
    let mut terms: Vec<String> = collect.form().map(Form::in_words).into_iter().collect();
    terms.extend(collect.sensitive.then(|| "told to no colleague".to_owned()));
    terms.extend(collect.valid.as_ref().map(|check| format!("checked by {}", check.value)));
    terms.push(if collect.read_back.is_some() { "read back" } else { "not read back" }.to_owned());
    terms.extend(patience(&collect.no_input, &collect.no_match));
    terms.join(", ")
}

/// How often something is asked where that is not the usual.
fn patience(no_input: &Tries, no_match: &Tries) -> Option<String> {
    let usual = Tries::default().tries.value;
    let (silent, wrong) = (no_input.tries.value, no_match.tries.value);
    (silent != usual || wrong != usual).then(|| format!("asked {silent} times of who is silent, {wrong} of who answers wrong"))
}

/// A node for the prompt of a branch: it is said in one of the world's answers alone.
fn said_here<'a>(graph: &mut Graph<'a>, state: usize, step: &'a Spanned<Step>, prompt: &Spanned<String>, next: usize) -> usize {
    graph.nodes.push(Node {
        state: Some(state),
        step: Some(step),
        location: prompt.referenced,
        edges: vec![Edge::onward(next, 0)],
        services: vec![Service::Hear(prompt.value.clone())],
    });
    graph.nodes.len() - 1
}
