//! The result as JSON and as a table. The JSON's fields are documented in `README.md` beside this crate and only grow.
//! Invariant: both faces show the same numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::plan::{Model, Plan};
use crate::tally::{Failure, Tally};

/// Above this the generator itself may be what is measured.
const GENERATOR_BUSY: f64 = 0.9;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    tool: &'static str,
    version: &'static str,
    model: &'static str,
    urls: Vec<String>,
    connections: usize,
    threads: usize,
    pipeline: usize,
    keep_alive: bool,
    rate: Option<f64>,
    warmup_s: f64,
    duration_s: f64,
    interrupted: bool,
    requests: Requests,
    requests_per_second: f64,
    body_bytes: u64,
    body_bytes_per_second: f64,
    connections_opened: u64,
    latency_us: Latency,
    service_time_us: Latency,
    status: BTreeMap<String, u64>,
    errors: BTreeMap<&'static str, u64>,
    bad_response: Option<&'static str>,
    generator_cpu_s: f64,
    generator_cpu_share: f64,
}

#[derive(Debug, Serialize)]
struct Requests {
    sent: u64,
    answered: u64,
    failed: u64,
    unsent: u64,
}

#[derive(Debug, Serialize)]
struct Latency {
    min: f64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

// === impl Report ===

impl Report {
    /// `wall` is from the first request to the end of the last thread, `cpu` the generator's own time in it.
    pub(crate) fn new(plan: &Plan, tally: &Tally, wall: Duration, cpu: Duration) -> Self {
        let planned = plan.duration.as_secs_f64();
        let last = Duration::from_nanos(tally.last_answer_ns).saturating_sub(plan.warmup);
        // A run that its count or Ctrl-C ended is as long as its answers took; others last as planned, or until the last answer.
        let duration_s = if plan.requests_max.is_some() || tally.is_interrupted {
            last.as_secs_f64()
        } else {
            last.as_secs_f64().max(planned)
        };
        let per_second = |count: u64| {
            if duration_s > 0.0 {
                as_f64(count) / duration_s
            } else {
                0.0
            }
        };
        let (model, pipeline, rate) = match plan.model {
            Model::Closed { pipeline } => ("closed", pipeline, None),
            Model::Open { rate, .. } => ("open", 1, Some(as_f64(rate.per_1000_seconds) / 1000.0)),
        };
        let threads = f64::from(u32::try_from(plan.threads).unwrap_or(u32::MAX));
        Self {
            tool: "bascule-loadtest",
            version: env!("CARGO_PKG_VERSION"),
            model,
            urls: plan.urls.clone(),
            connections: plan.connections,
            threads: plan.threads,
            pipeline,
            keep_alive: !plan.new_connection,
            rate,
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s,
            interrupted: tally.is_interrupted,
            requests: Requests {
                sent: tally.sent,
                answered: tally.answered_count(),
                failed: tally.failed_count(),
                unsent: tally.unsent,
            },
            requests_per_second: per_second(tally.answered_count()),
            body_bytes: tally.body_bytes,
            body_bytes_per_second: per_second(tally.body_bytes),
            connections_opened: tally.connections_opened,
            latency_us: Latency::new(&tally.latency),
            service_time_us: Latency::new(&tally.service_time),
            status: tally
                .statuses()
                .map(|(code, count)| (code.to_string(), count))
                .collect(),
            errors: Failure::ALL
                .map(|f| (f.name(), tally.failures.get(f.name()).copied().unwrap_or(0)))
                .into(),
            bad_response: tally.bad_response,
            generator_cpu_s: cpu.as_secs_f64(),
            generator_cpu_share: cpu.as_secs_f64() / (wall.as_secs_f64() * threads).max(1e-9),
        }
    }

    pub(crate) fn table(&self) -> String {
        self.write_table().unwrap_or_default()
    }

    fn write_table(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        let model = match self.rate {
            Some(rate) => format!(
                "open, {rate} requests/s, up to {} connections",
                self.connections
            ),
            None if self.pipeline > 1 => {
                format!(
                    "closed, {} connections × {} in flight",
                    self.connections, self.pipeline
                )
            }
            None => format!("closed, {} connections", self.connections),
        };
        let reuse = if self.keep_alive {
            "kept alive"
        } else {
            "a new one per request"
        };
        writeln!(out, "model       {model}, {reuse}")?;
        for url in &self.urls {
            writeln!(out, "target      {url}")?;
        }
        let early = if self.interrupted {
            ", interrupted: a part of what was asked for"
        } else {
            ""
        };
        writeln!(
            out,
            "measured    {:.2} s after {:.2} s of warm-up{early}",
            self.duration_s, self.warmup_s
        )?;
        let r = &self.requests;
        writeln!(
            out,
            "requests    {} answered, {} failed, {} not sent",
            r.answered, r.failed, r.unsent
        )?;
        writeln!(
            out,
            "rate        {:.1} requests/s, {:.2} MB/s of bodies, {} connections opened",
            self.requests_per_second,
            self.body_bytes_per_second / 1e6,
            self.connections_opened
        )?;
        writeln!(out)?;
        writeln!(out, "            {}", Latency::heading())?;
        writeln!(out, "latency     {}", self.latency_us.row())?;
        if self.rate.is_some() {
            writeln!(out, "  once sent {}", self.service_time_us.row())?;
        }
        writeln!(out)?;
        for (code, count) in &self.status {
            writeln!(out, "status {code}  {count}")?;
        }
        for (name, count) in self.errors.iter().filter(|&(_, &count)| count > 0) {
            writeln!(out, "failed      {count} × {}", name.replace('_', " "))?;
        }
        if let Some(fault) = self.bad_response {
            writeln!(out, "            first bad response: {fault}")?;
        }
        if self.generator_cpu_share > GENERATOR_BUSY {
            writeln!(
                out,
                "note        the load generator was busy for {:.0} % of the time: it may be the limit, not the server",
                self.generator_cpu_share * 100.0
            )?;
        }
        Ok(out)
    }
}

// === impl Latency ===

impl Latency {
    fn new(histogram: &Histogram<u64>) -> Self {
        let at = |quantile: f64| as_f64(histogram.value_at_quantile(quantile)) / 1000.0;
        Self {
            min: as_f64(histogram.min()) / 1000.0,
            mean: if histogram.is_empty() {
                0.0
            } else {
                histogram.mean() / 1000.0
            },
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: as_f64(histogram.max()) / 1000.0,
        }
    }

    fn heading() -> String {
        ["p50", "p90", "p99", "p99.9", "max", "mean"]
            .map(|name| format!("{name:>10}"))
            .concat()
    }

    fn row(&self) -> String {
        [
            self.p50, self.p90, self.p99, self.p99_9, self.max, self.mean,
        ]
        .map(|us| format!("{:>10}", readable(us)))
        .concat()
    }
}

/// Microseconds with the unit that a person would choose.
fn readable(us: f64) -> String {
    match us {
        us if us < 1000.0 => format!("{us:.0} µs"),
        us if us < 1_000_000.0 => format!("{:.2} ms", us / 1000.0),
        us => format!("{:.2} s", us / 1_000_000.0),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts for display; 2^53 is out of reach"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
