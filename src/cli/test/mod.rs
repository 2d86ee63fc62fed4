//! `candor test`: whether calls go as their stories are written. Status 0: all do; 1: one does not; 2: called wrongly.

mod files;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use self::files::Found;
use self::report::{Report, Run};
use super::check::Outcome;
use super::conversation::{Pen, coloured};
use crate::dialog::SharedDialog;
use crate::dialog::prompt::Source;
use crate::rehearsal::scenario::{self, Once, Scenario, ScenarioFile};
use crate::rehearsal::{Estimated, Rendered, Senses};
use crate::server::library::{self, Problems};
use crate::speech;

/// Runs scenarios: stories of calls, in virtual time, through the real engine.
#[derive(clap::Args, Debug, Default)]
pub struct Arguments {
    /// Scenario files, folders of them, or dialogs (then the scenarios in `tests/` beside each); without any, those of the configured
    /// dialogs.
    #[arg(value_name = "FILE|FOLDER|DIALOG")]
    pub paths: Vec<PathBuf>,
    /// Only scenarios with this in their name.
    #[arg(long, value_name = "NAME")]
    pub filter: Option<String>,
    /// The folder with the texts; else the one that a file names, else that of the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub prompts: Option<PathBuf>,
    /// With sound: callers speak through a voice, a telephone and the recogniser; prompts last as long as they really do.
    #[arg(long)]
    pub audio: bool,
    /// Write JSON.
    #[arg(long)]
    pub json: bool,
}

/// What the configuration says.
#[derive(Clone, Copy)]
pub struct Configured<'a> {
    /// The folder of dialogs.
    pub dialogs: &'a Path,
    /// The folder of texts.
    pub prompts: &'a Path,
    /// The names of the handover targets; `None`: no configuration, so they are not checked.
    pub targets: Option<&'a [String]>,
    /// How callers are heard and the agent speaks, for `--audio`.
    pub speech: &'a speech::Settings,
}

/// Runs the command: what it finds on standard output, how it was called wrongly on standard error.
pub fn run(arguments: &Arguments, configured: Configured) -> ExitCode {
    match test(arguments, configured, coloured(), &mut io::stdout().lock(), &mut io::stderr().lock()) {
        Ok(outcome) => outcome.into(),
        // Nobody reads any further, as when the output goes to `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::DoesNotHold.into(),
        Err(error) => {
            eprintln!("candor test: {error}");
            Outcome::CalledWrongly.into()
        }
    }
}

/// The command without a terminal: writes what it finds to `out` and how it was called wrongly to `err`.
pub fn test(
    arguments: &Arguments,
    configured: Configured,
    colour: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Outcome> {
    let files = match files::find(&arguments.paths, configured.dialogs) {
        Ok(files) => files,
        Err(why) => {
            writeln!(err, "candor test: {why}")?;
            return Ok(Outcome::CalledWrongly);
        }
    };
    let mut report = Report::new(out, Pen { colour }, arguments.json);
    let mut bench = Bench { arguments, configured, dialogs: BTreeMap::new() };
    let mut matching = 0;
    for file in &files {
        matching += bench.file(file, &mut report)?;
    }
    if matching == 0 && !report.has_refused() {
        let named = arguments.filter.as_ref().map(|filter| format!(" with “{filter}” in its name")).unwrap_or_default();
        writeln!(err, "candor test: there is no scenario{named}")?;
        return Ok(Outcome::CalledWrongly);
    }
    report.end()
}

/// A dialog as it is rehearsed.
struct Stage {
    dialog: SharedDialog,
    voice: Option<Voice>,
}

/// Its mouth and ears, and what is missing of them.
struct Voice {
    rendered: Rendered,
    missing: Vec<String>,
}

/// What the scenarios of one run share.
struct Bench<'a> {
    arguments: &'a Arguments,
    configured: Configured<'a>,
    /// By dialog file and folder of texts; what cannot be used is `None`, and was shown.
    dialogs: BTreeMap<(PathBuf, PathBuf), Option<Arc<Stage>>>,
}

impl Bench<'_> {
    /// Runs what a file holds; gives how many scenarios that was.
    fn file(&mut self, found: &Found, report: &mut Report) -> io::Result<usize> {
        let name = found.path.display().to_string();
        let refuse = |problems: Vec<_>, report: &mut Report| {
            let sources = [Source { name: name.clone(), text: found.text.clone() }];
            report.refuse(&Problems::new(&name, problems, &sources))
        };
        let file = match scenario::read(&name, &found.text) {
            Ok(file) => file,
            Err(problem) => return refuse(vec![*problem], report).map(|()| 0),
        };
        let Some(stage) = self.stage(found, &file, report)? else { return Ok(0) };
        let problems = scenario::check(&name, &file, &stage.dialog);
        if !problems.is_empty() {
            return refuse(problems, report).map(|()| 0);
        }
        let mut tellings = 0;
        for (title, scenario) in file.scenarios.iter() {
            if self.arguments.filter.as_ref().is_some_and(|filter| !title.value.contains(filter.as_str())) {
                continue;
            }
            let times = scenario::times(&file, scenario, &stage.dialog);
            for once in &times {
                let title = format!("{}{}", title.value, once.suffix(times.len()));
                report.run(self.once(found, &stage, &file, scenario, once, title))?;
                tellings += 1;
            }
        }
        Ok(tellings)
    }

    fn once<'f>(
        &self,
        found: &'f Found,
        stage: &Stage,
        file: &ScenarioFile,
        scenario: &Scenario,
        once: &Once,
        title: String,
    ) -> Run<'f> {
        let run = |verdict, missing, took| Run { found, title, language: once.language.clone(), verdict, missing, took };
        let (senses, understood): (Box<dyn Senses>, BTreeSet<String>) = match &stage.voice {
            None => (Box::new(Estimated), stage.dialog.file.languages.iter().map(|language| language.value.clone()).collect()),
            Some(voice) => (Box::new(voice.rendered.clone()), voice.rendered.languages().map(str::to_owned).collect()),
        };
        if file.is_heard(scenario) && !understood.contains(&once.language) {
            let missing = stage.voice.iter().flat_map(|voice| &voice.missing);
            let missing = missing.filter(|note| note.starts_with(&format!("{}:", once.language))).cloned();
            return run(None, missing.collect(), Default::default());
        }
        let began = Instant::now();
        let verdict = scenario::play(&stage.dialog, file, scenario, once, &understood, senses);
        run(Some(verdict), Vec::new(), began.elapsed())
    }

    fn stage(&mut self, found: &Found, file: &ScenarioFile, report: &mut Report) -> io::Result<Option<Arc<Stage>>> {
        let dialog = found.beside(&file.dialog.value);
        let named = file.prompts.as_ref().map(|prompts| found.beside(&prompts.value));
        let prompts = self.arguments.prompts.clone().or(named).unwrap_or_else(|| self.configured.prompts.to_owned());
        let key = (dialog.clone(), prompts.clone());
        if let Some(known) = self.dialogs.get(&key) {
            return Ok(known.clone());
        }
        let stage = match library::load(&dialog, &prompts, self.configured.targets) {
            Err(problems) => {
                report.refuse(&problems)?;
                None
            }
            Ok(loaded) => {
                let languages: Vec<String> = loaded.dialog.file.languages.iter().map(|language| language.value.clone()).collect();
                let voice = if self.arguments.audio {
                    let (rendered, missing) = Rendered::load(self.configured.speech, &languages, loaded.recorded)
                        .map_err(|error| io::Error::other(error.to_string()))?;
                    Some(Voice { rendered, missing })
                } else {
                    None
                };
                Some(Arc::new(Stage { dialog: Arc::new(loaded.dialog), voice }))
            }
        };
        self.dialogs.insert(key, stage.clone());
        Ok(stage)
    }
}
