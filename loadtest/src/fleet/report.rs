//! The fleet's result as JSON and as a table; the JSON's fields are documented in `README.md` beside this crate.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::process::Memory;

/// Everything that one run measured.
pub(super) struct Measured {
    pub(super) nodes: usize,
    pub(super) channels: usize,
    pub(super) takes_deltas: bool,
    pub(super) shared: bool,
    pub(super) create_s: f64,
    pub(super) changes: Vec<Change>,
    pub(super) plane_cpu: Option<Duration>,
    pub(super) plane_memory: Option<Memory>,
}

/// One change, from sending it to the API.
pub(super) struct Change {
    /// Until the control plane said that every node runs it.
    pub(super) live: Duration,
    /// Until the last node sent its acknowledgement.
    pub(super) last_acknowledged: Duration,
    /// The longest that a node took from the message to the snapshot with its hash found right.
    pub(super) made: Duration,
    /// Of the messages to all nodes.
    pub(super) bytes: usize,
    /// Nodes that got a delta.
    pub(super) deltas: usize,
    pub(super) resyncs: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    tool: &'static str,
    version: &'static str,
    nodes: usize,
    channels: usize,
    takes_deltas: bool,
    shared: bool,
    create_s: f64,
    changes: usize,
    live_ms: Spread,
    last_acknowledged_ms: Spread,
    made_ms: Spread,
    bytes_per_node: f64,
    deltas: usize,
    wholes: usize,
    resyncs: u64,
    plane_cpu_ms_per_change: Option<f64>,
    plane_resident_mib: Option<f64>,
    plane_resident_peak_mib: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Spread {
    p50: f64,
    p99: f64,
    max: f64,
}

pub(super) fn print(measured: &Measured, json: Option<&str>) -> anyhow::Result<()> {
    let report = Report::of(measured);
    let text = || serde_json::to_string_pretty(&report);
    let mut stdout = std::io::stdout();
    match json {
        Some("-") => writeln!(stdout, "{}", text()?)?,
        Some(path) => {
            std::fs::write(path, text()? + "\n").with_context(|| format!("writing {path}"))?;
            write!(stdout, "{}", report.table())?;
        }
        None => write!(stdout, "{}", report.table())?,
    }
    Ok(())
}

// === impl Report ===

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
    fn of(measured: &Measured) -> Self {
        let changes = &measured.changes;
        let count = changes.len().max(1);
        let sends = (count * measured.nodes).max(1);
        let spread = |of: fn(&Change) -> Duration| Spread::of(changes.iter().map(of).collect());
        let deltas = changes.iter().map(|change| change.deltas).sum();
        let bytes: usize = changes.iter().map(|change| change.bytes).sum();
        let mib = |of: fn(Memory) -> u64| measured.plane_memory.map(|m| of(m) as f64 / 1024.0);
        Self {
            tool: "bascule-loadtest fleet",
            version: env!("CARGO_PKG_VERSION"),
            nodes: measured.nodes,
            channels: measured.channels,
            takes_deltas: measured.takes_deltas,
            shared: measured.shared,
            create_s: measured.create_s,
            changes: changes.len(),
            live_ms: spread(|change| change.live),
            last_acknowledged_ms: spread(|change| change.last_acknowledged),
            made_ms: spread(|change| change.made),
            bytes_per_node: bytes as f64 / sends as f64,
            deltas,
            wholes: (changes.len() * measured.nodes).saturating_sub(deltas),
            resyncs: changes
                .iter()
                .map(|change| change.resyncs)
                .max()
                .unwrap_or(0),
            plane_cpu_ms_per_change: measured
                .plane_cpu
                .map(|cpu| cpu.as_secs_f64() * 1e3 / count as f64),
            plane_resident_mib: mib(|memory| memory.resident_kib),
            plane_resident_peak_mib: mib(|memory| memory.resident_peak_kib),
        }
    }

    fn table(&self) -> String {
        let spread = |name: &str, spread: &Spread| {
            let Spread { p50, p99, max } = spread;
            format!("{name:<24} p50 {p50:>9.2} ms   p99 {p99:>9.2} ms   max {max:>9.2} ms\n")
        };
        let one = |name: &str, value: Option<f64>, unit: &str| match value {
            Some(value) => format!("{name:<24} {value:>13.2} {unit}\n"),
            None => String::new(),
        };
        [
            format!(
                "{} nodes, {} channels, {} changes: {} deltas, {} wholes, {} resyncs\n",
                self.nodes, self.channels, self.changes, self.deltas, self.wholes, self.resyncs
            ),
            spread("live on all nodes", &self.live_ms),
            spread("last node acknowledged", &self.last_acknowledged_ms),
            spread("made by a node", &self.made_ms),
            one("bytes a node and change", Some(self.bytes_per_node), "B"),
            one("plane's CPU a change", self.plane_cpu_ms_per_change, "ms"),
            one("plane's memory", self.plane_resident_mib, "MiB"),
            one("plane's memory, peak", self.plane_resident_peak_mib, "MiB"),
        ]
        .concat()
    }
}

// === impl Spread ===

impl Spread {
    /// Of the few values themselves: no bucket rounds them.
    fn of(mut values: Vec<Duration>) -> Self {
        values.sort_unstable();
        let at = |percent: usize| {
            // The smallest value that so many of a hundred do not exceed.
            let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
            let value = values.get(place).copied().unwrap_or_default();
            value.as_secs_f64() * 1e3
        };
        Self {
            p50: at(50),
            p99: at(99),
            max: at(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect());
        let shown = |Spread { p50, p99, max }| format!("{p50:.0} {p99:.0} {max:.0}");
        assert_eq!(shown(spread), "100 198 200");
        assert_eq!(shown(Spread::of(Vec::new())), "0 0 0");
        assert_eq!(
            shown(Spread::of(vec![Duration::from_secs(1)])),
            "1000 1000 1000"
        );
    }

    #[test]
    fn bytes_are_per_node_and_what_is_no_delta_is_a_whole() {
        let change = || Change {
            live: Duration::from_millis(20),
            last_acknowledged: Duration::from_millis(19),
            made: Duration::from_millis(1),
            bytes: 600,
            deltas: 1,
            resyncs: 0,
        };
        let report = Report::of(&Measured {
            nodes: 2,
            channels: 10,
            takes_deltas: true,
            shared: false,
            create_s: 0.0,
            changes: vec![change(), change()],
            plane_cpu: Some(Duration::from_millis(50)),
            plane_memory: None,
        });
        assert_eq!((report.deltas, report.wholes), (2, 2));
        let table = report.table();
        assert!(
            table.contains("2 nodes, 10 channels, 2 changes: 2 deltas, 2 wholes"),
            "{table}"
        );
        assert!(table.contains(" 300.00 B\n"), "{table}");
        assert!(table.contains(" 25.00 ms\n"), "{table}");
        assert!(!table.contains("plane's memory"), "{table}");
    }
}
