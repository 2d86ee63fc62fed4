use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::check::Outcome;
use super::super::conversation::{Pen, clock};
use super::files::Found;
use crate::consent::SessionTime;
use crate::dialog::check::{Place, Problem};
use crate::dialog::prompt::Source;
use crate::rehearsal::scenario::{Difference, Verdict};
use crate::server::library::Problems;

/// How one telling of a story went.
pub(super) struct Run<'a> {
    pub(super) found: &'a Found,
    pub(super) title: String,
    pub(super) language: String,
    /// `None`: it was not run.
    pub(super) verdict: Option<Verdict>,
    /// What it lacked to be run.
    pub(super) missing: Vec<String>,
    pub(super) took: Duration,
}

/// What is written while scenarios run, and what all of them come to.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    pen: Pen,
    json: Option<Vec<Value>>,
    file: String,
    held: usize,
    differed: usize,
    not_run: usize,
    refused: usize,
    missing: Vec<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, pen: Pen, json: bool) -> Report<'a> {
        let json = json.then(Vec::new);
        Report { out, pen, json, file: String::new(), held: 0, differed: 0, not_run: 0, refused: 0, missing: Vec::new() }
    }

    /// Whether something could not be run because it has problems.
    pub(super) fn has_refused(&self) -> bool {
        self.refused > 0
    }

    /// A file that cannot be used: a scenario file, or its dialog.
    pub(super) fn refuse(&mut self, problems: &Problems) -> io::Result<()> {
        self.refused += 1;
        match &mut self.json {
            Some(all) => {
                all.push(json!({ "outcome": "refused", "problems": problems.to_string() }));
                Ok(())
            }
            None => write!(self.out, "{}", problems.render(self.pen.colour)),
        }
    }

    pub(super) fn run(&mut self, run: Run) -> io::Result<()> {
        match &run.verdict {
            None => self.not_run += 1,
            Some(verdict) if verdict.holds() => self.held += 1,
            Some(_) => self.differed += 1,
        }
        for missing in &run.missing {
            if !self.missing.contains(missing) {
                self.missing.push(missing.clone());
            }
        }
        if let Some(all) = &mut self.json {
            all.push(value(&run));
            return Ok(());
        }
        let name = run.found.path.display().to_string();
        if self.file != name {
            writeln!(self.out, "{name}")?;
            self.file = name;
        }
        let Some(verdict) = &run.verdict else {
            return writeln!(self.out, "  {} {}  {}", self.pen.bold("–"), run.title, self.pen.faint("not run"));
        };
        let took = format!("{} in {:.1} ms", clock(SessionTime(verdict.virtual_time())), run.took.as_secs_f64() * 1000.0);
        let mark = if verdict.holds() { self.pen.good("✓") } else { self.pen.bad("✗") };
        writeln!(self.out, "  {mark} {}  {}", run.title, self.pen.faint(&took))?;
        let Some(difference) = &verdict.difference else { return Ok(()) };
        writeln!(self.out)?;
        for line in verdict.world.log().entries().iter().filter_map(|entry| self.pen.line(entry)) {
            writeln!(self.out, "  {line}")?;
        }
        writeln!(self.out, "  {}  {}", self.pen.good("expected:"), difference.expected)?;
        writeln!(self.out, "  {}  {}\n", self.pen.bad("     was:"), difference.was)?;
        write!(self.out, "{}", problems(&run, difference).render(self.pen.colour))
    }

    /// The last line, and whether all held.
    pub(super) fn end(self) -> io::Result<Outcome> {
        let holds = self.differed == 0 && self.refused == 0;
        if let Some(all) = self.json {
            serde_json::to_writer_pretty(&mut *self.out, &all).map_err(io::Error::other)?;
            writeln!(self.out)?;
        } else {
            let run = self.held + self.differed;
            let mut parts = vec![format!("{run} call{} run", if run == 1 { "" } else { "s" })];
            parts.push(if self.differed == 0 {
                "all as written".to_owned()
            } else {
                format!("{} not as written", self.differed)
            });
            if self.not_run > 0 {
                parts.push(format!("{} not run", self.not_run));
            }
            if self.refused > 0 {
                parts.push(format!("{} file{} cannot be used", self.refused, if self.refused == 1 { "" } else { "s" }));
            }
            if run == 0 {
                parts.remove(1);
            }
            writeln!(self.out, "{}", parts.join(", "))?;
            for missing in &self.missing {
                writeln!(self.out, "not run: {missing}")?;
            }
        }
        Ok(if holds { Outcome::Holds } else { Outcome::DoesNotHold })
    }
}

fn problems(run: &Run, difference: &Difference) -> Problems {
    let name = run.found.path.display().to_string();
    let place = Place { file: name.clone(), span: difference.span, label: "another way from here on".to_owned() };
    let message = format!("{}: not as it is written", run.title);
    let problem = Problem { rule: "scenario-differs", message, place, help: difference.help.clone(), related: Vec::new() };
    Problems::new(&name, vec![problem], &[Source { name: name.clone(), text: run.found.text.clone() }])
}

fn value(run: &Run) -> Value {
    let file = run.found.path.display().to_string();
    let Some(verdict) = &run.verdict else {
        return json!({ "file": file, "name": run.title, "language": run.language, "outcome": "not-run", "why": run.missing });
    };
    let mut value = json!({
        "file": file,
        "name": run.title,
        "language": run.language,
        "outcome": if verdict.holds() { "holds" } else { "differs" },
        "virtual-ms": verdict.virtual_time().as_millis() as u64,
        "real-ms": run.took.as_secs_f64() * 1000.0,
    });
    if let Some(difference) = &verdict.difference {
        let plain = Pen { colour: false };
        let conversation: Vec<String> = verdict.world.log().entries().iter().filter_map(|entry| plain.line(entry)).collect();
        let position = problems(run, difference).positions().next().flatten();
        value["expected"] = json!(difference.expected);
        value["was"] = json!(difference.was);
        value["line"] = json!(position.map(|(line, _)| line));
        value["column"] = json!(position.map(|(_, column)| column));
        value["conversation"] = json!(conversation);
    }
    value
}
