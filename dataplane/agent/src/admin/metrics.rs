//! The Prometheus page. Pure: a reading in, text out.
//!
//! Invariant: labels are bounded by config (channels, services, endpoints, codes), never by what
//! clients send, and channels beyond the cap are left out and counted.

mod exposition;

use dp_stats::{ChannelTotals, NodeTotals};

use self::exposition::{Exposition, Kind};
use crate::clock::unix_seconds;
use crate::node::Workers;
use crate::process::Usage;
use crate::status::{Link, NodeStatus};

/// Channels on one page; each has some 25 lines, and a scrape of more is slower than it is useful.
const CHANNELS_MAX: usize = 2000;

type Size = fn(&ChannelTotals) -> u64;

/// Everything that the page says.
#[derive(Clone, Debug)]
pub struct Reading {
    pub version: String,
    pub status: NodeStatus,
    pub workers: Workers,
    pub totals: NodeTotals,
    pub usage: Usage,
}

/// The page.
pub fn render(reading: &Reading) -> String {
    let mut page = Exposition::default();
    let build = [
        ("version", reading.version.as_str()),
        ("python", &reading.workers.python),
    ];
    page.family("bascule_build_info", Kind::Gauge, "What runs");
    page.sample("", &build, 1_u32);
    channels(&mut page, &reading.totals);
    listeners(&mut page, &reading.totals);
    upstreams(&mut page, &reading.totals);
    workers(&mut page, &reading.totals, &reading.workers);
    config(&mut page, &reading.status);
    process(&mut page, reading);
    page.into_text()
}

fn channels(page: &mut Exposition, totals: &NodeTotals) {
    let all = || totals.channels.iter().take(CHANNELS_MAX);
    page.family(
        "bascule_http_requests_total",
        Kind::Counter,
        "Exchanges by channel and code",
    );
    for (key, channel) in all() {
        for (code, count) in &channel.codes {
            let labels = [
                ("channel", &*key.channel),
                ("service", &*key.service),
                ("code", &code.to_string()),
            ];
            page.sample("", &labels, *count);
        }
    }
    let help = "Whole exchanges, from the head read to the response written";
    page.family(
        "bascule_http_request_duration_seconds",
        Kind::Histogram,
        help,
    );
    for (key, channel) in all() {
        let labels = [("channel", &*key.channel), ("service", &*key.service)];
        page.histogram(&labels, &channel.duration);
    }
    let sizes: [(&str, &str, Size); 2] = [
        (
            "bascule_http_request_bytes_total",
            "Bytes of requests",
            |c| c.bytes_in,
        ),
        (
            "bascule_http_response_bytes_total",
            "Bytes of responses",
            |c| c.bytes_out,
        ),
    ];
    for (name, help, value) in sizes {
        page.family(name, Kind::Counter, help);
        for (key, channel) in all() {
            page.sample("", &[("channel", &*key.channel)], value(channel));
        }
    }
    let dropped = totals.channels.len().saturating_sub(CHANNELS_MAX);
    page.single(
        "bascule_metrics_series_dropped",
        Kind::Gauge,
        "Channels left out here",
        dropped,
    );
}

fn listeners(page: &mut Exposition, totals: &NodeTotals) {
    let listeners = [("node", totals.node), ("balancer", totals.balancer)];
    page.family("bascule_http_connections", Kind::Gauge, "Open connections");
    for (name, listener) in listeners {
        page.sample("", &[("listener", name)], listener.connections);
    }
    page.family(
        "bascule_http_requests_in_flight",
        Kind::Gauge,
        "Exchanges in flight",
    );
    for (name, listener) in listeners {
        page.sample("", &[("listener", name)], listener.in_flight);
    }
    page.family(
        "bascule_http_connections_accepted_total",
        Kind::Counter,
        "Connections accepted",
    );
    for (name, listener) in listeners {
        page.sample("", &[("listener", name)], listener.accepted);
    }
    page.family(
        "bascule_http_accept_failures_total",
        Kind::Counter,
        "Accepts that failed",
    );
    for (name, listener) in listeners {
        page.sample("", &[("listener", name)], listener.accept_failures);
    }
    let help = "Requests refused before they could be routed";
    page.family("bascule_http_heads_refused_total", Kind::Counter, help);
    for (name, listener) in listeners {
        page.sample("", &[("listener", name)], listener.heads_refused);
    }
}

fn upstreams(page: &mut Exposition, totals: &NodeTotals) {
    page.family(
        "bascule_upstream_requests_total",
        Kind::Counter,
        "Exchanges by endpoint and code",
    );
    for (endpoint, upstream) in &totals.upstreams {
        for (code, count) in &upstream.codes {
            page.sample(
                "",
                &[("connection", endpoint), ("code", &code.to_string())],
                *count,
            );
        }
    }
    page.family(
        "bascule_upstream_duration_seconds",
        Kind::Histogram,
        "Exchanges with endpoints",
    );
    for (endpoint, upstream) in &totals.upstreams {
        page.histogram(&[("connection", endpoint)], &upstream.duration);
    }
    let counters = [
        (
            "bascule_upstream_connects_total",
            "Connections opened",
            totals.upstream_connects,
        ),
        (
            "bascule_upstream_connect_failures_total",
            "Connections that could not be opened",
            totals.upstream_connect_failures,
        ),
        (
            "bascule_upstream_retries_total",
            "Exchanges tried again",
            totals.upstream_retries,
        ),
        (
            "bascule_upstream_retries_refused_total",
            "Retries that the budget forbade",
            totals.upstream_retries_refused,
        ),
        (
            "bascule_upstream_ejections_total",
            "Endpoints taken out after failures",
            totals.upstream_ejections,
        ),
    ];
    for (name, help, value) in counters {
        page.single(name, Kind::Counter, help, value);
    }
}

fn workers(page: &mut Exposition, totals: &NodeTotals, workers: &Workers) {
    page.single(
        "bascule_workers",
        Kind::Gauge,
        "Worker processes wanted",
        workers.total,
    );
    page.single(
        "bascule_workers_ready",
        Kind::Gauge,
        "Worker processes that serve",
        workers.ready,
    );
    let busy = totals.worker_calls;
    page.single(
        "bascule_worker_busy",
        Kind::Gauge,
        "Calls in flight in workers",
        busy,
    );
    let help = "Workers that ended without being told to";
    page.single(
        "bascule_worker_restarts_total",
        Kind::Counter,
        help,
        workers.restarts,
    );
    let help = "Core threads started again";
    page.single(
        "bascule_core_restarts_total",
        Kind::Counter,
        help,
        totals.core_restarts,
    );
    let help = "Times that a core held its most connections and accepted nobody";
    let pauses = totals.accept_pauses;
    page.single("bascule_accept_pauses_total", Kind::Counter, help, pauses);
    let help = "Connections that a panic closed";
    page.single("bascule_panics_total", Kind::Counter, help, totals.panics);
    let help = "Access-log lines that were not written";
    page.single(
        "bascule_log_lines_dropped_total",
        Kind::Counter,
        help,
        totals.log_lines_dropped,
    );
    let help = "Failures that were not reported";
    page.single(
        "bascule_failures_dropped_total",
        Kind::Counter,
        help,
        totals.failures_dropped,
    );
}

fn config(page: &mut Exposition, status: &NodeStatus) {
    let revision = status.generation();
    page.single(
        "bascule_config_revision",
        Kind::Gauge,
        "Generation that serves",
        revision,
    );
    let applied = status
        .serving
        .as_ref()
        .map_or(0.0, |serving| unix_seconds(serving.applied_at));
    let name = "bascule_config_applied_timestamp_seconds";
    page.single(name, Kind::Gauge, "When it was applied", applied);
    let help = "Generations refused";
    page.single(
        "bascule_config_rejections_total",
        Kind::Counter,
        help,
        status.rejections,
    );
    let help = "Deltas that did not fit, so that the whole snapshot was asked for";
    page.single(
        "bascule_config_resyncs_total",
        Kind::Counter,
        help,
        status.resyncs,
    );
    let connected = u32::from(matches!(status.link, Link::Connected { .. }));
    let help = "1 while the control plane is there";
    page.single(
        "bascule_controlplane_connected",
        Kind::Gauge,
        help,
        connected,
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of CPU need no more than 53 bits"
)]
fn process(page: &mut Exposition, reading: &Reading) {
    let usage = reading.usage;
    let cpu = usage.cpu_us as f64 / 1e6;
    let help = "CPU time of the node and its workers";
    page.single("process_cpu_seconds_total", Kind::Counter, help, cpu);
    let help = "Memory of the node and its workers";
    page.single(
        "process_resident_memory_bytes",
        Kind::Gauge,
        help,
        usage.resident_bytes,
    );
    page.single(
        "process_open_fds",
        Kind::Gauge,
        "Open descriptors",
        usage.open_descriptors,
    );
    let started = unix_seconds(reading.status.started_at);
    page.single(
        "process_start_time_seconds",
        Kind::Gauge,
        "Start of the process",
        started,
    );
}

#[cfg(test)]
mod tests;
