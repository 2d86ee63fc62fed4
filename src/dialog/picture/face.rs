//! What a card looks like: its texts broken into lines and set one under the other, so that its size is known before it has a place.

use super::measure::{BODY, NAME, SMALL, STRONG, Type};
use super::plan::{Card, Exit, Goal, Kind, Manner, Mark, Row, Words};

/// How wide the card of a state is.
const CARD: f64 = 320.0;
/// Between a border and what stands in it.
const MARGIN: f64 = 12.0;
/// Where the texts begin, to the right of what the agent does.
const TEXTS: f64 = 82.0;
/// The widest a way out may be.
const WAY_OUT: f64 = 190.0;
/// Beside the name of a way out: for its sign.
const SIGN: f64 = 26.0;

/// A text on one line, from its own corner on.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) x: f64,
    /// The base line.
    pub(super) y: f64,
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// A box behind texts.
#[derive(Debug)]
pub(super) struct Box {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) look: Look,
}

/// What a box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Behind the name of a card.
    Head,
    /// At the side of a row that consent decides, or that is wrong; it has no width.
    Bar(Manner),
    /// Between rows and exits; it has no height.
    Rule,
    /// The line of an exit; it has no height.
    Exit(Manner),
    /// Around where an exit leads.
    Person,
    End,
    Onto,
    /// A key of a telephone.
    Key,
    /// Around a mark, and the sign at its beginning.
    Sensitive,
    Evidence,
    Sign,
}

/// A thing with a size, with what stands in it.
#[derive(Debug, Default)]
pub(super) struct Face {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Box>,
    pub(super) texts: Vec<Text>,
}

impl Face {
    /// Sets lines under each other from `y` on; gives where they end.
    fn lines(&mut self, lines: Vec<String>, x: f64, y: f64, set: Type, class: &'static str) -> f64 {
        let mut below = y;
        for text in lines {
            below += set.line();
            self.texts.push(Text { x, y: below - set.line() * 0.26, class, text });
        }
        below
    }
}

/// The face of a card.
pub(super) fn of_card(card: &Card) -> Face {
    match card.kind {
        Kind::Opening | Kind::State { .. } => with_rows(card),
        Kind::Person | Kind::End | Kind::Back => way_out(card, SIGN),
        Kind::Missing => way_out(card, 0.0),
    }
}

/// What stands before the name of a card that is no state.
fn in_front(kind: Kind) -> &'static str {
    if kind == Kind::Missing { "not there: " } else { "" }
}

fn way_out(card: &Card, sign: f64) -> Face {
    let lines = STRONG.lines(&format!("{}{}", in_front(card.kind), card.name), WAY_OUT - sign - 2.0 * MARGIN);
    let widest = lines.iter().map(|line| STRONG.width(line)).fold(0.0, f64::max);
    let mut face = Face { width: (widest + sign + 2.0 * MARGIN).ceil(), ..Face::default() };
    face.height = face.lines(lines, MARGIN + sign, 8.0, STRONG, "strong") + 8.0;
    face
}

fn with_rows(card: &Card) -> Face {
    let mut face = Face { width: CARD, ..Face::default() };
    let first = if card.kind == (Kind::State { first: true }) { "begins here" } else { "" };
    let room = CARD - 2.0 * MARGIN - SMALL.width(first) - 6.0;
    let head = face.lines(NAME.lines(&card.name, room), MARGIN, 5.0, NAME, "name") + 6.0;
    if !first.is_empty() {
        let x = CARD - MARGIN - SMALL.width(first);
        face.texts.push(Text { x, y: NAME.line(), class: "small", text: first.into() });
    }
    face.boxes.push(Box { x: 0.0, y: 0.0, width: CARD, height: head, look: Look::Head });
    face.height = head + 4.0;
    for row in &card.rows {
        add_row(&mut face, row);
    }
    if !card.exits.is_empty() {
        face.height += 3.0;
        face.boxes.push(Box { x: 0.0, y: face.height, width: CARD, height: 0.0, look: Look::Rule });
        face.height += 2.0;
    }
    for exit in &card.exits {
        add_exit(&mut face, exit);
    }
    face.height += 4.0;
    face
}

/// A way that ends here: a short line in its look, what it is, and where it leads.
fn add_exit(face: &mut Face, exit: &Exit) {
    let top = face.height;
    let room = CARD - TEXTS - MARGIN;
    let mut below = top + 2.0;
    for Words { key, text } in &exit.words {
        let mut x = TEXTS;
        if let Some(key) = key {
            let width = (STRONG.width(key) + 10.0).max(18.0);
            face.boxes.push(Box { x, y: below, width, height: 16.0, look: Look::Key });
            face.texts.push(Text {
                x: x + (width - STRONG.width(key)) / 2.0,
                y: below + 12.0,
                class: "strong",
                text: key.clone(),
            });
            x += width + 5.0;
        }
        let set = face.lines(SMALL.lines(text, room - (x - TEXTS)), x, below + 1.0, SMALL, "small label");
        below = set.max(below + if key.is_some() { 17.0 } else { 0.0 });
    }
    let end = add_goal(face, &exit.to, TEXTS, below + 2.0, room);
    face.boxes.push(Box {
        x: MARGIN,
        y: (below + end) / 2.0 + 2.5,
        width: TEXTS - MARGIN - 5.0,
        height: 0.0,
        look: Look::Exit(exit.manner),
    });
    face.height = end + 6.0;
}

fn add_row(face: &mut Face, row: &Row) {
    let top = face.height;
    let does = match row.manner {
        Manner::Given => "strong given",
        Manner::NotGiven => "strong not-given",
        Manner::Broken => "strong broken",
        _ => "small",
    };
    // What the agent does stands on the same base line as the first words.
    face.texts.push(Text { x: MARGIN, y: top + 3.0 + BODY.line() * 0.74, class: does, text: row.does.clone() });
    let room = CARD - TEXTS - MARGIN;
    let mut below = face.lines(BODY.lines(&row.text, room), TEXTS, top + 3.0, BODY, "body");
    for mark in &row.marks {
        below = add_mark(face, mark, below);
    }
    below = below.max(top + 3.0 + BODY.line());
    if matches!(row.manner, Manner::Given | Manner::NotGiven | Manner::Broken) {
        face.boxes.push(Box { x: 3.5, y: top + 3.0, width: 0.0, height: below - top - 3.0, look: Look::Bar(row.manner) });
    }
    face.height = below + 3.0;
}

fn add_mark(face: &mut Face, mark: &Mark, top: f64) -> f64 {
    let room = CARD - TEXTS - MARGIN;
    let (set, class) = match mark {
        Mark::Note(_) => (SMALL, "small"),
        Mark::Sensitive | Mark::Evidence(_) => (STRONG, "strong"),
    };
    if matches!(mark, Mark::Note(_)) {
        return face.lines(set.lines(&mark.in_words(), room), TEXTS, top, set, class);
    }
    let lines = set.lines(&mark.in_words(), room - 24.0);
    let widest = lines.iter().map(|line| set.width(line)).fold(0.0, f64::max);
    let below = face.lines(lines, TEXTS + 18.0, top + 5.0, set, class) + 3.0;
    let kind = if *mark == Mark::Sensitive { Look::Sensitive } else { Look::Evidence };
    face.boxes.push(Box { x: TEXTS, y: top + 3.0, width: widest + 24.0, height: below - top - 3.0, look: kind });
    face.boxes.push(Box { x: TEXTS + 4.0, y: top + 7.0, width: 9.0, height: below - top - 11.0, look: Look::Sign });
    below + 2.0
}

/// Where something leads, in a border with its sign; gives where the border ends, less what is between lines.
fn add_goal(face: &mut Face, goal: &Goal, x: f64, y: f64, room: f64) -> f64 {
    let look = match goal {
        Goal::Person(_) => Look::Person,
        Goal::End => Look::End,
        Goal::State(_) => Look::Onto,
    };
    let lines = STRONG.lines(&goal.in_words(), room - 34.0);
    let widest = lines.iter().map(|line| STRONG.width(line)).fold(0.0, f64::max);
    let end = face.lines(lines, x + 24.0, y + 2.0, STRONG, "strong");
    face.boxes.push(Box { x, y, width: widest + 34.0, height: end - y + 3.0, look });
    end
}

/// What the names of states at the end of a card mean, for the legend.
pub(super) fn of_goal(name: &str) -> Face {
    let mut face = Face::default();
    face.height = add_goal(&mut face, &Goal::State(name.to_owned()), 0.0, 0.0, CARD) + 3.0;
    face.width = STRONG.width(name) + 34.0;
    face
}

/// A label on a line: keys as on a telephone, names beside them. Empty where there are no words.
pub(super) fn of_label(words: &[Words]) -> Face {
    const WIDEST: f64 = 190.0;
    let mut face = Face::default();
    if words.is_empty() {
        return face;
    }
    let mut below = 2.0;
    for Words { key, text } in words {
        let mut x = 4.0;
        if let Some(key) = key {
            let width = (STRONG.width(key) + 10.0).max(18.0);
            face.boxes.push(Box { x, y: below + 0.5, width, height: 16.0, look: Look::Key });
            let at = x + (width - STRONG.width(key)) / 2.0;
            face.texts.push(Text { x: at, y: below + 12.5, class: "strong", text: key.clone() });
            x += width + 5.0;
        }
        let lines = SMALL.lines(text, WIDEST - x);
        let widest = lines.iter().map(|line| SMALL.width(line)).fold(0.0, f64::max);
        let set = face.lines(lines, x, below + 1.5, SMALL, "small label");
        below = set.max(below + if key.is_some() { 16.0 } else { 0.0 }) + 2.0;
        face.width = face.width.max(x + widest + 4.0);
    }
    face.width = face.width.ceil();
    face.height = (below + 1.0).ceil();
    face
}
