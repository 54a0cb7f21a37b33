//! Failed exchanges on their way from the cores to the control plane.

use bascule_proto::config::v1 as proto;
use dp_proxy::Failure;

/// Failures that wait for the next report; more than a report holds would be old news.
pub(crate) const FAILURES_MAX: usize = 256;

/// At most `max` of those that wait.
pub(crate) fn take(waiting: &flume::Receiver<Failure>, max: usize) -> Vec<proto::Failure> {
    waiting.try_iter().take(max).map(into_wire).collect()
}

fn into_wire(failure: Failure) -> proto::Failure {
    proto::Failure {
        cid: failure.cid,
        at_unix_us: failure.at_unix_us,
        channel: failure.channel,
        service: failure.service,
        status: u32::from(failure.status),
        kind: failure.kind,
        traceback: failure.traceback,
    }
}
