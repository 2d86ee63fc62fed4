//! Calls from browsers: each server under each number of calls.

mod caller;
mod echo;
mod peer;
mod sound;

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::figures::{Line, Spread};
use crate::servers::{Kind, Server};
use crate::telephone::Ears;
use crate::usage::{self, Usage};
use crate::{Common, Failure, machine, progress};
use caller::{Heard, Manners};
pub use echo::serve as serve_echo;

/// What is called from browsers.
#[derive(Args, Clone, Debug)]
#[group(id = "browsers")]
pub struct Plan {
    /// With --webrtc: which servers are called.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Which::Echo, Which::Candor])]
    servers: Vec<Which>,
}

/// A server that browsers call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Which {
    /// Candor with the sample dialog; callers answer by keys and buttons, and say yes to the recording.
    Candor,
    /// A bare echo on the same crate.
    Echo,
}

/// How long a server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Row {
    server: Which,
    calls: usize,
    /// Of a core, in percent: all, and each call.
    cpu: f64,
    cpu_each: f64,
    /// Megabytes: before the calls, with them, and each call.
    memory_idle: f64,
    memory: f64,
    memory_each: f64,
    /// From connected media to the first packet that can be heard.
    first_sound: Option<Spread>,
    lost: u64,
    packets: u64,
    turns_sealed: usize,
}

#[derive(Serialize)]
struct Report {
    machine: String,
    seconds: u64,
    rows: Vec<Row>,
    /// How Candor's CPU grows with the calls.
    cpu_growth: Option<Line>,
}

/// Makes the calls, and prints what came of them.
pub async fn run(plan: &Plan, common: &Common) -> Result<(), Failure> {
    if let Some(server) = &common.server {
        return call(server, common).await;
    }
    let mut report = Report { machine: machine::describe(common), seconds: common.seconds, rows: Vec::new(), cpu_growth: None };
    if !common.json {
        println!("{}\n", report.machine);
        println!(
            "| server | calls | CPU of a core, all | per call | memory idle | with calls | per call | first sound, median | longest | lost | turns sealed |"
        );
        println!("|{}", " --- |".repeat(11));
    }
    for which in &plan.servers {
        for calls in &common.calls {
            let row = measure(*which, *calls, common).await?;
            if !common.json {
                println!("{}", row.text());
            }
            report.rows.push(row);
        }
    }
    let ours = report.rows.iter().filter(|row| row.server == Which::Candor);
    report.cpu_growth = Line::through(&ours.map(|row| (row.calls as f64, row.cpu)).collect::<Vec<_>>());
    if common.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}

/// Calls to a server that runs already, and what each heard.
async fn call(server: &str, common: &Common) -> Result<(), Failure> {
    for calls in &common.calls {
        let callers = caller::bring(server, *calls, Manners::Answer).await?;
        tokio::time::sleep(Duration::from_secs(common.seconds)).await;
        for (number, heard) in caller::hang_up(callers).await.into_iter().enumerate() {
            println!("call {}: {heard}", number + 1);
        }
    }
    Ok(())
}

async fn measure(which: Which, calls: usize, common: &Common) -> Result<Row, Failure> {
    let (kind, manners) = match which {
        Which::Candor => (Kind::Candor { ears: Ears::Vad, rate: 150 }, Manners::Answer),
        Which::Echo => (Kind::BrowserEcho, Manners::Talk),
    };
    let server = Server::start(kind, calls + 10, common).await?;
    // What is made once, at the first call, is not what a call costs.
    progress(&format!("{which:?}, {calls} calls: one before them"));
    let first = caller::bring(&server.address, 1, manners).await?;
    tokio::time::sleep(SETTLE).await;
    caller::hang_up(first).await;
    tokio::time::sleep(SETTLE).await;
    let window = Duration::from_secs(common.seconds);
    let idle_before = usage::of(server.process())?;
    tokio::time::sleep(SETTLE).await;
    let idle = usage::of(server.process())?;

    let sealed = server.sealed_turns();
    progress(&format!("{which:?}, {calls} calls"));
    let callers = caller::bring(&server.address, calls, manners).await?;
    tokio::time::sleep(SETTLE).await;
    let before = usage::of(server.process())?;
    progress(&format!("{which:?}, {calls} calls: {} s to go", common.seconds));
    tokio::time::sleep(window).await;
    let busy = usage::of(server.process())?;
    let heard = caller::hang_up(callers).await;
    if manners == Manners::Answer && !heard.iter().all(|heard| heard.recorded) {
        return Err(format!("a call was not recorded:\n{}", server.log()).into());
    }
    tokio::time::sleep(SETTLE).await;
    let share = |from: Usage, to: Usage, time: Duration| 100.0 * (to.cpu - from.cpu).as_secs_f64() / time.as_secs_f64();
    let megabytes = |usage: Usage| usage.resident as f64 / 1024.0 / 1024.0;
    let cpu = share(before, busy, window);
    Ok(Row {
        server: which,
        calls,
        cpu,
        cpu_each: (cpu - share(idle_before, idle, SETTLE)).max(0.0) / calls as f64,
        memory_idle: megabytes(idle),
        memory: megabytes(busy),
        memory_each: (megabytes(busy) - megabytes(idle)) / calls as f64,
        first_sound: Spread::of(heard.iter().filter_map(|heard| heard.first_sound)),
        lost: heard.iter().map(|heard| heard.lost).sum(),
        packets: heard.iter().map(|heard: &Heard| heard.came + heard.lost).sum(),
        turns_sealed: server.sealed_turns() - sealed,
    })
}

impl Row {
    fn text(&self) -> String {
        let Row { calls, cpu, cpu_each, memory_idle, memory, memory_each, lost, packets, turns_sealed, .. } = self;
        let name = if self.server == Which::Candor { "Candor" } else { "echo" };
        let sound =
            self.first_sound.map_or("— | —".to_owned(), |s| format!("{:.0} ms | {:.0} ms", s.median_ms, s.longest_ms));
        format!(
            "| {name} | {calls} | {cpu:.2} % | {cpu_each:.2} % | {memory_idle:.1} MB | {memory:.1} MB | {memory_each:.2} MB | {sound} | {lost} of {packets} | {turns_sealed} |"
        )
    }
}
