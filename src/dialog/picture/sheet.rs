//! The sheet around a picture: what dialog it is, what its lines mean, what callers can do everywhere, and the paper it fits.

use super::draw::{self, arrow};
use super::face::{self, Text};
use super::layout::{Area, Placed};
use super::measure::{BODY, SMALL, STRONG, TITLE};
use super::plan::{Manner, Words};
use super::route::short;
use crate::xml::Element;

/// Around everything (units of the picture).
const MARGIN: f64 = 32.0;
/// Between what stands beside each other in the head.
const GAP: f64 = 36.0;
/// No sheet is narrower.
const NARROWEST: f64 = 900.0;
/// What is always there, in every state: the keys and what they do.
const ALWAYS: [(&str, &str); 5] = [
    ("0", "a person"),
    ("*9", "stop recording"),
    ("*8", "ask about recording again"),
    ("*5", "repeat"),
    ("*1", "another language"),
];
/// The papers, smallest first: their name and shorter side in millimetres (ISO 216); the longer one is √2 times as long.
const PAPERS: [(&str, f64); 5] = [("A4", 210.0), ("A3", 297.0), ("A2", 420.0), ("A1", 594.0), ("A0", 841.0)];
/// Small print, in millimetres: a text that would be smaller wants a larger paper.
const READABLE: f64 = 1.4;

/// What stands at the head of a sheet.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    /// What is wrong with the dialog, if anything.
    pub(super) warnings: Vec<String>,
}

/// A sheet: its size, and what stands on it.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) elements: Vec<Element>,
}

/// Puts the picture under its head.
pub(super) fn sheet(head: &Head, placed: &Placed, picture: Vec<Element>) -> Sheet {
    let width = (placed.width + 2.0 * MARGIN).max(NARROWEST).ceil();
    let room = width - 2.0 * MARGIN;
    let mut elements = Vec::new();
    let mut below = titles(head, room, &mut elements);
    below = legend(room, below + 14.0, &mut elements) + 28.0;
    let left = ((width - placed.width) / 2.0).round();
    let moved = Element::new("g").with("transform", format!("translate({} {})", short(left), short(below)));
    elements.push(moved.children(picture));
    Sheet { width, height: (below + placed.height + MARGIN).ceil(), elements }
}

fn titles(head: &Head, room: f64, elements: &mut Vec<Element>) -> f64 {
    let mut below = MARGIN;
    let mut add = |texts: Vec<String>, set: super::measure::Type, class: &'static str| {
        for line in texts {
            below += set.line();
            elements.push(draw::text(&Text { x: MARGIN, y: below - set.line() * 0.26, class, text: line }));
        }
    };
    add(TITLE.lines(&head.title, room), TITLE, "title");
    for line in &head.lines {
        add(BODY.lines(line, room), BODY, "body");
    }
    for line in &head.warnings {
        add(STRONG.lines(line, room), STRONG, "strong broken");
    }
    below
}

/// The legend, in as many rows as the sheet's width asks for; gives where it ends.
fn legend(room: f64, top: f64, elements: &mut Vec<Element>) -> f64 {
    let (mut x, mut y) = (MARGIN + 14.0, top + 12.0);
    let mut shapes = Vec::new();
    let mut put = |width: f64, new_row: bool| {
        if new_row || x + width > MARGIN + room - 14.0 {
            (x, y) = (MARGIN + 14.0, y + if x > MARGIN + 14.0 { 26.0 } else { 0.0 });
        }
        let place = (x, y);
        x += width + GAP / 2.0;
        place
    };
    let title = |text: &str, (x, y): (f64, f64)| Text { x, y: y + 12.5, class: "strong", text: text.into() };
    let heading = "In every state, at any moment:";
    shapes.push(draw::text(&title(heading, put(STRONG.width(heading), true))));
    for (key, does) in ALWAYS {
        let face = face::of_label(&[Words::with_key(key, does)]);
        let (x, y) = put(face.width, false);
        shapes.push(draw::group(&Area { x, y: y - 3.0, width: face.width, height: face.height }, &face, "label"));
    }
    let heading = "Lines:";
    shapes.push(draw::text(&title(heading, put(STRONG.width(heading), true))));
    for (manner, means) in [
        (Manner::Plain, "a caller's way, with its key"),
        (Manner::Given, "consent given"),
        (Manner::NotGiven, "consent not given"),
        (Manner::Quiet, "when no answer comes, or none that fits"),
        (Manner::Call, "a sub-dialog, and back"),
    ] {
        let (x, y) = put(52.0 + SMALL.width(means), false);
        let d = format!("M{} {}h40", short(x), short(y + 8.5));
        let line = Element::new("path").with("class", format!("tie {}", manner.class())).with("d", d);
        shapes.push(line.with("marker-end", format!("url(#{})", arrow(manner))));
        shapes.push(draw::text(&Text { x: x + 48.0, y: y + 12.0, class: "small", text: means.into() }));
    }
    let goal = face::of_goal("name");
    let means = "goes on at that state";
    let (x, y) = put(goal.width + 6.0 + SMALL.width(means), false);
    shapes.push(draw::group(&Area { x, y: y - 1.0, width: goal.width, height: goal.height }, &goal, "sample"));
    shapes.push(draw::text(&Text { x: x + goal.width + 6.0, y: y + 12.0, class: "small", text: means.into() }));
    let below = y + 28.0;
    let border = Area { x: MARGIN, y: top, width: room, height: below - top };
    elements.push(Element::new("g").with("class", "legend").child(draw::rectangle(&border, 6.0)).children(shapes));
    below
}

/// The smallest paper on which a sheet can be read: its name, and its sides in millimetres, laid as the sheet is.
pub(super) fn paper(sheet: &Sheet) -> (&'static str, f64, f64) {
    let sides = |short: f64| {
        let long = (short * std::f64::consts::SQRT_2).round();
        if sheet.width > sheet.height { (long, short) } else { (short, long) }
    };
    let fits = |(_, short): &(&str, f64)| {
        let (across, down) = sides(*short);
        (across / sheet.width).min(down / sheet.height) * SMALL.size >= READABLE
    };
    let (name, short) = PAPERS.iter().find(|paper| fits(paper)).copied().unwrap_or(PAPERS[PAPERS.len() - 1]);
    let (across, down) = sides(short);
    (name, across, down)
}
