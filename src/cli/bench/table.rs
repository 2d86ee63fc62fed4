use std::time::Duration;

use serde::Serialize;

use super::clips::Class;
use super::conditions::Condition;
use crate::cli::terminal::{print, print_json};

/// How recordings of one class fared.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    pub clips: u32,
    pub granted: u32,
    pub refused: u32,
    pub asked_again: u32,
    pub not_heard: u32,
}

impl Cell {
    pub fn add(&mut self, other: &Cell) {
        self.clips += other.clips;
        self.granted += other.granted;
        self.refused += other.refused;
        self.asked_again += other.asked_again;
        self.not_heard += other.not_heard;
    }
}

/// One model in one language under one condition.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub language: String,
    pub model: String,
    pub condition: Condition,
    pub cells: Vec<(Class, Cell)>,
    pub false_grants: Vec<String>,
    #[serde(skip)]
    pub words_after: Vec<Duration>,
    #[serde(skip)]
    pub decided_after: Vec<Duration>,
    pub cpu_per_clip: Duration,
}

impl Row {
    pub fn new(language: &str, model: &str, condition: Condition) -> Row {
        Row {
            language: language.to_owned(),
            model: model.to_owned(),
            condition,
            cells: Class::ALL.map(|class| (class, Cell::default())).to_vec(),
            false_grants: Vec::new(),
            words_after: Vec::new(),
            decided_after: Vec::new(),
            cpu_per_clip: Duration::ZERO,
        }
    }

    pub fn cell(&mut self, class: Class) -> &mut Cell {
        &mut self.cells[class as usize].1
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    real_time: bool,
    rows: Vec<Row>,
}

const HEAD: &str = "| language | model | condition | said | recordings | taken for a yes (95 %) | for a no (95 %) | asked again | nothing heard |";

impl Report {
    pub fn new(real_time: bool) -> Report {
        Report { real_time, rows: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many recordings were taken for a yes and are none.
    pub fn false_grants(&self) -> usize {
        self.rows.iter().map(|row| row.false_grants.len()).sum()
    }

    /// Takes a row, and prints it where it is not to be one document in the end.
    pub fn add(&mut self, row: Row, json: bool) {
        if !json {
            if self.rows.is_empty() {
                print(&format!("{HEAD}\n|{}\n", " --- |".repeat(9)));
            }
            print(&lines(&row));
        }
        self.rows.push(row);
    }

    pub fn end(&self, json: bool) -> miette::Result<()> {
        if json {
            return print_json(self);
        }
        let decided =
            if self.real_time { "from the end of speech to the words, median / p95" } else { "the engine alone, median / p95" };
        print(&format!("\n| language | model | condition | {decided} | CPU a recording |\n|{}\n", " --- |".repeat(5)));
        for row in &self.rows {
            let times = if self.real_time { &row.decided_after } else { &row.words_after };
            print(&format!(
                "| {} | {} | {} | {} / {} ms | {} ms |\n",
                row.language,
                row.model,
                row.condition.name(),
                percentile(times, 50),
                percentile(times, 95),
                row.cpu_per_clip.as_millis(),
            ));
        }
        let wrong: Vec<String> =
            self.rows.iter().flat_map(|row| row.false_grants.iter().map(move |clip| wrong(row, clip))).collect();
        print(&format!("\nTaken for a yes and none: {}\n{}", wrong.len(), wrong.concat()));
        Ok(())
    }
}

fn wrong(row: &Row, clip: &str) -> String {
    format!("  {clip} ({}, {}, {})\n", row.language, row.model, row.condition.name())
}

fn lines(row: &Row) -> String {
    let line = |(class, cell): &(Class, Cell)| {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            row.language,
            row.model,
            row.condition.name(),
            class.name(),
            cell.clips,
            share(cell.granted, cell.clips),
            share(cell.refused, cell.clips),
            cell.asked_again,
            cell.not_heard,
        )
    };
    row.cells.iter().filter(|(_, cell)| cell.clips > 0).map(line).collect()
}

/// A count with its share and where that lies with 95 % confidence (E. B. Wilson, 1927).
pub fn share(count: u32, of: u32) -> String {
    if of == 0 {
        return "—".to_owned();
    }
    let (p, n, z) = (f64::from(count) / f64::from(of), f64::from(of), 1.96);
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    format!("{count}: {:.1} % ({:.1}–{:.1})", 100.0 * p, 100.0 * (middle - half).max(0.0), 100.0 * (middle + half).min(1.0))
}

pub fn percentile(times: &[Duration], percent: usize) -> u128 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).map_or(0, Duration::as_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_says_how_sure_it_is() {
        assert_eq!(share(0, 100), "0: 0.0 % (0.0–3.7)");
        assert_eq!(share(90, 100), "90: 90.0 % (82.6–94.5)");
        assert_eq!(share(0, 0), "—");
    }
}
