//! A dialog as a graph of steps: what the rules about ways are proved on.
//!
//! A sub-dialog stands in it once for every `call`, so that a way leads back to where it came from and nowhere else. What the world decides
//! (opening hours, conditions, what a lookup gives) is an edge for each of its answers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde_saphyr::{Location, Spanned};

use crate::dialog::file::{Part, Step};

/// How a caller gets along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By going on, or by what they chose.
    Onward,
    /// By saying nothing, or nothing that fits, too often.
    Failure,
    /// At an `on-consent`, while the purpose (an index into [`Graph::purposes`]) is recorded for or not.
    Consent(usize, bool),
    /// As the world decides: which of its questions, and which answer to it.
    World(Question, u32),
}

impl Way {
    /// Whether consenting and refusing callers take it alike.
    pub(super) fn is_for_all(self) -> bool {
        !matches!(self, Way::Consent(..))
    }
}

/// Something that the world decides, the same for every caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// Whether these opening hours (an index into [`Graph::hours`]) are open: the same wherever it is asked in one call.
    Hours(usize),
    /// What this node's condition says, or what its lookup gives.
    At(usize),
}

/// From one node to the next.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) to: usize,
    /// How many turns of the caller it takes.
    pub(super) turns: u32,
    pub(super) way: Way,
    /// The slot or result that is set on the way.
    pub(super) sets: Option<String>,
    /// The result that is forgotten on the way.
    pub(super) forgets: Option<String>,
}

impl Edge {
    pub(super) fn onward(to: usize, turns: u32) -> Edge {
        Edge { to, turns, way: Way::Onward, sets: None, forgets: None }
    }
}

/// A step, the place behind the last step of a state, a prompt of a branch, or one of the two ways out.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The state it belongs to (an index into [`Graph::states`]); `None` for the ways out.
    pub(super) state: Option<usize>,
    /// The step; `None` for the place behind the last one and for the ways out.
    pub(super) step: Option<&'a Spanned<Step>>,
    pub(super) location: Location,
    pub(super) edges: Vec<Edge>,
    /// What a caller gets here.
    pub(super) services: Vec<Service>,
}

/// Under which conditions something is asked, as an author reads them. The same question with another check on it, without its read-back, or
/// with fewer tries is not the same service.
pub(super) type Terms = String;

/// What a caller can get from a dialog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// To hear a prompt (other than those of an `on-consent`).
    Hear(String),
    /// To choose an option, on which terms.
    Choose(String, Terms),
    /// To give a slot, on which terms.
    Give(String, Terms),
    /// To have something looked up: the result, and where it comes from.
    LookUp(String, String),
    /// A person.
    Person,
    /// A proper end.
    End,
}

/// A state as one call comes to it: its name, its first node, and the node behind its last step.
#[derive(Debug)]
pub(super) struct State<'a> {
    /// The name across files.
    pub(super) name: String,
    /// The sub-dialog it belongs to.
    pub(super) part: Option<&'a Part>,
    /// The name as written.
    pub(super) written: &'a Spanned<String>,
    pub(super) first: usize,
    pub(super) behind: usize,
}

/// One run through a sub-dialog.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) part: &'a Part,
    /// Its first node; `None` where its first state does not exist.
    pub(super) start: Option<usize>,
    /// The node to which it returns.
    pub(super) back: usize,
}

/// All steps of a dialog and the ways between them.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) states: Vec<State<'a>>,
    pub(super) nodes: Vec<Node<'a>>,
    /// The purposes that `on-consent` steps ask about.
    pub(super) purposes: Vec<&'a str>,
    /// The opening hours that `on-hours` steps ask about.
    pub(super) hours: Vec<&'a str>,
    /// The runs through sub-dialogs, one for each call.
    pub(super) runs: Vec<Run<'a>>,
    pub(super) start: Option<usize>,
    pub(super) handover: usize,
    pub(super) end: usize,
    /// Calls that were left out, since they lead round in circles or too deep.
    pub(super) endless: Vec<(Option<&'a Part>, &'a Spanned<String>)>,
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

impl Graph<'_> {
    /// What can be reached from `from` along the edges that `open` lets through, in the fewest turns.
    pub(super) fn reach(&self, from: usize, open: impl Fn(usize, &Edge) -> bool) -> Reached {
        self.reach_from([from], open)
    }

    /// The same from any of several nodes.
    pub(super) fn reach_from(&self, from: impl IntoIterator<Item = usize>, open: impl Fn(usize, &Edge) -> bool) -> Reached {
        let mut reached = Reached { turns: vec![None; self.nodes.len()], from: vec![None; self.nodes.len()] };
        let mut queue: BinaryHeap<_> = from.into_iter().map(|from| Reverse((0, from, None))).collect();
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
        self.leads_to([self.handover, self.end], open)
    }

    /// Whether any of `nodes` can be reached from each node along the edges that `open` lets through.
    pub(super) fn leads_to(&self, nodes: impl IntoIterator<Item = usize>, open: impl Fn(&Edge) -> bool) -> Vec<bool> {
        let mut before = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for edge in node.edges.iter().filter(|edge| open(edge)) {
                before[edge.to].push(index);
            }
        }
        let mut leads = vec![false; self.nodes.len()];
        let mut queue: Vec<usize> = nodes.into_iter().collect();
        while let Some(node) = queue.pop() {
            if !std::mem::replace(&mut leads[node], true) {
                queue.extend(&before[node]);
            }
        }
        leads
    }

    /// The nodes that stand for a step: one for each way into its sub-dialog.
    pub(super) fn nodes_of(&self, step: &Spanned<Step>) -> Vec<usize> {
        let is_it = |node: &Node| node.step.is_some_and(|other| std::ptr::eq(other, step));
        let all = self.nodes.iter().enumerate().filter(|(_, node)| is_it(node));
        // A prompt of a branch has a node of its own behind that of the step; the step's own comes first in its state.
        all.filter(|(index, node)| node.state.is_some_and(|state| *index <= self.states[state].behind))
            .map(|(index, _)| index)
            .collect()
    }

    /// The sub-dialog that a node stands in.
    pub(super) fn part_of(&self, node: usize) -> Option<&Part> {
        self.nodes[node].state.and_then(|state| self.states[state].part)
    }

    /// A way as an author reads it: the states it passes, each with its line.
    pub(super) fn in_words(&self, path: &[usize]) -> String {
        let mut stops: Vec<String> = Vec::new();
        let mut last = None;
        for &node in path {
            match self.nodes[node].state {
                Some(state) if last != Some(state) || self.states[state].first == node => {
                    let State { name, part, written, .. } = &self.states[state];
                    let file = part.map(|part| format!("{} ", part.file_name)).unwrap_or_default();
                    stops.push(format!("{name} ({file}line {})", written.referenced.line()));
                    last = Some(state);
                }
                Some(_) => {}
                None => stops.push(if node == self.handover { "a person".into() } else { "the end".into() }),
            }
        }
        stops.join(" → ")
    }
}
