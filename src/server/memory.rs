//! Memory that runs short: before the system ends the process, new calls go to a person.
//!
//! What one call takes is bounded by its channels and by `session.turn_memory_mb`, how many there are by `session.max_calls`; this is for when
//! the limit of the process (`ulimit -v`) or of its control group is less than that.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::session::Services;

/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);
/// From this share of the limit on memory runs short, in percent, and below the other it does not any more.
const SHORT: u64 = 90;
const ENOUGH: u64 = 85;

/// Looks on until it is dropped.
pub(super) async fn watch(services: Arc<Services>) {
    let mut short = false;
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let Ok(usage) = tokio::task::spawn_blocking(Usage::of_this_process).await else { return };
        metrics::gauge!("candor_memory_resident_bytes").set(usage.resident as f64);
        metrics::gauge!("candor_turn_memory_bytes").set(services.turn_memory.held() as f64);
        let now = usage.is_short(short);
        metrics::gauge!("candor_memory_short").set(f64::from(u8::from(now)));
        services.calls.set_memory_short(now);
        if now && !short {
            let (limit, percent) =
                (usage.nearest().map_or("", |(limit, _)| limit), usage.nearest().map_or(0, |(_, percent)| percent));
            tracing::error!(
                limit,
                percent,
                "memory runs short: new calls are passed to a person until there is more. Raise the limit, or lower session.max_calls"
            );
        } else if short && !now {
            tracing::info!("there is memory again; new calls are taken");
        }
        short = now;
    }
}

/// What the process takes, and what it may, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    resident: u64,
    address_space: u64,
    /// Of resident memory: the control group's.
    group_limit: Option<u64>,
    /// Of address space: `ulimit -v`.
    address_limit: Option<u64>,
}

impl Usage {
    fn of_this_process() -> Usage {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kilobytes = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok());
            value.unwrap_or(0) * 1024
        };
        let (address_space, resident) = (kilobytes("VmSize:"), kilobytes("VmRSS:"));
        let address_limit = rustix::process::getrlimit(rustix::process::Resource::As).current;
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Usage { resident, address_space, group_limit: group_limit(&groups, Path::new("/sys/fs/cgroup")), address_limit }
    }

    /// The limit that is nearest, by name, and how much of it is used, in percent.
    fn nearest(self) -> Option<(&'static str, u64)> {
        let share =
            |used: u64, limit: Option<u64>| limit.filter(|limit| *limit > 0).map(|limit| used.saturating_mul(100) / limit);
        let group = share(self.resident, self.group_limit).map(|percent| ("control group", percent));
        let address = share(self.address_space, self.address_limit).map(|percent| ("address space", percent));
        group.into_iter().chain(address).max_by_key(|(_, percent)| *percent)
    }

    fn is_short(self, was: bool) -> bool {
        let from = if was { ENOUGH } else { SHORT };
        self.nearest().is_some_and(|(_, percent)| percent >= from)
    }
}

/// The least limit of the control groups that the process is in, by the text of `/proc/self/cgroup`: version 2 (`0::/path`) or the memory
/// controller of version 1. In a container the group's own path may not be there; the limit is then that of the root it sees.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let of_path = |folder: &Path, path: &str, file: &str| {
        let mut least: Option<u64> = None;
        for ancestor in Path::new(path.trim_start_matches('/')).ancestors() {
            let limit = fs::read_to_string(folder.join(ancestor).join(file)).ok().and_then(|text| text.trim().parse().ok());
            least = least.into_iter().chain(limit).min();
        }
        least
    };
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            match (fields.next()?, fields.next()?) {
                ("", path) => of_path(root, path, "memory.max"),
                (controllers, path) if controllers.split(',').any(|name| name == "memory") => {
                    of_path(&root.join("memory"), path, "memory.limit_in_bytes")
                }
                _ => None,
            }
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_on_the_way_up_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("a/memory.max", "4000\n");
        write("a/b/memory.max", "max\n");
        write("memory/c/memory.limit_in_bytes", "9000\n");
        assert_eq!(group_limit("0::/a/b\n", root.path()), Some(4000));
        assert_eq!(group_limit("0::/elsewhere\n", root.path()), None);
        assert_eq!(group_limit("5:memory:/c\n2:cpu,cpuacct:/c\n", root.path()), Some(9000));
        assert_eq!(group_limit("2:cpu:/a\n", root.path()), None);
    }

    #[test]
    fn it_is_short_near_a_limit_and_until_there_is_some_room() {
        let usage =
            |resident, address_space| Usage { resident, address_space, group_limit: Some(1000), address_limit: Some(5000) };
        assert!(!usage(899, 4400).is_short(false) && usage(900, 0).is_short(false) && usage(0, 4500).is_short(false));
        assert!(usage(850, 0).is_short(true) && !usage(849, 0).is_short(true));
        assert_eq!(usage(500, 4900).nearest(), Some(("address space", 98)));
        assert!(!Usage { resident: 1 << 40, address_space: 1 << 40, ..Usage::default() }.is_short(false));
    }
}
