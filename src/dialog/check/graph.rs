//! A dialog as a graph of steps: what the rules about ways are proved on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde_saphyr::{Location, Spanned};

use crate::dialog::file::{DialogFile, Step, Tries};

/// How a caller gets along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By going on, or by what they chose.
    Onward,
    /// By saying nothing, or nothing that fits, too often.
    Failure,
    /// At an `on-consent`, while the purpose (an index into [`Graph::purposes`]) is recorded for or not.
    Consent(usize, bool),
}

/// From one node to the next.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) to: usize,
    /// How many turns of the caller it takes.
    pub(super) turns: u32,
    pub(super) way: Way,
    /// The slot that is set on the way.
    pub(super) sets: Option<String>,
}

/// A step, the place behind the last step of a state, or one of the two ways out.
#[derive(Debug)]
pub(super) struct Node {
    /// The state it belongs to (an index into [`Graph::states`]); `None` for the ways out.
    pub(super) state: Option<usize>,
    pub(super) location: Location,
    pub(super) edges: Vec<Edge>,
    /// What a caller gets here.
    pub(super) services: Vec<Service>,
}

/// What a caller can get from a dialog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// To hear a prompt (other than those of an `on-consent`).
    Hear(String),
    /// To choose an option.
    Choose(String),
    /// To give a slot.
    Give(String),
    /// A person.
    Person,
    /// A proper end.
    End,
}

/// A state: its name, its first node, and the node behind its last step.
#[derive(Debug)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) first: usize,
    pub(super) behind: usize,
}

/// All steps of a dialog and the ways between them.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) states: Vec<State>,
    pub(super) nodes: Vec<Node>,
    /// The purposes that `on-consent` steps ask about.
    pub(super) purposes: Vec<String>,
    pub(super) start: Option<usize>,
    pub(super) handover: usize,
    pub(super) end: usize,
}

/// What was reached from a node: how many turns it took, and from where.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) turns: Vec<Option<u32>>,
    from: Vec<Option<usize>>,
}

impl Reached {
    /// The nodes from the beginning to `node`.
    pub(super) fn path(&self, node: usize) -> Vec<usize> {
        let mut path = vec![node];
        let mut at = node;
        while let Some(before) = self.from[at] {
            path.push(before);
            at = before;
        }
        path.reverse();
        path
    }

    pub(super) fn has(&self, node: usize) -> bool {
        self.turns[node].is_some()
    }
}

impl Graph {
    /// The graph of a dialog. Names of states that do not exist lead nowhere.
    pub(super) fn new(dialog: &DialogFile) -> Graph {
        let mut states = Vec::new();
        let mut count = 0;
        for (name, steps) in dialog.states.iter() {
            let behind = count + steps.value.len();
            states.push(State { name: name.value.clone(), location: name.referenced, first: count, behind });
            count = behind + 1;
        }
        let mut purposes = Vec::new();
        for step in dialog.states.iter().flat_map(|(_, steps)| &steps.value) {
            if let Step::OnConsent(branch) = &step.value
                && !purposes.contains(&branch.purpose.value)
            {
                purposes.push(branch.purpose.value.clone());
            }
        }
        let by_name: BTreeMap<&str, usize> = states.iter().map(|s| (s.name.as_str(), s.first)).collect();
        let drawing = Drawing { by_name: &by_name, purposes: &purposes, handover: count, end: count + 1 };
        let mut nodes = Vec::new();
        for (state, (name, steps)) in dialog.states.iter().enumerate() {
            for step in &steps.value {
                let (edges, services) = drawing.step(&step.value, nodes.len() + 1);
                nodes.push(Node { state: Some(state), location: step.referenced, edges, services });
            }
            nodes.push(Node { state: Some(state), location: name.referenced, edges: vec![], services: vec![] });
        }
        for service in [Service::Person, Service::End] {
            nodes.push(Node { state: None, location: Location::UNKNOWN, edges: vec![], services: vec![service] });
        }
        let start = by_name.get(dialog.start.value.as_str()).copied();
        Graph { start, handover: count, end: count + 1, states, nodes, purposes }
    }

    /// What can be reached from `from` along the edges that `open` lets through, in the fewest turns.
    pub(super) fn reach(&self, from: usize, open: impl Fn(usize, &Edge) -> bool) -> Reached {
        let mut reached = Reached { turns: vec![None; self.nodes.len()], from: vec![None; self.nodes.len()] };
        let mut queue = BinaryHeap::from([Reverse((0, from, None))]);
        while let Some(Reverse((turns, node, before))) = queue.pop() {
            if reached.turns[node].is_some() {
                continue;
            }
            reached.turns[node] = Some(turns);
            reached.from[node] = before;
            for edge in self.nodes[node].edges.iter().filter(|edge| open(node, edge)) {
                queue.push(Reverse((turns.saturating_add(edge.turns), edge.to, Some(node))));
            }
        }
        reached
    }

    /// Whether a way out can be reached from each node along the edges that `open` lets through.
    pub(super) fn has_way_out(&self, open: impl Fn(&Edge) -> bool) -> Vec<bool> {
        let mut before = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for edge in node.edges.iter().filter(|edge| open(edge)) {
                before[edge.to].push(index);
            }
        }
        let mut out = vec![false; self.nodes.len()];
        let mut queue = vec![self.handover, self.end];
        while let Some(node) = queue.pop() {
            if !std::mem::replace(&mut out[node], true) {
                queue.extend(&before[node]);
            }
        }
        out
    }

    /// A way as an author reads it: the states it passes, each with its line.
    pub(super) fn in_words(&self, path: &[usize]) -> String {
        let mut stops: Vec<String> = Vec::new();
        let mut last = None;
        for &node in path {
            match self.nodes[node].state {
                Some(state) if last != Some(state) || self.states[state].first == node => {
                    let State { name, location, .. } = &self.states[state];
                    stops.push(format!("{name} (line {})", location.line()));
                    last = Some(state);
                }
                Some(_) => {}
                None => stops.push(if node == self.handover { "a person".into() } else { "the end".into() }),
            }
        }
        stops.join(" → ")
    }
}

/// What is needed to draw the edges of a step.
struct Drawing<'a> {
    by_name: &'a BTreeMap<&'a str, usize>,
    purposes: &'a [String],
    handover: usize,
    end: usize,
}

impl Drawing<'_> {
    fn step(&self, step: &Step, next: usize) -> (Vec<Edge>, Vec<Service>) {
        let onward = |to, turns| Edge { to, turns, way: Way::Onward, sets: None };
        match step {
            Step::Say(prompt) => (vec![onward(next, 0)], vec![Service::Hear(prompt.value.clone())]),
            Step::Go(state) => (self.state(state).map(|to| onward(to, 0)).into_iter().collect(), vec![]),
            Step::Ask(ask) => {
                let chosen = ask.options.iter().filter_map(|(_, choice)| Some(onward(self.state(&choice.go)?, 1)));
                let mut edges: Vec<Edge> = chosen.collect();
                edges.extend(self.failure(&ask.no_input));
                edges.extend(self.failure(&ask.no_match));
                (edges, ask.options.iter().map(|(name, _)| Service::Choose(name.value.clone())).collect())
            }
            Step::Collect(collect) => {
                let sets = Some(collect.slot.value.clone());
                let mut edges = vec![Edge { sets, ..onward(next, 1) }];
                edges.extend(self.failure(&collect.no_input));
                edges.extend(self.failure(&collect.no_match));
                (edges, vec![Service::Give(collect.slot.value.clone())])
            }
            Step::OnConsent(branch) => {
                let purpose = self.purposes.iter().position(|p| *p == branch.purpose.value).unwrap_or(0);
                let edge = |name: &Option<Spanned<String>>, given| {
                    let to = name.as_ref().and_then(|name| self.state(name)).unwrap_or(next);
                    Edge { way: Way::Consent(purpose, given), ..onward(to, 0) }
                };
                (vec![edge(&branch.given, true), edge(&branch.otherwise, false)], vec![])
            }
            Step::Handover(_) => (vec![onward(self.handover, 0)], vec![]),
            Step::End(_) => (vec![onward(self.end, 0)], vec![]),
        }
    }

    fn failure(&self, tries: &Tries) -> Option<Edge> {
        let to = match tries.then.value.as_str() {
            "handover" => self.handover,
            "end" => self.end,
            _ => self.state(&tries.then)?,
        };
        Some(Edge { to, turns: tries.tries.value, way: Way::Failure, sets: None })
    }

    fn state(&self, name: &Spanned<String>) -> Option<usize> {
        self.by_name.get(name.value.as_str()).copied()
    }
}
