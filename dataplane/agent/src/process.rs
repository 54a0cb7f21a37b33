//! What the node and its workers use of the machine, read from `/proc`.
//!
//! Invariant: a file that cannot be read counts as nothing; figures are for people, not decisions.

use std::fs;

/// Clock ticks of `/proc` are 100 a second on every Linux that Rust supports (`USER_HZ`).
const TICK_US: u64 = 10_000;
/// Counted from 0 after the closing parenthesis of the name in `/proc/PID/stat`.
const STAT_UTIME: usize = 11;
const STAT_CSTIME: usize = 14;

/// Used by the process, its children now, and its children that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Since the start.
    pub cpu_us: u64,
    pub resident_bytes: u64,
    /// Of the process alone.
    pub open_descriptors: u64,
}

/// Reads the usage of this process and its children.
pub fn usage() -> Usage {
    let own = std::process::id();
    let mut usage = Usage {
        cpu_us: 0,
        resident_bytes: 0,
        open_descriptors: fs::read_dir("/proc/self/fd").map_or(0, |all| all.count() as u64),
    };
    for process in std::iter::once(own).chain(children(own)) {
        usage.cpu_us += cpu_us(process);
        usage.resident_bytes += resident_bytes(process);
    }
    usage
}

/// Children of all threads: the supervisor's thread starts the workers.
fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    let lists = tasks
        .flatten()
        .map(|task| fs::read_to_string(task.path().join("children")));
    let lists: Vec<String> = lists.flatten().collect();
    lists
        .iter()
        .flat_map(|list| list.split_whitespace())
        .flat_map(str::parse)
        .collect()
}

fn cpu_us(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    cpu_ticks(&stat) * TICK_US
}

/// User and system time, its own and that of children it has waited for.
fn cpu_ticks(stat: &str) -> u64 {
    // The name may hold spaces and parentheses; the last one closes it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = fields
        .split_whitespace()
        .take(STAT_CSTIME + 1)
        .skip(STAT_UTIME);
    times.flat_map(str::parse::<u64>).sum()
}

fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_hostile_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99";
        assert_eq!(cpu_ticks(stat), 100);
    }

    #[test]
    fn garbage_counts_as_nothing() {
        assert_eq!(cpu_ticks(""), 0);
        assert_eq!(cpu_ticks("7 (x) S"), 0);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage().resident_bytes > 0);
        assert!(usage().open_descriptors > 0);
    }

    #[test]
    fn a_child_counts() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let found = children(std::process::id()).contains(&child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }
}
