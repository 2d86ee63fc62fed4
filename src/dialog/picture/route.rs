//! The ways of lines: straight down through each rank, so that they pass beside what stands in it, and in curves between the ranks, where
//! nothing stands. Where several lines touch a card they do so in the order in which they come, side by side.

use std::collections::BTreeMap;

use super::layout::{Area, band, bands};

/// A place of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A line before it has a way: its cards, and the points between them.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) points: Vec<Point>,
}

/// The way of a line. From each point to the next it is straight where that is straight down or up, and a curve otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Way(pub(super) Vec<Point>);

impl Way {
    /// As the `d` of an SVG path.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        let mut last: Option<Point> = None;
        for point in &self.0 {
            let (x, y) = (short(point.x), short(point.y));
            path += &match last {
                None => format!("M{x} {y}"),
                Some(before) if (before.x - point.x).abs() < 0.5 => format!("L{x} {y}"),
                Some(before) if (before.y - point.y).abs() < 0.5 => format!("L{x} {y}"),
                Some(before) => {
                    let middle = short((before.y + point.y) / 2.0);
                    format!("C{} {middle} {x} {middle} {x} {y}", short(before.x))
                }
            };
            last = Some(*point);
        }
        path
    }

    pub(super) fn area(&self) -> Area {
        let fold = |of: fn(&Point) -> f64, pick: fn(f64, f64) -> f64| self.0.iter().map(of).reduce(pick).unwrap_or_default();
        let (x, y) = (fold(|p| p.x, f64::min), fold(|p| p.y, f64::min));
        Area { x, y, width: fold(|p| p.x, f64::max) - x, height: fold(|p| p.y, f64::max) - y }
    }

    pub(super) fn moved(mut self, dx: f64, dy: f64) -> Way {
        for point in &mut self.0 {
            point.x += dx;
            point.y += dy;
        }
        self
    }
}

/// A number with one digit behind the point, and none where it is nought.
pub(super) fn short(number: f64) -> String {
    let shown = format!("{number:.1}");
    let shown = shown.strip_suffix(".0").unwrap_or(&shown);
    if shown == "-0" { "0".into() } else { shown.into() }
}

/// Which side of a card a line touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Top,
    Bottom,
}

/// The ways of all lines.
pub(super) fn ways(cards: &[Area], labels: &[Option<Area>], lines: &[Line]) -> Vec<Way> {
    let bands = bands(cards, labels);
    let ends = ends(cards, lines);
    lines.iter().enumerate().map(|(at, line)| way(at, line, cards, &bands, &ends)).collect()
}

/// What touches one side of a card: towards where, which line, and whether it begins here.
type Touches = Vec<(f64, usize, bool)>;

/// Where each line touches its cards: by the line and whether it is its beginning.
type Ends = BTreeMap<(usize, bool), Point>;

fn ends(cards: &[Area], lines: &[Line]) -> Ends {
    let mut touching: BTreeMap<(usize, Side), Touches> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.from != line.to) {
        for (card, next, begins) in [(line.from, line.points.first(), true), (line.to, line.points.last(), false)] {
            let (Some(area), Some(other)) = (cards.get(card), cards.get(if begins { line.to } else { line.from })) else {
                continue;
            };
            let next = next.copied().unwrap_or_else(|| other.centre());
            let side = if next.y < area.centre().y { Side::Top } else { Side::Bottom };
            touching.entry((card, side)).or_default().push((next.x, at, begins));
        }
    }
    let mut ends = Ends::new();
    for ((card, side), mut touches) in touching {
        let Some(area) = cards.get(card) else { continue };
        touches.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let y = if side == Side::Top { area.y } else { area.bottom() };
        for (x, (_, line, begins)) in spread(area, &touches).into_iter().zip(touches) {
            ends.insert((line, begins), Point { x, y });
        }
    }
    ends
}

/// Places along a side of a card: each as near as can be to where its line goes, in order and apart.
fn spread(area: &Area, touches: &[(f64, usize, bool)]) -> Vec<f64> {
    let inset = 14.0_f64.min(area.width / 4.0);
    let (left, right) = (area.x + inset, area.right() - inset);
    #[allow(clippy::cast_precision_loss)]
    let (count, index) = (touches.len() as f64, |at: usize| at as f64);
    let apart = 26.0_f64.min((right - left) / count);
    let mut places: Vec<f64> = Vec::with_capacity(touches.len());
    for (at, (wanted, _, _)) in touches.iter().enumerate() {
        let least = places.last().map_or(left, |before| before + apart);
        let most = right - apart * (count - 1.0 - index(at));
        places.push(wanted.clamp(least.min(most), most));
    }
    places
}

fn way(at: usize, line: &Line, cards: &[Area], bands: &BTreeMap<i64, f64>, ends: &Ends) -> Way {
    let (Some(from), Some(to)) = (cards.get(line.from), cards.get(line.to)) else { return Way(Vec::new()) };
    if line.from == line.to {
        return around(from, &line.points);
    }
    let begin = ends.get(&(at, true)).copied().unwrap_or_else(|| from.centre());
    let end = ends.get(&(at, false)).copied().unwrap_or_else(|| to.centre());
    let down = begin.y < end.y;
    let half = |y: f64| bands.get(&band(y)).copied().unwrap_or_default() * if down { 1.0 } else { -1.0 };
    let mut points = vec![begin, Point { x: begin.x, y: from.centre().y + half(from.centre().y) }];
    for point in &line.points {
        points.extend([Point { x: point.x, y: point.y - half(point.y) }, Point { x: point.x, y: point.y + half(point.y) }]);
    }
    points.extend([Point { x: end.x, y: to.centre().y - half(to.centre().y) }, end]);
    points.dedup_by(|a, b| (a.x - b.x).abs() < 0.05 && (a.y - b.y).abs() < 0.05);
    Way(points)
}

/// How often lines cross, counted on the straight pieces between their points.
pub(super) fn crossings(ways: &[Way]) -> usize {
    let pieces = |way: &Way| way.0.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    let all: Vec<Vec<(Point, Point)>> = ways.iter().map(pieces).collect();
    let mut crossings = 0;
    for (at, one) in all.iter().enumerate() {
        for other in all.iter().skip(at + 1) {
            crossings +=
                one.iter().flat_map(|piece| other.iter().map(move |other| (piece, other))).filter(|(a, b)| cross(a, b)).count();
        }
    }
    crossings
}

/// Whether two pieces cross, each inside the other's ends.
fn cross((a, b): &(Point, Point), (c, d): &(Point, Point)) -> bool {
    let side = |from: &Point, to: &Point, of: &Point| (to.x - from.x) * (of.y - from.y) - (to.y - from.y) * (of.x - from.x);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

/// A line from a card to itself, at its right side.
fn around(card: &Area, points: &[Point]) -> Way {
    let furthest = points.iter().map(|point| point.x).fold(card.right() + 24.0, f64::max);
    let (upper, lower) = (card.y + card.height * 0.3, card.y + card.height * 0.7);
    Way(vec![
        Point { x: card.right(), y: lower },
        Point { x: furthest, y: lower },
        Point { x: furthest, y: upper },
        Point { x: card.right(), y: upper },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(x: f64, y: f64, width: f64, height: f64) -> Area {
        Area { x, y, width, height }
    }

    #[test]
    fn lines_touch_a_card_side_by_side_in_the_order_in_which_they_come() {
        let card = area(0.0, 0.0, 100.0, 20.0);
        let touches: Vec<(f64, usize, bool)> = [-50.0, 40.0, 41.0, 300.0].iter().map(|x| (*x, 0, true)).collect();
        let places = spread(&card, &touches);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 17.9), "{places:?}");
        assert!(places.iter().all(|x| (0.0..=100.0).contains(x)), "{places:?}");
    }

    #[test]
    fn a_line_goes_straight_through_a_rank() {
        let cards = [area(0.0, 0.0, 40.0, 20.0), area(0.0, 100.0, 40.0, 60.0), area(0.0, 250.0, 40.0, 20.0)];
        let line = Line { from: 0, to: 2, points: vec![Point { x: 70.0, y: 130.0 }] };
        let way = &ways(&cards, &[None], &[line])[0];
        assert!(way.0.windows(2).any(|pair| pair == [Point { x: 70.0, y: 100.0 }, Point { x: 70.0, y: 160.0 }]), "{way:?}");
        assert!(way.path().starts_with("M30 20C"), "{}", way.path());
    }

    #[test]
    fn crossings_are_counted() {
        let way = |points: &[(f64, f64)]| Way(points.iter().map(|(x, y)| Point { x: *x, y: *y }).collect());
        let (down, across, beside) =
            (way(&[(5.0, 0.0), (5.0, 9.0)]), way(&[(0.0, 4.0), (9.0, 5.0)]), way(&[(7.0, 5.0), (7.0, 9.0)]));
        assert_eq!(crossings(&[down.clone(), across.clone()]), 1);
        assert_eq!(crossings(&[down, across, beside]), 1);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(["1", "1.5", "0", "-3"], [short(1.0), short(1.46), short(-0.01), short(-3.0)].each_ref().map(String::as_str));
    }
}
