//! What the control plane's process has used. Linux only.

use std::time::Duration;

use anyhow::Context as _;

/// Linux counts CPU time in hundredths of a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

pub(super) struct Process {
    pid: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) resident_kib: u64,
    pub(super) resident_peak_kib: u64,
}

// === impl Process ===

impl Process {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// User and system time of all threads since the start.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // The name, in brackets, may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let status = self.read("status")?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .with_context(|| format!("no {name} in the status"))
        };
        Ok(Memory {
            resident_kib: kib("VmRSS:")?,
            resident_peak_kib: kib("VmHWM:")?,
        })
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let process = Process::new(std::process::id());
        process.cpu().unwrap();
        let memory = process.memory().unwrap();
        assert!(memory.resident_kib > 0);
        assert!(memory.resident_peak_kib >= memory.resident_kib);
    }
}
