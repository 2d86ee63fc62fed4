//! Arithmetic of measurements: what lies where in a row of them, and whether something grows in a line. Pure.

use std::time::Duration;

use serde::Serialize;

/// Where measured times lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    pub median_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
}

impl Spread {
    /// Of these times, in any order; nothing of none.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Option<Spread> {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort_unstable();
        let longest = *times.last()?;
        let at = |share: f64| milliseconds(times[rank(times.len(), share)]);
        let (median_ms, p95_ms, p99_ms) = (at(0.5), at(0.95), at(0.99));
        Some(Spread { count: times.len(), median_ms, p95_ms, p99_ms, longest_ms: milliseconds(longest) })
    }
}

/// The place of the smallest value that at least `share` of `count` values do not exceed (nearest rank).
fn rank(count: usize, share: f64) -> usize {
    ((count as f64 * share).ceil() as usize).clamp(1, count) - 1
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A straight line through points: what is there without calls, and what each call adds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    pub without_calls: f64,
    pub each_call: f64,
    /// How much of the differences the line explains (R², 1 is all).
    pub explains: f64,
}

impl Line {
    /// The line of least squares; none through fewer than two numbers of calls.
    pub fn through(points: &[(f64, f64)]) -> Option<Line> {
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let apart = |of: fn(f64, f64) -> f64| points.iter().map(|(px, py)| of(px - x, py - y)).sum::<f64>();
        let (xx, xy, yy) = (apart(|x, _| x * x), apart(|x, y| x * y), apart(|_, y| y * y));
        if points.len() < 2 || xx == 0.0 {
            return None;
        }
        let each_call = xy / xx;
        let explains = if yy == 0.0 { 1.0 } else { xy * xy / (xx * yy) };
        Some(Line { without_calls: y - each_call * x, each_call, explains })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis)).unwrap();
        assert_eq!((spread.count, spread.median_ms, spread.p95_ms, spread.p99_ms), (200, 100.0, 190.0, 198.0));
        assert_eq!(spread.longest_ms, 200.0);
        let one = Spread::of([Duration::from_micros(1500)]).unwrap();
        assert_eq!((one.median_ms, one.p99_ms), (1.5, 1.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_line_is_found_and_a_bend_is_seen() {
        let line = Line::through(&[(1.0, 5.0), (10.0, 23.0), (100.0, 203.0)]).unwrap();
        assert!((line.without_calls - 3.0).abs() < 1e-9 && (line.each_call - 2.0).abs() < 1e-9, "{line:?}");
        assert!(line.explains > 0.999_999);
        let bent: Vec<(f64, f64)> = (1..=20).map(|n| (f64::from(n), f64::from(n * n * n))).collect();
        assert!(Line::through(&bent).unwrap().explains < 0.9);
        assert_eq!(Line::through(&[(5.0, 1.0)]), None);
        assert_eq!(Line::through(&[(5.0, 1.0), (5.0, 2.0)]), None);
    }
}
