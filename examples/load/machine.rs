//! Where this runs, on which of its cores, and how late its own clock is.

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::figures::Spread;
use crate::{Common, Failure};

/// Keeps this process on one core. To be called before it has other threads, which then stay there too.
pub fn stay_on(core: usize) -> Result<(), Failure> {
    let (core, process) = (core.to_string(), std::process::id().to_string());
    let pinned = Command::new("taskset").args(["--cpu-list", "--pid", &core, &process]).output();
    match pinned {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("taskset: {}", String::from_utf8_lossy(&output.stderr).trim()).into()),
        Err(error) => {
            Err(format!("taskset cannot be started ({error}): it comes with util-linux. Without --cores nobody is kept on one")
                .into())
        }
    }
}

/// A line about the machine, and on what of it the processes are.
pub fn describe(common: &Common) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let of = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        line.map_or("?".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let (processor, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let cores = processor.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    let kept = match common.cores {
        Some((server, callers)) => format!("the server on core {server} alone, the callers on core {callers}"),
        None => "nobody kept on one core".to_owned(),
    };
    let build = if cfg!(debug_assertions) { ". A debug build, whose figures say little: build with --release" } else { "" };
    format!(
        "{}, {cores} cores, {}, Linux {}; load before: {}; {kept}{build}",
        of(&processor, "model name"),
        of(&memory, "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}

/// The process's own clock: how much later than asked for it is woken. What it is late, the callers are late.
pub struct Clock(JoinHandle<()>, std::sync::Arc<std::sync::Mutex<Vec<Duration>>>);

impl Clock {
    /// Begins to watch.
    pub fn watch() -> Clock {
        let late = std::sync::Arc::<std::sync::Mutex<Vec<Duration>>>::default();
        let notes = late.clone();
        let task = tokio::spawn(async move {
            loop {
                let due = Instant::now() + Duration::from_millis(20);
                tokio::time::sleep_until(due.into()).await;
                if let Ok(mut notes) = notes.lock() {
                    notes.push(due.elapsed());
                }
            }
        });
        Clock(task, late)
    }

    /// How late it was.
    pub fn stop(self) -> Option<Spread> {
        self.0.abort();
        Spread::of(self.1.lock().ok()?.drain(..))
    }
}
