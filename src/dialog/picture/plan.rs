//! What stands in a picture, before anybody knows where: cards with rows, ties between them, frames around them.

use std::collections::BTreeSet;

/// A state to which so many others lead is named where they end, instead of having a line from each.
const MANY: usize = 4;

/// A whole picture.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) cards: Vec<Card>,
    pub(super) ties: Vec<Tie>,
    pub(super) frames: Vec<Frame>,
}

/// What a card stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of the opening: the engine's own.
    Opening,
    /// A state; the first one of the dialog, or not.
    State { first: bool },
    /// A person: a caller's way ends well.
    Person,
    /// The end of the call.
    End,
    /// The way back from a sub-dialog.
    Back,
    /// Something that is named and does not exist.
    Missing,
}

/// A box with rows.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
    pub(super) exits: Vec<Exit>,
    /// An index into [`Plan::frames`].
    pub(super) frame: Option<usize>,
}

/// A way that ends on the card itself, in words: what happens when no answer comes, or a state to which too many others lead for lines.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) manner: Manner,
    pub(super) words: Vec<Words>,
    pub(super) to: Goal,
}

/// Where an exit leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Person(String),
    End,
    State(String),
}

impl Goal {
    pub(super) fn in_words(&self) -> String {
        match self {
            Goal::Person(name) => format!("a person: {name}"),
            Goal::End => "the end".into(),
            Goal::State(name) => name.clone(),
        }
    }
}

/// What a row or a tie is about, shown by colour, by pattern and by a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    /// A caller's way: going on, or what they chose.
    Plain,
    /// While consent is given.
    Given,
    /// While it is not.
    NotGiven,
    /// Saying nothing, or nothing that fits, too often; a lookup that fails.
    Quiet,
    /// Into a sub-dialog.
    Call,
    /// Something that keeps the dialog from passing its check.
    Broken,
}

impl Manner {
    /// The name of its look.
    pub(super) fn class(self) -> &'static str {
        match self {
            Manner::Plain => "plain",
            Manner::Given => "given",
            Manner::NotGiven => "not-given",
            Manner::Quiet => "quiet",
            Manner::Call => "call",
            Manner::Broken => "broken",
        }
    }
}

/// One step, in short.
#[derive(Debug)]
pub(super) struct Row {
    /// What the agent does: `says`, `asks`.
    pub(super) does: String,
    /// The first words of what is said, or what else there is to know.
    pub(super) text: String,
    pub(super) manner: Manner,
    pub(super) marks: Vec<Mark>,
}

impl Row {
    pub(super) fn new(does: impl Into<String>, text: impl Into<String>) -> Row {
        Row { does: does.into(), text: text.into(), manner: Manner::Plain, marks: Vec::new() }
    }

    pub(super) fn in_manner(mut self, manner: Manner) -> Row {
        self.manner = manner;
        self
    }

    pub(super) fn marked(mut self, marks: impl IntoIterator<Item = Mark>) -> Row {
        self.marks.extend(marks);
        self
    }
}

/// What is special about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing of it is kept, whatever the caller agreed to.
    Sensitive,
    /// Its turn is evidence of an agreement, for a purpose on the basis `contract`.
    Evidence(String),
    /// Anything else, in words.
    Note(String),
}

impl Mark {
    pub(super) fn in_words(&self) -> String {
        match self {
            Mark::Sensitive => "sensitive: nothing is kept".into(),
            Mark::Evidence(purpose) => format!("evidence, kept for {purpose}"),
            Mark::Note(words) => words.clone(),
        }
    }
}

/// A line from one card to another.
#[derive(Debug)]
pub(super) struct Tie {
    /// Indices into [`Plan::cards`].
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) manner: Manner,
    pub(super) words: Vec<Words>,
}

/// One line of a tie's label: what a caller presses, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) key: Option<String>,
    pub(super) text: String,
}

impl Words {
    pub(super) fn new(text: impl Into<String>) -> Words {
        Words { key: None, text: text.into() }
    }

    pub(super) fn with_key(key: impl Into<String>, text: impl Into<String>) -> Words {
        Words { key: Some(key.into()), text: text.into() }
    }
}

/// A border around cards that belong together.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    /// Whether it is the opening: the engine's own, which no dialog changes.
    pub(super) opening: bool,
}

impl Plan {
    pub(super) fn card(&mut self, kind: Kind, name: impl Into<String>, frame: Option<usize>) -> usize {
        self.cards.push(Card { kind, name: name.into(), rows: Vec::new(), exits: Vec::new(), frame });
        self.cards.len() - 1
    }

    pub(super) fn row(&mut self, card: usize, row: Row) {
        if let Some(card) = self.cards.get_mut(card) {
            card.rows.push(row);
        }
    }

    /// The cards with a line to `card`, each once, in order.
    fn leading_to(&self, card: usize) -> BTreeSet<usize> {
        self.ties.iter().filter(|tie| tie.to == card && tie.from != card).map(|tie| tie.from).collect()
    }

    /// Cuts the lines to states to which many others lead: one line is left, from the first of them, and the others end in the state's
    /// name. Else such lines would cross all of the picture.
    pub(super) fn cut_long_lines(&mut self) {
        for card in 0..self.cards.len() {
            let leading = self.leading_to(card);
            let is_state = matches!(self.cards.get(card), Some(Card { kind: Kind::State { .. }, .. }));
            if !is_state || leading.len() < MANY {
                continue;
            }
            let of_a_state = |from: &&usize| self.cards.get(**from).is_some_and(|card| matches!(card.kind, Kind::State { .. }));
            let first = leading.iter().find(of_a_state).copied();
            for from in leading.into_iter().filter(|from| Some(*from) != first) {
                self.cut(from, card);
            }
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        let name = self.cards.get(to).map_or(String::new(), |card| card.name.clone());
        let Some(source) = self.cards.get_mut(from).filter(|card| card.kind != Kind::Opening) else { return };
        let (cut, left): (Vec<Tie>, Vec<Tie>) =
            std::mem::take(&mut self.ties).into_iter().partition(|tie| (tie.from, tie.to) == (from, to));
        self.ties = left;
        source.exits.extend(cut.into_iter().map(|tie| Exit {
            manner: tie.manner,
            words: tie.words,
            to: Goal::State(name.clone()),
        }));
    }

    pub(super) fn exit(&mut self, card: usize, exit: Exit) {
        if let Some(card) = self.cards.get_mut(card) {
            card.exits.push(exit);
        }
    }

    /// A line between two cards. Lines of the same kind between the same cards become one, with a label of several lines.
    pub(super) fn tie(&mut self, from: usize, to: usize, manner: Manner, words: impl IntoIterator<Item = Words>) {
        let like = |tie: &&mut Tie| (tie.from, tie.to, tie.manner) == (from, to, manner);
        match self.ties.iter_mut().find(like) {
            Some(tie) => tie.words.extend(words),
            None => self.ties.push(Tie { from, to, manner, words: words.into_iter().collect() }),
        }
    }
}
