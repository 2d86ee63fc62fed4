//! `candor models`: the recognition models of this machine.

use std::process::ExitCode;
use std::sync::Mutex;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::terminal::{Exit, print, print_json, refuse};
use crate::speech::models::{Manifest, Model, Stage, State, Store};
use crate::speech::{Settings, models};

/// Lists, installs, verifies and removes recognition models (docs/models.md).
#[derive(Args, Debug)]
pub struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List every model that is known, and what of it is here.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Install models by name, or what a language needs: the first of its models that can be had.
    Install {
        /// Names of models, or languages: nl, en.
        #[arg(required = true, value_name = "MODEL|LANGUAGE")]
        what: Vec<String>,
    },
    /// Read every byte of installed models and say whether they are what was installed.
    Verify {
        /// Names of models; absent: all that are here.
        #[arg(value_name = "MODEL")]
        models: Vec<String>,
    },
    /// Remove models from this machine.
    Remove {
        /// Names of models.
        #[arg(required = true, value_name = "MODEL")]
        models: Vec<String>,
    },
}

/// Runs the command.
pub fn run(arguments: &Models, settings: &Settings) -> miette::Result<ExitCode> {
    let store = Store::of(settings);
    match &arguments.command {
        Command::List { json } => list(settings, &store, *json),
        Command::Install { what } => super::runtime()?.block_on(install(&store, what)),
        Command::Verify { models } => Ok(verify(&store, models)),
        Command::Remove { models } => Ok(remove(&store, models)),
    }
}

/// A line of the list.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    engine: models::Engine,
    languages: &'a [String],
    licence: &'a str,
    bytes: u64,
    about: &'a str,
    state: &'static str,
    faults: Vec<String>,
    /// The languages that callers speak to it in: those of which it is the first that can be used.
    hears: Vec<&'a str>,
    from: Vec<&'a str>,
    sha256: Vec<&'a str>,
}

fn list(settings: &Settings, store: &Store, json: bool) -> miette::Result<ExitCode> {
    let lines: Vec<Line<'_>> = Manifest::known().models().iter().map(|model| line(settings, store, model)).collect();
    if json {
        print_json(&lines)?;
        return Ok(Exit::Holds.into());
    }
    let mut text = format!("{:<28} {:<8} {:<10} {:>7}  {:<11} state\n", "model", "engine", "languages", "size", "licence");
    for line in &lines {
        let hears = if line.hears.is_empty() { String::new() } else { format!(", hears {}", line.hears.join(", ")) };
        text += &format!(
            "{:<28} {:<8} {:<10} {:>4} MB  {:<11} {}{hears}\n",
            line.name,
            line.engine.name(),
            line.languages.join(", "),
            line.bytes / 1_000_000,
            line.licence,
            line.state,
        );
        for fault in &line.faults {
            text += &format!("  {fault}\n");
        }
    }
    text += &format!("in {}\n", store.folder().display());
    print(&text);
    Ok(Exit::Holds.into())
}

fn line<'a>(settings: &Settings, store: &Store, model: &'a Model) -> Line<'a> {
    let state = store.state(&model.name);
    let faults = if let State::Broken(faults) = &state { faults.iter().map(ToString::to_string).collect() } else { Vec::new() };
    let hears = |language: &&String| first_for(settings, store, language).is_some_and(|first| first == model.name);
    Line {
        name: &model.name,
        engine: model.engine,
        languages: &model.languages,
        licence: &model.licence,
        bytes: model.bytes(),
        about: &model.about,
        state: word_for(&state),
        faults,
        hears: model.languages.iter().filter(hears).map(String::as_str).collect(),
        from: model.archives().iter().flat_map(|archive| archive.from.iter().map(url::Url::as_str)).collect(),
        sha256: model.archives().iter().map(|archive| archive.sha256.as_str()).collect(),
    }
}

/// What callers in a language speak to: the first of what is set for it, or else of its known models, that can be used.
fn first_for(settings: &Settings, store: &Store, language: &str) -> Option<String> {
    let set = settings.recognisers.get(language).cloned();
    let mut asked =
        set.unwrap_or_else(|| Manifest::known().for_language(language).map(|model| model.name.clone()).collect()).into_iter();
    asked.find(|name| match settings.remote.get(name) {
        Some(remote) => !remote.retains_audio,
        None => matches!(store.state(name), State::Installed | State::Unmanaged),
    })
}

fn word_for(state: &State) -> &'static str {
    match state {
        State::Absent => "not here",
        State::Installed => "installed",
        State::Unmanaged => "here, unpacked by hand",
        State::Broken(_) => "broken",
    }
}

async fn install(store: &Store, what: &[String]) -> miette::Result<ExitCode> {
    let mut exit = Exit::Holds;
    for name in what {
        let candidates: Vec<&Model> = match Manifest::known().get(name) {
            Some(model) => vec![model],
            None => Manifest::known().for_language(name).collect(),
        };
        if candidates.is_empty() {
            return Ok(refuse(&unknown(name), Exit::CalledWrongly));
        }
        if !first_that_comes(store, name, &candidates).await {
            exit = Exit::DoesNot;
        }
    }
    Ok(exit.into())
}

/// Installs the first of these that can be had, and says how that went; gives whether there is one in the end.
async fn first_that_comes(store: &Store, what: &str, candidates: &[&Model]) -> bool {
    for model in candidates {
        match store.state(&model.name) {
            State::Installed => {
                eprintln!("candor: {} is installed", model.name);
                return true;
            }
            State::Unmanaged => {
                eprintln!("candor: {} is there, unpacked by hand, and is left as it is", model.name);
                return true;
            }
            State::Absent | State::Broken(_) => {}
        }
        let bar = Bar::new(model);
        let done = store.install(model, &|stage| bar.show(stage)).await;
        bar.end();
        match done {
            Ok(()) => {
                eprintln!("candor: {} is installed in {}", model.name, store.path(&model.name).display());
                return true;
            }
            Err(error) => eprintln!("candor: {} is not installed: {error}", model.name),
        }
    }
    if candidates.len() > 1 {
        eprintln!(
            "candor: no model for {what} can be had. Callers have keys in this language until there is one; all else works"
        );
    }
    false
}

/// How an installation goes, on a terminal.
struct Bar {
    name: String,
    bar: ProgressBar,
    /// The address that was last said.
    from: Mutex<Option<url::Url>>,
}

impl Bar {
    fn new(model: &Model) -> Bar {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {bytes} of {total_bytes}, {eta} left") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(model.name.clone());
        Bar { name: model.name.clone(), bar, from: Mutex::new(None) }
    }

    fn show(&self, stage: Stage<'_>) {
        match stage {
            Stage::Fetching { from, done, bytes } => {
                let mut last = self.from.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if last.as_ref() != Some(from) {
                    *last = Some(from.clone());
                    let begun = if done > 0 { format!(", going on at {} of them", done) } else { String::new() };
                    self.bar.suspend(|| eprintln!("candor: fetching {from} ({bytes} bytes{begun})"));
                }
                self.bar.set_length(bytes);
                self.bar.set_position(done);
            }
            Stage::Verifying => self.bar.set_message(format!("{}: verifying", self.name)),
            Stage::Unpacking => self.bar.set_message(format!("{}: unpacking", self.name)),
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn verify(store: &Store, names: &[String]) -> ExitCode {
    let known = Manifest::known().models().iter().map(|model| model.name.clone());
    let here = |name: &String| store.state(name) != State::Absent;
    let names: Vec<String> = if names.is_empty() { known.filter(here).collect() } else { names.to_vec() };
    if names.is_empty() {
        print(&format!("There are no models in {}.\n", store.folder().display()));
    }
    let mut exit = Exit::Holds;
    for name in names {
        let said = match store.verify(&name) {
            State::Installed => "holds: every file is what was installed".to_owned(),
            State::Unmanaged => "was unpacked by hand: nothing is known of what it should hold".to_owned(),
            State::Absent => {
                exit = Exit::DoesNot;
                "is not here".to_owned()
            }
            State::Broken(faults) => {
                exit = Exit::DoesNot;
                let faults: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
                format!("is broken. `candor models install {name}` puts it right{}", faults.concat())
            }
        };
        print(&format!("{name} {said}\n"));
    }
    exit.into()
}

fn remove(store: &Store, names: &[String]) -> ExitCode {
    for name in names {
        match store.remove(name) {
            Ok(true) => print(&format!("{name} is removed\n")),
            Ok(false) if Manifest::known().get(name).is_some() => print(&format!("{name} was not here\n")),
            Ok(false) => return refuse(&unknown(name), Exit::CalledWrongly),
            Err(error) => {
                return refuse(&format!("{name} cannot be removed from {}: {error}", store.folder().display()), Exit::DoesNot);
            }
        }
    }
    Exit::Holds.into()
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = Manifest::known().models().iter().map(|model| model.name.as_str()).collect();
    format!("there is no model and no language {name:?}. Known models: {}", known.join(", "))
}
