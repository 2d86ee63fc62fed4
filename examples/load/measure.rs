//! The table: each server under each number of calls.

use std::time::Duration;

use clap::Args;

use crate::caller::{self, Heard, Manners};
use crate::servers::{Kind, Server};
use crate::usage::{self, Usage};
use crate::{Failure, Says};

#[derive(Args)]
pub struct Plan {
    /// How many calls at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50])]
    calls: Vec<usize>,
    /// For how long CPU is counted.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Which servers.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Echo, Kind::Candor])]
    servers: Vec<Kind>,
    /// What callers say to the recording.
    #[arg(long, value_enum, default_value_t = Says::Yes)]
    says: Says,
}

/// How long a server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(5);

struct Row {
    kind: Kind,
    calls: usize,
    /// Of one core.
    cpu: f64,
    idle_cpu: f64,
    idle: Usage,
    busy: Usage,
    heard: Vec<Heard>,
    sealed: usize,
}

pub async fn run(plan: &Plan) -> Result<(), Failure> {
    println!("{}", machine());
    println!(
        "| server | calls | CPU of a core, all | per call | memory idle | with calls | per call | first sound, median | longest | lost | turns sealed |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for kind in &plan.servers {
        for calls in &plan.calls {
            println!("{}", measure(*kind, *calls, plan).await?.text());
        }
    }
    Ok(())
}

async fn measure(kind: Kind, calls: usize, plan: &Plan) -> Result<Row, Failure> {
    let manners = if kind == Kind::Candor { Manners::of_the_dialog(plan.says) } else { Manners::Talk };
    let server = Server::start(kind, calls).await?;
    // What is made once, at the first call, is not what a call costs.
    let first = caller::bring(&server.address, 1, manners).await?;
    tokio::time::sleep(SETTLE).await;
    caller::hang_up(first).await;
    tokio::time::sleep(SETTLE).await;
    let window = Duration::from_secs(plan.seconds);
    let idle_before = usage::of(server.process())?;
    tokio::time::sleep(SETTLE).await;
    let idle = usage::of(server.process())?;

    let sealed = server.sealed_turns();
    let callers = caller::bring(&server.address, calls, manners).await?;
    tokio::time::sleep(SETTLE).await;
    let before = usage::of(server.process())?;
    tokio::time::sleep(window).await;
    let busy = usage::of(server.process())?;
    let heard = caller::hang_up(callers).await;
    if plan.says == Says::Yes && kind == Kind::Candor && !heard.iter().all(|heard| heard.recorded) {
        return Err(format!("a call was not recorded:\n{}", server.log()).into());
    }
    tokio::time::sleep(SETTLE).await;
    let share = |from: Usage, to: Usage, time: Duration| (to.cpu - from.cpu).as_secs_f64() / time.as_secs_f64();
    Ok(Row {
        kind,
        calls,
        cpu: share(before, busy, window),
        idle_cpu: share(idle_before, idle, SETTLE),
        idle,
        busy,
        heard,
        sealed: server.sealed_turns() - sealed,
    })
}

impl Row {
    fn text(&self) -> String {
        let Row { kind, calls, cpu, idle_cpu, idle, busy, heard, sealed } = self;
        let megabytes = |bytes: f64| bytes / 1024.0 / 1024.0;
        let name = if *kind == Kind::Candor { "Candor" } else { "echo" };
        let per_call = (cpu - idle_cpu).max(0.0) / *calls as f64;
        let memory = (busy.resident as f64 - idle.resident as f64) / *calls as f64;
        let mut sounds: Vec<u128> = heard.iter().filter_map(|heard| Some(heard.first_sound?.as_millis())).collect();
        sounds.sort_unstable();
        let milliseconds = |at: Option<&u128>| at.map_or("—".to_owned(), |ms| format!("{ms} ms"));
        let lost: u64 = heard.iter().map(|heard| heard.lost).sum();
        let came: u64 = heard.iter().map(|heard| heard.came).sum();
        format!(
            "| {name} | {calls} | {:.2} % | {:.2} % | {:.1} MB | {:.1} MB | {:.2} MB | {} | {} | {lost} of {} | {sealed} |",
            cpu * 100.0,
            per_call * 100.0,
            megabytes(idle.resident as f64),
            megabytes(busy.resident as f64),
            megabytes(memory),
            milliseconds(sounds.get(sounds.len() / 2)),
            milliseconds(sounds.last()),
            came + lost,
        )
    }
}

/// Where this ran.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let of = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        line.map_or("?".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let (processor, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    format!(
        "{}, {cores} cores, {}, Linux {}; load before: {}\n",
        of(&processor, "model name"),
        of(&memory, "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}
