use std::time::Duration;

use serde::Serialize;

use super::clips::Group;
use super::conditions::Condition;
use crate::cli::terminal::{print, print_json};

/// How the recordings of one group fared.
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
    pub cells: Vec<(Group, Cell)>,
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
            cells: Vec::new(),
            false_grants: Vec::new(),
            words_after: Vec::new(),
            decided_after: Vec::new(),
            cpu_per_clip: Duration::ZERO,
        }
    }

    pub fn cell(&mut self, group: Group) -> &mut Cell {
        let at = self.cells.binary_search_by_key(&group, |(group, _)| *group).unwrap_or_else(|at| {
            self.cells.insert(at, (group, Cell::default()));
            at
        });
        &mut self.cells[at].1
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    real_time: bool,
    /// One of so many recordings was heard.
    every: usize,
    rows: Vec<Row>,
}

const HEAD: &str = "| language | model | condition | said | recordings | taken for a yes (95 %) | for a no (95 %) | asked again | nothing heard |";

impl Report {
    pub fn new(real_time: bool, every: usize) -> Report {
        Report { real_time, every: every.max(1), rows: Vec::new() }
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
                print(&head());
            }
            print(&lines(&row));
        }
        self.rows.push(row);
    }

    pub fn end(&self, json: bool) -> miette::Result<()> {
        if json {
            return print_json(self);
        }
        print(&format!("\n{}", self.behind()));
        Ok(())
    }

    /// All that is printed, as one text.
    pub fn text(&self) -> String {
        let rows: String = self.rows.iter().map(lines).collect();
        format!("{}{rows}\n{}", head(), self.behind())
    }

    /// What comes behind the first table: times, and what went wrong.
    fn behind(&self) -> String {
        let decided =
            if self.real_time { "from the end of speech to the words, median / p95" } else { "the engine alone, median / p95" };
        let head = format!("| language | model | condition | {decided} | CPU a recording |\n|{}\n", " --- |".repeat(5));
        let times = |row: &Row| {
            let times = if self.real_time { &row.decided_after } else { &row.words_after };
            format!(
                "| {} | {} | {} | {} / {} ms | {} ms |\n",
                row.language,
                row.model,
                row.condition.name(),
                percentile(times, 50),
                percentile(times, 95),
                row.cpu_per_clip.as_millis(),
            )
        };
        let rows: String = self.rows.iter().map(times).collect();
        let wrong: Vec<String> =
            self.rows.iter().flat_map(|row| row.false_grants.iter().map(move |clip| wrong(row, clip))).collect();
        let part =
            if self.every > 1 { format!("\nOf each line one recording in {} was heard.\n", self.every) } else { String::new() };
        format!("{head}{rows}{part}\nTaken for a yes and none: {}\n{}", wrong.len(), wrong.concat())
    }
}

fn head() -> String {
    format!("{HEAD}\n|{}\n", " --- |".repeat(9))
}

fn wrong(row: &Row, clip: &str) -> String {
    format!("  {clip} ({}, {}, {})\n", row.language, row.model, row.condition.name())
}

fn lines(row: &Row) -> String {
    let line = |(group, cell): &(Group, Cell)| {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            row.language,
            row.model,
            row.condition.name(),
            group.name(),
            cell.clips,
            share(cell.granted, cell.clips),
            share(cell.refused, cell.clips),
            cell.asked_again,
            cell.not_heard,
        )
    };
    row.cells.iter().map(line).collect()
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
    use super::super::clips::{Class, Origin};
    use super::*;

    #[test]
    fn a_report_has_a_line_for_each_group_whatever_comes_first() {
        let mut row = Row::new("nl", "a-model", Condition::Telephone);
        for (origin, class) in [(Origin::Echo, Class::Neither), (Origin::Manifest, Class::No), (Origin::Echo, Class::Neither)] {
            row.cell(Group { origin, class }).add(&Cell { clips: 1, asked_again: 1, ..Cell::default() });
        }
        let mut report = Report::new(false, 8);
        report.add(row, true);
        let text = report.text();
        let row = format!("| nl | a-model | {} | ", Condition::Telephone.name());
        let said: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&row)).collect();
        assert!(said[0].starts_with("a no | 1 | 0: 0.0 %") && said[1].starts_with("the agent's own voice | 2 |"), "{text}");
        assert!(
            text.contains("one recording in 8 was heard") && said.len() == 3 && text.ends_with("Taken for a yes and none: 0\n"),
            "{text}"
        );
    }

    #[test]
    fn a_share_says_how_sure_it_is() {
        assert_eq!(share(0, 100), "0: 0.0 % (0.0–3.7)");
        assert_eq!(share(90, 100), "90: 90.0 % (82.6–94.5)");
        assert_eq!(share(0, 0), "—");
    }
}
