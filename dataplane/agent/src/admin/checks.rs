//! Is the node ready, and if not, what is missing. Pure.
//!
//! Invariant: the control plane being away never makes a node unready; it is said and no more.

use crate::clock::rfc3339;
use crate::node::Workers;
use crate::status::{Link, NodeStatus, Phase, Source};

/// One named check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    name: &'static str,
    result: Outcome,
    details: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    /// Worth a look, but the node serves.
    Degraded,
    /// The node must not get requests.
    Failed,
}

pub(crate) fn checks(status: &NodeStatus, workers: &Workers) -> Vec<Check> {
    vec![
        process(status),
        config(status),
        workers_ready(status, workers),
        link(status),
        disk(status),
    ]
}

pub(crate) fn is_ready(checks: &[Check]) -> bool {
    !checks.iter().any(Check::blocks)
}

fn process(status: &NodeStatus) -> Check {
    let (result, details) = match status.phase {
        Phase::Starting => (Outcome::Failed, "starting"),
        Phase::Ready => (Outcome::Good, "serving"),
        Phase::Stopping => (Outcome::Failed, "stopping"),
    };
    Check {
        name: "process",
        result,
        details: details.to_owned(),
    }
}

fn config(status: &NodeStatus) -> Check {
    let name = "config";
    let Some(serving) = &status.serving else {
        // In proxy-only mode the flags are the config.
        let unused = status.link == Link::Unused;
        let result = if unused {
            Outcome::Good
        } else {
            Outcome::Failed
        };
        let details = if unused {
            "fixed backends"
        } else {
            "no generation applied yet"
        };
        return Check {
            name,
            result,
            details: details.to_owned(),
        };
    };
    let source = match serving.source {
        Source::Disk => "from disk",
        Source::ControlPlane => "from the control plane",
    };
    let mut details = format!("generation {} {source}", serving.snapshot.generation);
    if let Some(rejection) = &status.rejection {
        let (refused, reason) = (rejection.generation, rejection.refusals.to_string());
        details = format!("{details}, but {refused} was {reason}");
    }
    let result = if status.rejection.is_some() {
        Outcome::Degraded
    } else {
        Outcome::Good
    };
    Check {
        name,
        result,
        details,
    }
}

fn workers_ready(status: &NodeStatus, workers: &Workers) -> Check {
    let services = status
        .serving
        .as_ref()
        .is_some_and(|serving| !serving.snapshot.services.is_empty());
    let result = match (workers.ready, workers.total) {
        (0, _) if services => Outcome::Failed,
        (ready, total) if ready < total => Outcome::Degraded,
        _all => Outcome::Good,
    };
    let details = format!("{} of {} ready", workers.ready, workers.total);
    Check {
        name: "workers",
        result,
        details,
    }
}

fn link(status: &NodeStatus) -> Check {
    let name = "control-plane";
    match &status.link {
        Link::Unused => Check {
            name,
            result: Outcome::Good,
            details: "not used".to_owned(),
        },
        Link::Connected { since } => {
            let details = format!("connected since {}", rfc3339(*since));
            Check {
                name,
                result: Outcome::Good,
                details,
            }
        }
        Link::Away { since, reason } => {
            let from_disk = status
                .serving
                .as_ref()
                .is_some_and(|serving| serving.source == Source::Disk);
            let prefix = if from_disk { "serving from disk, " } else { "" };
            let details = format!(
                "{prefix}control plane away since {}: {reason}",
                rfc3339(*since)
            );
            Check {
                name,
                result: Outcome::Degraded,
                details,
            }
        }
    }
}

fn disk(status: &NodeStatus) -> Check {
    let (result, details) = match &status.disk_error {
        None => (Outcome::Good, "writable".to_owned()),
        Some(error) => (Outcome::Degraded, format!("snapshot not kept: {error}")),
    };
    Check {
        name: "disk",
        result,
        details,
    }
}

// === impl Check ===

impl Check {
    pub(crate) fn blocks(&self) -> bool {
        self.result == Outcome::Failed
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.result {
            Outcome::Good => '+',
            Outcome::Degraded => '!',
            Outcome::Failed => '-',
        };
        writeln!(f, "[{mark}] {}: {}", self.name, self.details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn text(status: &Status) -> String {
        checks(&status.read(), &Workers::default())
            .iter()
            .map(Check::to_string)
            .collect()
    }

    #[test]
    fn a_node_without_a_generation_is_not_ready() {
        let status = Status::away();
        status.ready();
        assert!(!is_ready(&checks(&status.read(), &Workers::default())));
        assert!(text(&status).contains("[-] config: no generation applied yet\n"));
    }

    #[test]
    fn a_proxy_without_control_plane_is_ready() {
        let status = Status::new(Link::Unused);
        status.ready();
        assert!(is_ready(&checks(&status.read(), &Workers::default())));
    }

    #[test]
    fn a_stopping_node_is_not_ready() {
        let status = Status::new(Link::Unused);
        status.ready();
        status.stopping();
        status.ready();
        assert!(!is_ready(&checks(&status.read(), &Workers::default())));
    }
}
