//! The in-process store: total, each service, each node.
//!
//! Invariant: memory is bounded by the number of names times `SECONDS_KEPT`, and a name that was
//! silent for that long is forgotten.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bascule_proto::config::v1 as proto;

use crate::failure::{FailureRecord, Failures};
use crate::series::{Point, Series};

/// Rates and quantiles are of the last so many whole seconds: short enough to be live, long enough
/// that a report that comes late does not show as a dip.
pub const INTERVAL_SECONDS: u64 = 10;
/// Names come from nodes; this bounds what a mistaken one can cost.
const SERIES_MAX: usize = 10_000;

/// What has happened lately.
#[derive(Debug, Default)]
pub struct Stats {
    inner: Mutex<Inner>,
}

/// Rates and quantiles over the interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    pub requests_per_second: f64,
    pub errors_per_second: f64,
    /// `None` when nothing was served in the interval.
    pub p50_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    total: Series,
    services: BTreeMap<String, Series>,
    nodes: BTreeMap<String, Series>,
    failures: Failures,
}

// === impl Stats ===

impl Stats {
    /// Takes in what a node reported at `second`.
    pub fn ingest(&self, node: &str, second: u64, report: &proto::Report) {
        let mut inner = self.lock();
        let mut of_node = Point {
            second,
            ..Point::default()
        };
        for delta in &report.channels {
            let point = point_of(second, delta);
            of_node.merge(&point);
            if !delta.service.is_empty() {
                add(&mut inner.services, &delta.service, &point);
            }
        }
        inner.total.add(&of_node);
        add(&mut inner.nodes, node, &of_node);
        for failure in &report.failures {
            inner.failures.add(node, failure);
        }
    }

    pub fn total(&self, now: u64) -> Summary {
        Summary::of(&self.lock().total, now)
    }

    pub fn service(&self, name: &str, now: u64) -> Summary {
        self.lock()
            .services
            .get(name)
            .map(|series| Summary::of(series, now))
            .unwrap_or_default()
    }

    pub fn node(&self, name: &str, now: u64) -> Summary {
        self.lock()
            .nodes
            .get(name)
            .map(|series| Summary::of(series, now))
            .unwrap_or_default()
    }

    /// Services that were called lately, in order of name.
    pub fn services(&self, now: u64) -> Vec<(String, Summary)> {
        let mut inner = self.lock();
        forget(&mut inner.services, now);
        let summary = |(name, series): (&String, &Series)| (name.clone(), Summary::of(series, now));
        inner.services.iter().map(summary).collect()
    }

    /// The seconds of the last five minutes that had reports, oldest first, the running one left
    /// out.
    pub fn points(&self, now: u64) -> Vec<Point> {
        let mut inner = self.lock();
        inner.total.forget(now);
        inner
            .total
            .points()
            .filter(|point| point.second < now)
            .cloned()
            .collect()
    }

    /// Newest first, those with a sequence below `before`.
    pub fn failures(&self, before: u64, limit: usize) -> Vec<FailureRecord> {
        self.lock().failures.page(before, limit)
    }

    pub fn failure(&self, cid: &str) -> Option<FailureRecord> {
        self.lock().failures.find(cid)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Summary ===

impl Summary {
    fn of(series: &Series, now: u64) -> Self {
        let sum = series.between(now.saturating_sub(INTERVAL_SECONDS), now);
        Self {
            requests_per_second: per_second(sum.requests),
            errors_per_second: per_second(sum.errors),
            p50_us: sum.durations.quantile(500),
            p95_us: sum.durations.quantile(950),
            p99_us: sum.durations.quantile(990),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate for people; 2^53 requests are far away"
)]
fn per_second(count: u64) -> f64 {
    count as f64 / INTERVAL_SECONDS as f64
}

fn point_of(second: u64, delta: &proto::ChannelDelta) -> Point {
    let mut point = Point {
        second,
        ..Point::default()
    };
    for code in &delta.codes {
        point.requests += code.count;
        if code.code >= 500 {
            point.errors += code.count;
        }
    }
    point.durations.add_pairs(&delta.histogram);
    point
}

fn add(all: &mut BTreeMap<String, Series>, name: &str, point: &Point) {
    if !all.contains_key(name) && all.len() >= SERIES_MAX {
        forget(all, point.second);
        if all.len() >= SERIES_MAX {
            return;
        }
    }
    all.entry(name.to_owned()).or_default().add(point);
}

fn forget(all: &mut BTreeMap<String, Series>, now: u64) {
    all.retain(|_, series| {
        series.forget(now);
        !series.is_empty()
    });
}

#[cfg(test)]
mod tests;
