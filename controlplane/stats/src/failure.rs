//! The exchanges that failed lately.
//!
//! Invariant: at most `FAILURES_KEPT`, newest last.

use std::collections::VecDeque;

use bascule_proto::config::v1 as proto;
use cp_model::Timestamp;

/// Enough to find the cid that a caller complains about, small enough to hold in memory.
const FAILURES_KEPT: usize = 500;

/// One exchange that failed in a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRecord {
    /// Counts up; the key of page tokens.
    pub sequence: u64,
    pub cid: String,
    pub at: Timestamp,
    pub node: String,
    pub channel: String,
    pub service: String,
    pub status: u32,
    pub kind: String,
    pub traceback: String,
}

#[derive(Debug, Default)]
pub(crate) struct Failures {
    kept: VecDeque<FailureRecord>,
    sequence: u64,
}

// === impl Failures ===

impl Failures {
    pub(crate) fn add(&mut self, node: &str, failure: &proto::Failure) {
        self.sequence += 1;
        if self.kept.len() == FAILURES_KEPT {
            self.kept.pop_front();
        }
        let at = i64::try_from(failure.at_unix_us).unwrap_or(i64::MAX);
        self.kept.push_back(FailureRecord {
            sequence: self.sequence,
            cid: failure.cid.clone(),
            at: Timestamp::from_unix_us(at),
            node: node.to_owned(),
            channel: failure.channel.clone(),
            service: failure.service.clone(),
            status: failure.status,
            kind: failure.kind.clone(),
            traceback: failure.traceback.clone(),
        });
    }

    /// Newest first, those before `before`.
    pub(crate) fn page(&self, before: u64, limit: usize) -> Vec<FailureRecord> {
        let older = self
            .kept
            .iter()
            .rev()
            .filter(|failure| failure.sequence < before);
        older.take(limit).cloned().collect()
    }

    pub(crate) fn find(&self, cid: &str) -> Option<FailureRecord> {
        self.kept
            .iter()
            .rev()
            .find(|failure| failure.cid == cid)
            .cloned()
    }
}
