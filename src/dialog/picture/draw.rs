//! Cards, lines and frames as elements of SVG.

use super::face::{Box, Face, Look, Text};
use super::layout::{Area, Placed};
use super::plan::{Card, Frame, Kind, Manner, Plan};
use super::route::short;
use crate::xml::Element;

/// Frames at the back, then lines, then labels, and the cards in front of all.
pub(super) fn elements(plan: &Plan, placed: &Placed) -> Vec<Element> {
    let frames =
        plan.frames.iter().zip(&placed.frames).filter(|(_, area)| area.width > 40.0).map(|(frame, area)| framed(frame, area));
    let named = |card: usize| plan.cards.get(card).map_or(String::new(), |card| card.name.clone());
    let lines = plan.ties.iter().zip(&placed.ties).map(|(tie, placed)| {
        Element::new("path")
            .with("class", format!("tie {}", tie.manner.class()))
            .with("data-from", named(tie.from))
            .with("data-to", named(tie.to))
            .with("marker-end", format!("url(#{})", arrow(tie.manner)))
            .with("d", placed.way.path())
    });
    let labels = plan.ties.iter().zip(&placed.ties).filter_map(|(tie, placed)| {
        let (area, face) = placed.label.as_ref()?;
        let words: Vec<&str> = tie.words.iter().map(|words| words.text.as_str()).collect();
        Some(group(area, face, format!("label {}", tie.manner.class())).with("data-words", words.join("; ")))
    });
    let cards = plan.cards.iter().zip(&placed.cards).map(|(card, (area, face))| drawn(card, area, face));
    frames.chain(lines).chain(labels).chain(cards).collect()
}

/// The ends of lines, one for each look.
pub(super) fn arrows() -> Element {
    let arrow = |id: &str| {
        let head = Element::new("path").with("class", format!("head-{id}")).with("d", "M0 0L9 4.5L0 9z");
        Element::new("marker")
            .with("id", id)
            .with("viewBox", "0 0 9 9")
            .with("refX", "8.5")
            .with("refY", "4.5")
            .with("markerWidth", "9")
            .with("markerHeight", "9")
            .with("markerUnits", "userSpaceOnUse")
            .with("orient", "auto")
            .child(head)
    };
    let stripes = Element::new("pattern")
        .with("id", "stripes")
        .with("width", "5")
        .with("height", "5")
        .with("patternUnits", "userSpaceOnUse")
        .with("patternTransform", "rotate(45)")
        .child(Element::new("rect").with("width", "5").with("height", "5").with("fill", "#fff"))
        .child(Element::new("rect").with("width", "1.6").with("height", "5").with("fill", "#333"));
    Element::new("defs").children(["way", "given-way", "not-given-way", "quiet-way"].map(arrow)).child(stripes)
}

/// The id of the arrow of a look.
pub(super) fn arrow(manner: Manner) -> &'static str {
    match manner {
        Manner::Plain | Manner::Call | Manner::Broken => "way",
        Manner::Given => "given-way",
        Manner::NotGiven => "not-given-way",
        Manner::Quiet => "quiet-way",
    }
}

fn framed(frame: &Frame, area: &Area) -> Element {
    let look = if frame.opening { "frame opening" } else { "frame" };
    let title = Text { x: area.x + 14.0, y: area.y + 20.0, class: "strong", text: frame.title.clone() };
    Element::new("g").with("class", look).child(rectangle(area, 10.0)).child(text(&title))
}

fn drawn(card: &Card, area: &Area, face: &Face) -> Element {
    let (look, corner) = match card.kind {
        Kind::Opening => ("card of-the-opening", 4.0),
        Kind::State { first: true } => ("card state first", 8.0),
        Kind::State { first: false } => ("card state", 8.0),
        Kind::Person => ("card person", area.height / 2.0),
        Kind::End => ("card end", area.height / 2.0),
        Kind::Back => ("card back", area.height / 2.0),
        Kind::Missing => ("card missing", 4.0),
    };
    let broken = card.rows.iter().any(|row| row.manner == Manner::Broken);
    let look = if broken { format!("{look} broken") } else { look.to_owned() };
    let own = Area { x: 0.0, y: 0.0, ..*area };
    let mut shapes = vec![rectangle(&own, corner).with("class", "border")];
    if matches!(card.kind, Kind::Opening | Kind::End) {
        // A second border: told from the others without colour.
        let inner = Area { x: 3.0, y: 3.0, width: area.width - 6.0, height: area.height - 6.0 };
        shapes.push(rectangle(&inner, (corner - 3.0).max(2.0)).with("class", "inner"));
    }
    shapes.extend(sign(card.kind, area.height / 2.0));
    let group = Element::new("g").with("class", look).with("transform", moved(area));
    let group = if let Kind::State { .. } = card.kind { group.with("data-state", card.name.as_str()) } else { group };
    group.children(shapes).children(contents(face))
}

/// What stands before the name of a way out: a person, the end, the way back.
fn sign(kind: Kind, middle: f64) -> Vec<Element> {
    match kind {
        Kind::Person => person(22.0, middle),
        Kind::End => vec![stop(21.0, middle)],
        Kind::Back => vec![arrow_sign(21.0, middle, -1.0)],
        _ => Vec::new(),
    }
}

fn person(x: f64, y: f64) -> Vec<Element> {
    let (x, head) = (short(x), short(y - 4.5));
    let head = Element::new("circle").with("class", "sign").with("cx", x.as_str()).with("cy", head).with("r", "3.8");
    let body = format!("M{x} {}m-7.5 0a7.5 7.5 0 0 1 15 0z", short(y + 8.0));
    vec![head, Element::new("path").with("class", "sign").with("d", body)]
}

fn stop(x: f64, y: f64) -> Element {
    rectangle(&Area { x: x - 5.0, y: y - 5.0, width: 10.0, height: 10.0 }, 0.0).with("class", "sign")
}

/// An arrow to the right, or (`towards` −1) to the left.
fn arrow_sign(x: f64, y: f64, towards: f64) -> Element {
    let [half, tip] = [6.0 * towards, 6.0 * towards].map(short);
    let d = format!(
        "M{} {}h{half}v-4l{tip} 6l{} 6v-4h{}z",
        short(x - 6.0 * towards),
        short(y - 2.0),
        short(-6.0 * towards),
        short(-6.0 * towards)
    );
    Element::new("path").with("class", "sign").with("d", d)
}

/// The texts of a face with the boxes behind them, at its place.
pub(super) fn group(area: &Area, face: &Face, class: impl Into<String>) -> Element {
    let own = Area { x: 0.0, y: 0.0, ..*area };
    let behind = rectangle(&own, 3.0).with("class", "behind");
    Element::new("g").with("class", class).with("transform", moved(area)).child(behind).children(contents(face))
}

fn contents(face: &Face) -> Vec<Element> {
    let boxes = face.boxes.iter().flat_map(boxed);
    boxes.chain(face.texts.iter().map(text)).collect()
}

fn boxed(shape: &Box) -> Vec<Element> {
    let Box { x, y, width, height, .. } = *shape;
    let area = Area { x, y, width, height };
    let line = |d: String, class: String| Element::new("path").with("class", class).with("d", d);
    let across = format!("M{} {}h{}", short(x), short(y), short(width));
    match shape.look {
        // A line, because a line can have a pattern.
        Look::Bar(manner) => {
            vec![line(format!("M{} {}v{}", short(x), short(y), short(height)), format!("bar {}", manner.class()))]
        }
        Look::Rule => vec![line(across, "rule".into())],
        Look::Exit(manner) => {
            vec![line(across, format!("tie {}", manner.class())).with("marker-end", format!("url(#{})", arrow(manner)))]
        }
        // Round above, where the card is.
        Look::Head => {
            let (below, right) = (short(height), short(width - 8.0));
            vec![line(format!("M1 {below}V8a7 7 0 0 1 7 -7H{right}a7 7 0 0 1 7 7V{below}z"), "head".into())]
        }
        Look::Key => vec![rectangle(&area, 3.0).with("class", "key")],
        Look::Sensitive => vec![rectangle(&area, 3.0).with("class", "sensitive")],
        Look::Evidence => vec![rectangle(&area, 3.0).with("class", "evidence")],
        Look::Sign => vec![rectangle(&area, 1.0).with("class", "sign")],
        Look::Person => with_sign(&area, "goal person", person(x + 13.0, y + height / 2.0)),
        Look::End => with_sign(&area, "goal end", vec![stop(x + 13.0, y + height / 2.0)]),
        Look::Onto => with_sign(&area, "goal onto", vec![arrow_sign(x + 13.0, y + height / 2.0, 1.0)]),
    }
}

fn with_sign(area: &Area, class: &str, sign: Vec<Element>) -> Vec<Element> {
    std::iter::once(rectangle(area, area.height / 2.0).with("class", class)).chain(sign).collect()
}

pub(super) fn rectangle(area: &Area, corner: f64) -> Element {
    Element::new("rect")
        .with("x", short(area.x))
        .with("y", short(area.y))
        .with("width", short(area.width))
        .with("height", short(area.height))
        .with("rx", short(corner))
}

pub(super) fn text(text: &Text) -> Element {
    Element::new("text").with("class", text.class).with("x", short(text.x)).with("y", short(text.y)).text(text.text.as_str())
}

fn moved(area: &Area) -> String {
    format!("translate({} {})", short(area.x), short(area.y))
}
