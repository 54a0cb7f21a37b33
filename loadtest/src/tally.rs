//! What was counted: answers by status, failures by class, latencies. One tally per thread, merged
//! at the end. Invariant: `answered + failures = sent`, and `unsent` was never on a wire.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// One hour in nanoseconds; longer latencies count as this.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;
/// Three digits: a percentile is right to 0.1 %.
const DIGITS: u8 = 3;

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// Nobody listens there.
    Refused,
    /// The connection could not be made for another reason.
    Connect,
    /// The connection was reset before the answer was whole.
    Reset,
    /// The connection ended before the answer was whole.
    ClosedEarly,
    /// No answer within `--timeout`.
    Timeout,
    /// The answer is not proper HTTP/1.1.
    BadResponse,
}

#[derive(Debug)]
pub(crate) struct Tally {
    /// From the moment that a request was meant to be sent (open) or was sent (closed).
    pub(crate) latency: Histogram<u64>,
    /// From the moment that it really was sent.
    pub(crate) service_time: Histogram<u64>,
    statuses: Vec<u64>,
    pub(crate) failures: BTreeMap<&'static str, u64>,
    /// What the first bad response did wrong.
    pub(crate) bad_response: Option<&'static str>,
    pub(crate) sent: u64,
    /// Open model: the backlog was full, or the time was up before a connection was free.
    pub(crate) unsent: u64,
    pub(crate) body_bytes: u64,
    pub(crate) connections_opened: u64,
    pub(crate) last_answer_ns: u64,
    /// Ctrl-C ended the load before its time.
    pub(crate) is_interrupted: bool,
}

// === impl Failure ===

impl Failure {
    pub(crate) const ALL: [Self; 6] = [
        Self::Refused,
        Self::Connect,
        Self::Reset,
        Self::ClosedEarly,
        Self::Timeout,
        Self::BadResponse,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::ClosedEarly => "closed_early",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad_response",
        }
    }
}

// === impl Tally ===

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            latency: Histogram::new_with_bounds(1, LATENCY_NS_MAX, DIGITS)?,
            service_time: Histogram::new_with_bounds(1, LATENCY_NS_MAX, DIGITS)?,
            statuses: vec![0; 600],
            failures: BTreeMap::new(),
            bad_response: None,
            sent: 0,
            unsent: 0,
            body_bytes: 0,
            connections_opened: 0,
            last_answer_ns: 0,
            is_interrupted: false,
        })
    }

    pub(crate) fn answered(&mut self, status: u16, latency_ns: u64, service_ns: u64) {
        self.latency.saturating_record(latency_ns);
        self.service_time.saturating_record(service_ns);
        if let Some(count) = self.statuses.get_mut(usize::from(status)) {
            *count += 1;
        }
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        *self.failures.entry(failure.name()).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        self.latency.add(&other.latency)?;
        self.service_time.add(&other.service_time)?;
        for (mine, theirs) in self.statuses.iter_mut().zip(&other.statuses) {
            *mine += theirs;
        }
        for (name, count) in &other.failures {
            *self.failures.entry(name).or_default() += count;
        }
        self.bad_response = self.bad_response.or(other.bad_response);
        self.sent += other.sent;
        self.unsent += other.unsent;
        self.body_bytes += other.body_bytes;
        self.connections_opened += other.connections_opened;
        self.last_answer_ns = self.last_answer_ns.max(other.last_answer_ns);
        self.is_interrupted |= other.is_interrupted;
        Ok(())
    }

    pub(crate) fn statuses(&self) -> impl Iterator<Item = (usize, u64)> {
        self.statuses
            .iter()
            .copied()
            .enumerate()
            .filter(|&(_, count)| count > 0)
    }

    pub(crate) fn answered_count(&self) -> u64 {
        self.statuses.iter().sum()
    }

    pub(crate) fn failed_count(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Nothing failed, everything was sent, and no answer was an error.
    pub(crate) fn is_clean(&self) -> bool {
        let errors = self.statuses().any(|(status, _)| status >= 400);
        self.failed_count() == 0 && self.unsent == 0 && !errors
    }
}
