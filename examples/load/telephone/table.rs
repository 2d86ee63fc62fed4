//! What is printed: a table for people, or one JSON document.

use serde::Serialize;

use super::*;

/// One number of calls.
#[derive(Debug, Serialize)]
pub struct Row {
    pub calls: usize,
    /// How the calls ended.
    pub goodbye: usize,
    pub person: usize,
    pub passed_on: usize,
    /// Why the others were not helped.
    pub not_helped: Vec<String>,
    pub frames: u64,
    /// Frames more than 20 ms behind their line's schedule, how far the latest was, and holes that a caller heard.
    pub late_frames: u64,
    pub latest_ms: f64,
    pub holes: u64,
    /// The share of the time in the dialog in which callers spoke.
    pub talked: f64,
    /// From the end of speech to the first sound.
    pub after_answers: Option<Spread>,
    pub after_others: Option<Spread>,
    /// How many were cut off, and of how many.
    pub cut_answers: (u64, u64),
    pub cut_others: (u64, u64),
    /// From a key, or the beginning of a voice, to `clear`.
    pub cleared_by_key: Option<Spread>,
    pub cleared_by_voice: Option<Spread>,
    /// Of one core, in percent: all, and each call.
    pub cpu: Option<f64>,
    pub cpu_each: Option<f64>,
    /// Resident, in megabytes: before the calls, with them, and each call.
    pub memory_idle: Option<f64>,
    pub memory: Option<f64>,
    pub memory_each: Option<f64>,
    pub turns_sealed: usize,
    /// The callers' own process, in percent of a core, and how late its own clock was.
    pub callers_cpu: f64,
    pub callers_late: Option<Spread>,
}

impl Row {
    pub(super) fn of(calls: usize, accounts: Vec<Account>, figures: Figures) -> Row {
        let (mut turns, mut pace) = (Turns::default(), Pace::default());
        let (mut in_dialog, mut spoke) = (Duration::ZERO, Duration::ZERO);
        let (mut goodbye, mut person, mut passed_on, mut not_helped) = (0, 0, 0, Vec::new());
        let missing = calls - accounts.len().min(calls);
        not_helped.extend(std::iter::repeat_n("the call did not end in time".to_owned(), missing));
        for account in accounts {
            match account.end {
                End::Goodbye => goodbye += 1,
                End::Person => person += 1,
                End::PassedOn => passed_on += 1,
                End::NotHelped(why) => not_helped.push(why),
            }
            pace.frames += account.pace.frames;
            pace.late += account.pace.late;
            pace.holes += account.pace.holes;
            pace.latest = pace.latest.max(account.pace.latest);
            in_dialog += account.in_dialog;
            spoke += account.spoke;
            turns.add(account.turns);
        }
        let megabytes = |usage: &Usage| usage.resident as f64 / 1024.0 / 1024.0;
        let share = |(from, to): (Usage, Usage), time| 100.0 * share_of_a_core(from, to, time);
        let cpu = figures.busy.map(|busy| share(busy, figures.window));
        let idle_cpu = figures.idle.map_or(0.0, |idle| share(idle, SETTLE));
        let (memory_idle, memory) =
            (figures.idle.map(|(_, idle)| megabytes(&idle)), figures.busy.map(|(_, busy)| megabytes(&busy)));
        Row {
            calls,
            goodbye,
            person,
            passed_on,
            not_helped,
            frames: pace.frames,
            late_frames: pace.late,
            latest_ms: crate::figures::milliseconds(pace.latest),
            holes: pace.holes,
            talked: spoke.as_secs_f64() / in_dialog.as_secs_f64().max(1.0),
            after_answers: Spread::of(turns.after_answers),
            after_others: Spread::of(turns.after_others),
            cut_answers: turns.cut_answers,
            cut_others: turns.cut_others,
            cleared_by_key: Spread::of(turns.cleared_by_key),
            cleared_by_voice: Spread::of(turns.cleared_by_voice),
            cpu,
            cpu_each: cpu.map(|cpu| (cpu - idle_cpu).max(0.0) / calls as f64),
            memory_idle,
            memory,
            memory_each: memory.zip(memory_idle).map(|(with, without)| (with - without) / calls as f64),
            turns_sealed: figures.sealed,
            callers_cpu: 100.0 * figures.callers_core,
            callers_late: figures.callers_late,
        }
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: String,
    seconds: u64,
    ears: Ears,
    talk: f64,
    /// Of the callers' lines, in dB of full scale.
    noise: Option<f64>,
    says: Shares,
    voice: String,
    pub rows: Vec<Row>,
    /// How CPU (percent of a core) and memory (megabytes) grow with the calls.
    cpu_growth: Option<Fitted>,
    memory_growth: Option<Fitted>,
    #[serde(skip)]
    json: bool,
}

const HEAD: &str = "| calls | helped | frames late > 20 ms | latest | holes | answer → sound, median / p95 / p99 | else → sound, median / p95 / p99 \
| cut off: answers, else | key → clear, median / p99 | voice → clear, median / p99 | CPU of a core | per call | memory | per call | turns sealed |";

impl Report {
    /// Whether every caller was.
    pub fn all_helped(&self) -> bool {
        self.rows.iter().all(|row| row.not_helped.is_empty())
    }

    pub(super) fn new(machine: String, plan: &Plan, common: &Common, voice: &str) -> Report {
        Report {
            machine,
            seconds: common.seconds,
            ears: plan.ears,
            talk: plan.talk,
            noise: plan.noise,
            says: plan.says,
            voice: voice.to_owned(),
            rows: Vec::new(),
            cpu_growth: None,
            memory_growth: None,
            json: common.json,
        }
    }

    pub(super) fn begin(&self) {
        if self.json {
            return;
        }
        let [yes, no, nothing] = self.says;
        println!("{}", self.machine);
        println!(
            "{} s of each; yes, no, nothing to the recording: {yes}, {no}, {nothing}; callers are to speak {:.0} % of their time in the dialog ({}), on {}\n",
            self.seconds,
            100.0 * self.talk,
            self.voice,
            self.noise.map_or("still lines".to_owned(), |decibels| format!("lines with noise of {decibels} dB"))
        );
        println!("{HEAD}");
        println!("|{}", " --- |".repeat(HEAD.matches(" | ").count() + 1));
    }

    pub(super) fn add(&mut self, row: Row) {
        if !self.json {
            println!("{}", text(&row));
        }
        self.rows.push(row);
    }

    pub(super) fn end(&mut self) {
        let points = |of: fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
            self.rows.iter().filter_map(|row| Some((row.calls as f64, of(row)?))).collect()
        };
        self.cpu_growth = Fitted::through(&points(|row| row.cpu));
        self.memory_growth = Fitted::through(&points(|row| row.memory));
        if self.json {
            // Numbers and texts of our own: they can always be written.
            println!("{}", serde_json::to_string_pretty(self).unwrap_or_default());
            return;
        }
        println!();
        for (what, unit, line) in [("CPU", "%", self.cpu_growth), ("memory", "MB", self.memory_growth)] {
            if let Some(Fitted { without_calls, each_call, explains }) = line {
                println!(
                    "{what}: {without_calls:.2} {unit} and {each_call:.3} {unit} a call (a straight line explains {:.2} % of it)",
                    100.0 * explains
                );
            }
        }
        for row in &self.rows {
            let late = row
                .callers_late
                .map_or("—".to_owned(), |late| format!("{:.1} ms p99, {:.0} ms at most", late.p99_ms, late.longest_ms));
            println!(
                "{} calls: callers spoke {:.0} % of their time; their own process took {:.0} % of a core and its clock was late by {late}",
                row.calls,
                100.0 * row.talked,
                row.callers_cpu
            );
            for why in row.not_helped.iter().take(5) {
                println!("   not helped: {why}");
            }
        }
    }
}

fn text(row: &Row) -> String {
    let three = |spread: &Option<Spread>| {
        spread.map_or("—".to_owned(), |s| format!("{:.0} / {:.0} / {:.0} ms ({})", s.median_ms, s.p95_ms, s.p99_ms, s.count))
    };
    let two = |spread: &Option<Spread>| spread.map_or("—".to_owned(), |s| format!("{:.0} / {:.0} ms", s.median_ms, s.p99_ms));
    let percent = |share: Option<f64>| share.map_or("—".to_owned(), |share| format!("{share:.2} %"));
    let megabytes = |size: Option<f64>| size.map_or("—".to_owned(), |size| format!("{size:.2} MB"));
    let helped = row.goodbye + row.person + row.passed_on;
    let passed = if row.passed_on > 0 { format!(", {} passed on", row.passed_on) } else { String::new() };
    let cells = [
        row.calls.to_string(),
        format!("{helped} of {}{passed}", row.calls),
        format!("{} of {}", row.late_frames, row.frames),
        format!("{:.0} ms", row.latest_ms),
        row.holes.to_string(),
        three(&row.after_answers),
        three(&row.after_others),
        format!("{} of {}, {} of {}", row.cut_answers.0, row.cut_answers.1, row.cut_others.0, row.cut_others.1),
        two(&row.cleared_by_key),
        two(&row.cleared_by_voice),
        percent(row.cpu),
        percent(row.cpu_each),
        megabytes(row.memory),
        megabytes(row.memory_each),
        row.turns_sealed.to_string(),
    ];
    format!("| {} |", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_head() {
        let accounts = vec![Account {
            end: End::PassedOn,
            pace: Pace::default(),
            turns: Turns::default(),
            in_dialog: Duration::ZERO,
            spoke: Duration::ZERO,
        }];
        let usage = |cpu, resident| Usage { cpu: Duration::from_millis(cpu), resident };
        let figures = Figures {
            window: Duration::from_secs(10),
            idle: Some((usage(0, 0), usage(30, 10 << 20))),
            busy: Some((usage(100, 0), usage(600, 14 << 20))),
            callers_core: 0.1,
            callers_late: None,
            sealed: 3,
        };
        let row = Row::of(2, accounts, figures);
        assert_eq!((row.passed_on, row.not_helped.len()), (1, 1), "who did not end in time was not helped");
        // 5 % of a core in the window, 1 % before it, two calls; 4 MB more.
        assert_eq!((row.cpu, row.cpu_each, row.memory_each), (Some(5.0), Some(2.0), Some(2.0)));
        assert_eq!(text(&row).matches(" | ").count(), HEAD.matches(" | ").count());
    }
}
