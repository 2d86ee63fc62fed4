//! What calls cost and how they fare: telephone calls, browsers' calls, and the bare transport beside them.
//!
//! ```sh
//! cargo build --release --bin candor --example load
//! target/release/examples/load --cores 0,1 --calls 1,10,50,100,200,400       # telephone calls: docs/performance.md
//! ```
//!
//! The callers are in this process and each server is in one of its own, so that what is counted is the server's alone. The telephone is that of
//! `examples/caller`, the same that the tests call with.

mod browser;
mod echo;
mod endpointing;
mod figures;
mod machine;
mod servers;
mod stand_in;
mod telephone;
#[cfg(test)]
mod trials;
mod usage;

#[path = "../caller/phone/mod.rs"]
mod phone;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// What goes wrong here is said, and ends the run.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const EXAMPLES: &str = "\
Examples:
  load --calls 1,10,50 --seconds 30        telephone calls to a server that is started for each number of them
  load --calls 200 --cores 0,1             the same, with the server on one core and the callers on another
  load --calls 20 --ears stand-in          callers who speak and are understood at once, by a stand-in for a recogniser
  load --calls 1,2,4 --ears vosk           the recogniser itself, with the Korean model
  load --calls 60 --room 50                ten calls more than there is room for: they are passed to a person
  load --calls 400 --echo                  the bare transport: WebSockets that send back what comes
  load --calls 1,10,50 --webrtc            calls from browsers, beside a bare echo
  load endpointing ../shared/speech        whom each length of silence cuts off, in recordings of people
  load --calls 10 --server http://127.0.0.1:8080 --process 4711
                                           a server that runs already

Exit status: 0 every caller was helped, 1 not every one or the measurement failed, 2 called wrongly.";

/// Makes many calls at once in real time, and prints how they fared and what they cost.
#[derive(Parser)]
#[command(name = "load", after_help = EXAMPLES, arg_required_else_help = true)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Measure the bare transport instead: WebSockets that send back what comes.
    #[arg(long, conflicts_with = "webrtc")]
    echo: bool,
    /// Make calls from browsers instead.
    #[arg(long)]
    webrtc: bool,
    #[command(flatten)]
    telephone: telephone::Plan,
    #[command(flatten)]
    browser: browser::Plan,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every measurement is told.
#[derive(Args, Clone, Debug)]
struct Common {
    /// How many calls at once; several numbers are measured one after the other.
    #[arg(long, value_name = "N,…", value_delimiter = ',', required = true)]
    calls: Vec<usize>,
    /// How long is counted, when all calls are past their opening.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Keep the server on one core and the callers on another.
    #[arg(long, value_name = "SERVER,CALLERS", value_parser = cores)]
    cores: Option<(usize, usize)>,
    /// Call a server that runs already. Telephone callers expect the web shop's dialog, and a phone system that hands them over.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The process of that server, to count what it uses.
    #[arg(long, requires = "server")]
    process: Option<u32>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

fn cores(written: &str) -> Result<(usize, usize), String> {
    let numbers = written.split_once(',').and_then(|(server, callers)| Some((server.parse().ok()?, callers.parse().ok()?)));
    numbers.ok_or("expected the numbers of two cores, such as 0,1".to_owned())
}

#[derive(Subcommand)]
enum Command {
    /// Count whom each length of silence cuts off, in a folder of recordings of people (en/yes, en/no, en/other, nl/ja, nl/nee, nl/other).
    Endpointing { folder: PathBuf },
    /// Be one of the servers; the measurement starts them itself.
    #[command(hide = true)]
    Serve {
        which: Served,
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Served {
    Echo,
    BrowserEcho,
    StandIn,
}

/// Says on the side what is going on.
fn progress(what: &str) {
    if std::io::stderr().is_terminal() {
        // The line before is overwritten.
        eprint!("\r\x1b[K{what}");
    } else {
        eprintln!("{what}");
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Addresses under test are plain HTTP, but the client wants to know who would encrypt.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let (None, Some((_, callers))) = (&arguments.command, arguments.common.cores) {
        machine::stay_on(callers)?;
    }
    let mut runtime = match &arguments.command {
        // What gives the sound and what hears it take turns.
        Some(Command::Endpointing { .. }) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        let common = &arguments.common;
        match &arguments.command {
            Some(Command::Endpointing { folder }) => endpointing::run(folder).await,
            Some(Command::Serve { which: Served::Echo, listen }) => echo::serve(*listen).await,
            Some(Command::Serve { which: Served::BrowserEcho, listen }) => browser::serve_echo(*listen).await,
            Some(Command::Serve { which: Served::StandIn, .. }) => stand_in::serve().await,
            None if arguments.echo => echo::measure(common).await,
            None if arguments.webrtc => browser::run(&arguments.browser, common).await,
            None => telephone::run(&arguments.telephone, common).await,
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let arguments =
            Arguments::try_parse_from(["load", "--calls", "1,50", "--cores", "0,1", "--says", "1,0,0", "--noise", "-50"])
                .unwrap();
        assert_eq!((arguments.common.calls.as_slice(), arguments.common.cores), (&[1, 50][..], Some((0, 1))));
        assert!(Arguments::try_parse_from(["load", "serve", "echo", "--listen", "127.0.0.1:0"]).unwrap().command.is_some());
        for wrong in [
            &["load", "--echo"][..],
            &["load", "--calls", "1", "--talk", "2"],
            &["load", "--calls", "1", "--says", "1,2"],
            &["load", "--calls", "1", "--noise", "50"],
            &["load", "--calls", "1", "--echo", "--webrtc"],
        ] {
            assert!(Arguments::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
