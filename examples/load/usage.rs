//! What a process uses, as Linux counts it (proc(5)).

use std::fs;
use std::time::Duration;

use crate::Failure;

/// Ticks of the kernel's clock in a second: `USER_HZ`, which is 100 on every machine that this runs on.
const TICKS: f64 = 100.0;

/// CPU time since its start, and memory now (bytes).
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cpu: Duration,
    /// Resident, shared pages included.
    pub resident: u64,
}

/// Looks at a process of this machine.
pub fn of(process: u32) -> Result<Usage, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything; what follows it is in columns.
    let (_, columns) = stat.rsplit_once(") ").ok_or("/proc/PID/stat has no name")?;
    let column = |number: usize| -> Result<u64, Failure> {
        let text = columns.split(' ').nth(number - 3).ok_or("/proc/PID/stat is too short")?;
        Ok(text.parse()?)
    };
    let (user, system) = (column(14)?, column(15)?);
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("/proc/PID/smaps_rollup is not as expected")?;
    let resident = line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024;
    Ok(Usage { cpu: Duration::from_secs_f64((user + system) as f64 / TICKS), resident })
}
