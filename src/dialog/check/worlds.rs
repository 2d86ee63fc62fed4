//! Worlds: what hours, conditions and lookups say, the same for every caller. What one caller can reach is compared with what another can reach in the same
//! world, for every world; questions that make no difference are left open, so that few worlds have to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, Question, Reached, Service, Way};

/// What is said to the questions that were asked; to the others anything may be.
pub(super) type World = BTreeMap<Question, u32>;

/// Which purposes are recorded for, by their place in [`Graph::purposes`].
pub(super) type Answers = BTreeSet<usize>;

/// More worlds than this are not looked at: a dialog that needs more is refused.
const MOST_WORLDS: u32 = 20_000;

/// Callers who are at the same node and answer differently.
pub(super) struct Comparison<'a> {
    pub(super) graph: &'a Graph<'a>,
    pub(super) from: usize,
    /// Whether callers may also say nothing.
    pub(super) with_failures: bool,
}

/// How many worlds may still be looked at.
pub(super) struct Budget(u32);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(MOST_WORLDS)
    }

    fn spend(&mut self) -> Result<(), TooMany> {
        self.0 = self.0.checked_sub(1).ok_or(TooMany)?;
        Ok(())
    }
}

/// There are too many worlds to look at all of them.
#[derive(Debug)]
pub(super) struct TooMany;

/// A world in which a refusing caller does worse.
pub(super) struct Worse {
    pub(super) world: World,
    pub(super) given: Reached,
    pub(super) refused: Reached,
    /// Where the service is had, and after how many turns: with consent, and without it if at all.
    pub(super) with: (u32, usize),
    pub(super) without: Option<(u32, usize)>,
}

impl Comparison<'_> {
    /// Whether an edge can be taken; `open`: whether questions that have no answer yet may be answered in any way.
    pub(super) fn lets_through(&self, edge: &Edge, answers: &Answers, world: &World, open: bool) -> bool {
        match edge.way {
            Way::Onward => true,
            Way::Failure => self.with_failures,
            Way::Consent(purpose, given) => answers.contains(&purpose) == given,
            Way::World(question, answer) => world.get(&question).map_or(open, |said| *said == answer),
        }
    }

    pub(super) fn reach(&self, answers: &Answers, world: &World, open: bool) -> Reached {
        self.graph.reach(self.from, |_, edge| self.lets_through(edge, answers, world, open))
    }

    /// A world, in which what is asked so far is as in `world`, where a caller with fewer consents cannot have the service in one more turn at most.
    pub(super) fn worse(
        &self,
        service: &Service,
        given: &Answers,
        refused: &Answers,
        world: World,
        budget: &mut Budget,
    ) -> Result<Option<Worse>, TooMany> {
        budget.spend()?;
        let with = self.reach(given, &world, true);
        let Some(had) = nearest(self.graph, &with, service) else { return Ok(None) };
        let in_time = |other: Option<(u32, usize)>| other.is_some_and(|(turns, _)| turns <= had.0.saturating_add(1));
        // Whatever the open questions are answered: the consenting caller needs this long at least, the refusing one at most.
        if in_time(nearest(self.graph, &self.reach(refused, &world, false), service)) {
            return Ok(None);
        }
        let without = self.reach(refused, &world, true);
        let other = nearest(self.graph, &without, service);
        let way = with.path(had.1);
        let question = self.open_question(&way, given, &world).or_else(|| {
            let (_, node) = other.filter(|other| in_time(Some(*other)))?;
            self.open_question(&without.path(node), refused, &world)
        });
        let Some((question, first)) = question else {
            // Nothing that is still open lies on the consenting caller's way, and the refusing one has none in time, whatever the answers are.
            return Ok(Some(Worse { world, given: with, refused: without, with: had, without: other }));
        };
        let mut answers = self.answers(question);
        // The answer of the way that was found comes first: it is the likeliest to show a difference.
        answers.sort_by_key(|answer| *answer != first);
        for answer in answers {
            let mut asked = world.clone();
            asked.insert(question, answer);
            if let Some(worse) = self.worse(service, given, refused, asked, budget)? {
                return Ok(Some(worse));
            }
        }
        Ok(None)
    }

    /// The first open question on a way, with the answer that it takes.
    fn open_question(&self, way: &[usize], answers: &Answers, world: &World) -> Option<(Question, u32)> {
        way.windows(2).find_map(|step| {
            let mut edges = self.graph.nodes[step[0]].edges.iter();
            let edge = edges.find(|edge| edge.to == step[1] && self.lets_through(edge, answers, world, true))?;
            match edge.way {
                Way::World(question, answer) if !world.contains_key(&question) => Some((question, answer)),
                _ => None,
            }
        })
    }

    /// What can be answered to a question.
    fn answers(&self, question: Question) -> Vec<u32> {
        let asked = |edge: &Edge| match edge.way {
            Way::World(other, answer) if other == question => Some(answer),
            _ => None,
        };
        let mut answers: Vec<u32> = match question {
            Question::Hours(_) => vec![1, 0],
            Question::At(node) => self.graph.nodes[node].edges.iter().filter_map(asked).collect(),
        };
        answers.dedup();
        answers
    }
}

/// Where a service is had in the fewest turns.
pub(super) fn nearest(graph: &Graph, reached: &Reached, service: &Service) -> Option<(u32, usize)> {
    let offering = graph.nodes.iter().enumerate().filter(|(_, node)| node.services.contains(service));
    offering.filter_map(|(index, _)| Some((reached.turns[index]?, index))).min()
}
