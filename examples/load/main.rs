//! What a browser's call costs: measures CPU, memory and the first sound of a server under calls, beside a bare echo on the same WebRTC crate.
//!
//! ```sh
//! cargo build --release && cargo run --release --example load -- measure      # the table of docs/performance.md
//! cargo run --release --example load -- call --server http://127.0.0.1:8080 --calls 5    # calls to a server that runs already
//! ```
//!
//! The callers are in this process and each server is in one of its own, so that what is counted is the server's alone. Each caller sends
//! speech-like sound all the time, says yes to the recording by the button of a page, and goes round in the dialog by keys.

mod caller;
mod echo;
mod measure;
mod peer;
mod servers;
mod sound;
mod usage;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// What goes wrong here is said, and ends the run.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "load", about = "What a browser's call costs")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a server of each kind for each number of calls, and print the table.
    Measure(measure::Plan),
    /// Bring calls to a server that runs already, and say what they heard.
    Call(Calls),
    /// The bare echo: what comes in goes out.
    Echo {
        /// Address and port of the offers.
        #[arg(long, default_value = "127.0.0.1:9090")]
        listen: SocketAddr,
    },
}

#[derive(clap::Args)]
struct Calls {
    /// Where the server is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    server: String,
    /// How many callers at once.
    #[arg(long, default_value_t = 1)]
    calls: usize,
    /// How long they stay.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// What they say to the recording.
    #[arg(long, value_enum, default_value_t = Says::Yes)]
    says: Says,
}

/// A caller's answer to the consent question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Says {
    /// Record me.
    Yes,
    /// Do not.
    No,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Measure(plan) => measure::run(&plan).await,
        Command::Call(calls) => call(&calls).await,
        Command::Echo { listen } => echo::serve(listen).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn call(calls: &Calls) -> Result<(), Failure> {
    let callers = caller::bring(&calls.server, calls.calls, caller::Manners::of_the_dialog(calls.says)).await?;
    tokio::time::sleep(Duration::from_secs(calls.seconds)).await;
    for (number, heard) in caller::hang_up(callers).await.into_iter().enumerate() {
        println!("call {}: {heard}", number + 1);
    }
    Ok(())
}
