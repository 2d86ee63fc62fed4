//! The command line: one file per subcommand. Parses, calls one function of a room below, and says how it went.
//!
//! Exit status 0: it holds. 1: it does not. 2: it was called wrongly.

pub mod check;
mod keys;
mod ledger;
mod recordings;
mod ruler;
mod serve;
mod terminal;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::consent::Purpose;
use crate::dialog::prompt::Line;
use crate::recording;
use crate::server::{Config, ledger_settings, library};

/// A voice agent server that tells every caller what it is and what it keeps, and can prove it.
#[derive(Parser, Debug)]
#[command(name = "candor", version, arg_required_else_help = true)]
struct Arguments {
    /// The configuration; without it `candor.toml`, where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Answer calls.
    Serve,
    /// Check dialogs: states, texts, phrases, purposes, and that refusing costs callers nothing.
    Check(check::Arguments),
    /// Make and list the keys of recordings, and make the desk's.
    Keys(keys::Keys),
    /// List, show, export, erase and hold recordings.
    Recordings(recordings::Recordings),
    /// Show and verify the account of what was said and done.
    Ledger(ledger::Ledger),
}

/// Runs `candor` with the arguments of the process.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let file = arguments.config.clone().unwrap_or_else(|| PathBuf::from("candor.toml"));
    let config = match Config::read(&file, arguments.config.is_some()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("candor: {error}");
            return ExitCode::from(2);
        }
    };
    let recordings = recording::Settings::in_storage(&config.storage.folder);
    let done = match arguments.command {
        Command::Serve => return serve::run(&config),
        Command::Check(arguments) => return check_dialogs(&arguments, &config),
        Command::Keys(arguments) => keys::run(&arguments, &recordings, &ledger_settings(&config), &announced(&config)),
        Command::Recordings(arguments) => {
            runtime().and_then(|runtime| runtime.block_on(recordings::run(&arguments, &recordings, &ledger_settings(&config))))
        }
        Command::Ledger(arguments) => ledger::run(&arguments, &ledger_settings(&config)),
    };
    done.unwrap_or_else(|report| {
        eprintln!("candor: {report:?}");
        ExitCode::FAILURE
    })
}

fn runtime() -> miette::Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().map_err(|error| miette::miette!("cannot start: {error}"))
}

fn check_dialogs(arguments: &check::Arguments, config: &Config) -> ExitCode {
    let targets: Vec<String> = config.handover.targets.keys().cloned().collect();
    let ruler = ruler::Ruler::new(&config.speech);
    let measure = |loaded: &library::Loaded, line: &Line| ruler.as_ref()?.length(loaded, line);
    let configured = check::Configured {
        dialogs: &config.dialogs.folder,
        prompts: &config.prompts.folder,
        targets: (!targets.is_empty()).then_some(targets.as_slice()),
        measure: ruler.is_some().then_some(&measure),
    };
    check::run(arguments, configured)
}

/// The purposes that the configured dialogs announce, as far as they can be read.
fn announced(config: &Config) -> Vec<Purpose> {
    let files = library::dialogs_in(&config.dialogs.folder).unwrap_or_default();
    let dialogs = files.iter().filter_map(|file| library::load(file, &config.prompts.folder, None).ok());
    let purposes: BTreeSet<Purpose> = dialogs.flat_map(|loaded| loaded.purposes().collect::<Vec<_>>()).collect();
    purposes.into_iter().collect()
}
