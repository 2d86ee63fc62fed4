//! Where everything stands. The ranks, the order in them and the positions are [`dagre`]'s; the ways of the lines between its points are
//! drawn in [`super::route`].

use std::collections::BTreeMap;

use dagre::graph::{Graph, GraphOptions};
use dagre::layout::types::LabelPos;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};

use super::face::{self, Face};
use super::plan::{Plan, Tie};
use super::route::{self, Point, Way};

/// Around what a frame holds.
const INSIDE: f64 = 16.0;
/// Above it, for its title.
const TITLE: f64 = 34.0;

/// A rectangle of the picture, by its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(super) fn centre(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }

    /// The smallest rectangle around both.
    fn and(self, other: Area) -> Area {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Area { x, y, width: self.right().max(other.right()) - x, height: self.bottom().max(other.bottom()) - y }
    }

    fn moved(self, dx: f64, dy: f64) -> Area {
        Area { x: self.x + dx, y: self.y + dy, ..self }
    }
}

/// A plan with places.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) cards: Vec<(Area, Face)>,
    pub(super) ties: Vec<PlacedTie>,
    pub(super) frames: Vec<Area>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A line with its way and, where it has one, its label.
#[derive(Debug)]
pub(super) struct PlacedTie {
    pub(super) way: Way,
    pub(super) label: Option<(Area, Face)>,
}

/// A picture of more cards is laid out once: a second look would take too long.
const LOOKED_AT_TWICE: usize = 120;

/// Finds a place for everything.
pub(super) fn place(plan: &Plan) -> Placed {
    let faces: Vec<Face> = plan.cards.iter().map(face::of_card).collect();
    let labels: Vec<Face> = plan.ties.iter().map(|tie| face::of_label(&tie.words)).collect();
    // Of orders with as many crossings dagre keeps the first or the last it finds. The first is the nearest to that of the file, with
    // key 1 at the left; the last is taken where fewer lines cross in it.
    let first = Arrangement::new(plan, &faces, &labels, true);
    let arrangement = if plan.cards.len() > LOOKED_AT_TWICE || route::crossings(&first.ways) == 0 {
        first
    } else {
        let last = Arrangement::new(plan, &faces, &labels, false);
        if route::crossings(&last.ways) < route::crossings(&first.ways) { last } else { first }
    };
    arrangement.counted_from_its_corner(faces, labels)
}

/// Places as dagre counts them, from anywhere.
struct Arrangement {
    cards: Vec<Area>,
    labels: Vec<Option<Area>>,
    frames: Vec<Area>,
    ways: Vec<Way>,
}

impl Arrangement {
    fn new(plan: &Plan, faces: &[Face], labels: &[Face], tie_keep_first: bool) -> Arrangement {
        let mut graph = graph(plan, faces, labels);
        let options = LayoutOptions {
            rankdir: RankDir::TB,
            nodesep: 34.0,
            edgesep: 22.0,
            ranksep: 72.0,
            tie_keep_first,
            ..LayoutOptions::default()
        };
        dagre::layout(&mut graph, Some(options));
        let cards: Vec<Area> = faces.iter().enumerate().map(|(at, face)| card_area(&graph, at, face)).collect();
        let labels: Vec<Option<Area>> = labels.iter().enumerate().map(|(at, face)| label_area(&graph, plan, at, face)).collect();
        let line = |(at, tie): (usize, &Tie)| route::Line { from: tie.from, to: tie.to, points: points(&graph, plan, at) };
        let lines: Vec<route::Line> = plan.ties.iter().enumerate().map(line).collect();
        let ways = route::ways(&cards, &labels, &lines);
        let frames = (0..plan.frames.len()).map(|frame| frame_area(plan, frame, &cards, &labels)).collect();
        Arrangement { cards, labels, frames, ways }
    }

    /// With everything counted from the upper left corner.
    fn counted_from_its_corner(self, faces: Vec<Face>, labels: Vec<Face>) -> Placed {
        let things = self.cards.iter().chain(self.labels.iter().flatten()).chain(&self.frames).copied();
        let all = things.chain(self.ways.iter().map(Way::area)).reduce(Area::and).unwrap_or_default();
        let (dx, dy) = (-all.x, -all.y);
        let label = |(area, face): (Option<Area>, Face)| area.map(|area| (area.moved(dx, dy), face));
        let ties = self.ways.into_iter().zip(self.labels.into_iter().zip(labels).map(label));
        Placed {
            cards: self.cards.into_iter().map(|area| area.moved(dx, dy)).zip(faces).collect(),
            ties: ties.map(|(way, label)| PlacedTie { way: way.moved(dx, dy), label }).collect(),
            frames: self.frames.into_iter().map(|area| area.moved(dx, dy)).collect(),
            width: all.width,
            height: all.height,
        }
    }
}

fn name(card: usize) -> String {
    format!("card {card}")
}

fn graph(plan: &Plan, faces: &[Face], labels: &[Face]) -> Graph<NodeLabel, EdgeLabel> {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: true });
    for (at, face) in faces.iter().enumerate() {
        graph.set_node(name(at), Some(NodeLabel { width: face.width, height: face.height, ..NodeLabel::default() }));
    }
    for frame in 0..plan.frames.len() {
        // A frame without cards has no place, and dagre would give it one.
        if plan.cards.iter().any(|card| card.frame == Some(frame)) {
            graph.set_node(format!("frame {frame}"), Some(NodeLabel::default()));
        }
    }
    for (at, card) in plan.cards.iter().enumerate() {
        if let Some(frame) = card.frame {
            graph.set_parent(&name(at), Some(&format!("frame {frame}")));
        }
    }
    for (at, (tie, label)) in plan.ties.iter().zip(labels).enumerate() {
        let label = EdgeLabel { width: label.width, height: label.height, labelpos: LabelPos::Center, ..EdgeLabel::default() };
        graph.set_edge(name(tie.from), name(tie.to), Some(label), Some(&format!("tie {at}")));
    }
    graph
}

fn card_area(graph: &Graph<NodeLabel, EdgeLabel>, at: usize, face: &Face) -> Area {
    let node = graph.node(&name(at));
    let centre = |value: Option<f64>, size: f64| value.unwrap_or_default() - size / 2.0;
    let (x, y) = node.map_or((0.0, 0.0), |node| (centre(node.x, face.width), centre(node.y, face.height)));
    Area { x, y, width: face.width, height: face.height }
}

fn edge<'a>(graph: &'a Graph<NodeLabel, EdgeLabel>, plan: &Plan, at: usize) -> Option<&'a EdgeLabel> {
    let tie = plan.ties.get(at)?;
    graph.edge(&name(tie.from), &name(tie.to), Some(&format!("tie {at}")))
}

fn label_area(graph: &Graph<NodeLabel, EdgeLabel>, plan: &Plan, at: usize, face: &Face) -> Option<Area> {
    let edge = edge(graph, plan, at).filter(|_| face.width > 0.0)?;
    let (x, y) = (edge.x? - face.width / 2.0, edge.y? - face.height / 2.0);
    Some(Area { x, y, width: face.width, height: face.height })
}

/// The points that a line passes between its cards.
fn points(graph: &Graph<NodeLabel, EdgeLabel>, plan: &Plan, at: usize) -> Vec<Point> {
    let points = edge(graph, plan, at).map(|edge| edge.points.as_slice()).unwrap_or_default();
    // The first and the last are where dagre would let it touch the cards.
    let between = points.get(1..points.len().saturating_sub(1)).unwrap_or_default();
    between.iter().map(|point| Point { x: point.x, y: point.y }).collect()
}

fn frame_area(plan: &Plan, frame: usize, cards: &[Area], labels: &[Option<Area>]) -> Area {
    let inside = |card: usize| plan.cards.get(card).is_some_and(|card| card.frame == Some(frame));
    let of_cards = cards.iter().enumerate().filter(|(at, _)| inside(*at)).map(|(_, area)| *area);
    let of_ties =
        plan.ties.iter().zip(labels).filter(|(tie, _)| inside(tie.from) && inside(tie.to)).filter_map(|(_, area)| *area);
    let held = of_cards.chain(of_ties).reduce(Area::and).unwrap_or_default();
    Area { x: held.x - INSIDE, y: held.y - TITLE, width: held.width + 2.0 * INSIDE, height: held.height + TITLE + INSIDE }
}

/// The ranks of a picture: how far what stands in each reaches above and below its middle.
pub(super) fn bands(cards: &[Area], labels: &[Option<Area>]) -> BTreeMap<i64, f64> {
    let mut bands = BTreeMap::new();
    for area in cards.iter().chain(labels.iter().flatten()) {
        let half: &mut f64 = bands.entry(band(area.centre().y)).or_default();
        *half = half.max(area.height / 2.0);
    }
    bands
}

/// The rank whose middle is at `y`.
pub(super) fn band(y: f64) -> i64 {
    // Positions of one rank are the same but for the rounding of sums.
    #[allow(clippy::cast_possible_truncation)]
    let rounded = (y * 10.0).round() as i64;
    rounded
}
