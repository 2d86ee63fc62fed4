//! The command line: one file per subcommand. Parses, calls one function of a room below, and says how it went.
//!
//! Exit status 0: it holds. 1: it does not. 2: it was called wrongly.

mod bench;
pub mod check;
mod conversation;
pub mod graph;
mod keys;
mod ledger;
mod models;
mod recordings;
mod ruler;
mod schema;
mod serve;
mod talk;
mod terminal;
pub mod test;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::consent::Purpose;
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
    /// Print the JSON Schema of dialog files, for editors.
    Schema(schema::Schema),
    /// Draw a dialog as a picture (SVG): the opening, the states, every way between them, and what consent changes.
    Graph(graph::Arguments),
    /// Talk to a dialog in the terminal.
    Talk(talk::Arguments),
    /// Run scenarios: stories of calls that must go as they are written.
    Test(test::Arguments),
    /// List, install, verify and remove the models that callers are understood with.
    Models(models::Models),
    /// Measure how callers are heard, on recordings.
    Bench(bench::Bench),
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
    // What needs no configuration does not trip over one.
    if let Command::Schema(schema) = &arguments.command {
        return schema::run(schema);
    }
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
        Command::Schema(arguments) => return schema::run(&arguments),
        Command::Graph(arguments) => return graph::run(&arguments, &config.prompts.folder, &target_names(&config)),
        Command::Talk(arguments) => {
            let configured = talk::Configured { dialogs: &config.dialogs.folder, prompts: &config.prompts.folder };
            return talk::run(&arguments, configured);
        }
        Command::Test(arguments) => return test_dialogs(&arguments, &config),
        Command::Models(arguments) => models::run(&arguments, &config.speech),
        Command::Bench(arguments) => bench::run(&arguments, &config),
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

/// The names of the handover targets that the configuration has.
fn target_names(config: &Config) -> Vec<String> {
    config.handover.targets.keys().cloned().collect()
}

fn check_dialogs(arguments: &check::Arguments, config: &Config) -> ExitCode {
    let targets = target_names(config);
    let lookups = config.lookups.names();
    let keepers = library::keepers(&config.speech);
    let ruler = ruler::Ruler::new(&config.speech);
    let configured = check::Configured {
        dialogs: &config.dialogs.folder,
        prompts: &config.prompts.folder,
        targets: (!targets.is_empty()).then_some(targets.as_slice()),
        lookups: (!targets.is_empty() || !lookups.is_empty()).then_some(lookups.as_slice()),
        keepers: &keepers,
        voice: ruler.as_ref().map(|ruler| ruler as &dyn check::Voice),
    };
    check::run(arguments, configured)
}

fn test_dialogs(arguments: &test::Arguments, config: &Config) -> ExitCode {
    let targets: Vec<String> = config.handover.targets.keys().cloned().collect();
    test::run(
        arguments,
        test::Configured {
            dialogs: &config.dialogs.folder,
            prompts: &config.prompts.folder,
            targets: (!targets.is_empty()).then_some(targets.as_slice()),
            speech: &config.speech,
        },
    )
}

/// The purposes that the configured dialogs announce, as far as they can be read.
fn announced(config: &Config) -> Vec<Purpose> {
    let files = library::dialogs_in(&config.dialogs.folder).unwrap_or_default();
    let dialogs = files.iter().filter_map(|file| library::load(file, &config.prompts.folder, None).ok());
    let purposes: BTreeSet<Purpose> = dialogs.flat_map(|loaded| loaded.purposes().collect::<Vec<_>>()).collect();
    purposes.into_iter().collect()
}
