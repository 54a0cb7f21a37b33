//! One trial: who was asked, who passed, and what follows from that.
//!
//! Pure: time is an argument. Invariant: a verdict of `Passed` needs at least one node, and the word
//! of every node that was asked and is still there. The verdict is made anew each time it is asked
//! for, so that a node which comes while the ODB cannot write it has a word too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use cp_model::{DeclaredService, ImportFault, Invalid, NodeName, Package, ServiceName};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Trial {
    pub(super) package: Package,
    /// The ODB could not write the verdict; the next look tries again, events do not.
    pub(super) is_put_off: bool,
    /// Each with its own time: one that comes late has as long as the first.
    asked: BTreeMap<NodeName, Instant>,
    passed: BTreeMap<NodeName, Vec<DeclaredService>>,
    /// The first refusal; nothing that comes later takes it back.
    refusal: Option<ImportFault>,
    timeout: Duration,
}

#[derive(Debug)]
pub(super) enum Verdict {
    Waiting,
    Passed(Vec<DeclaredService>),
    Refused(ImportFault),
}

// === impl Trial ===

impl Trial {
    /// `timeout` is how long a node may take.
    pub(super) fn new(package: Package, timeout: Duration) -> Self {
        Self {
            package,
            is_put_off: false,
            asked: BTreeMap::new(),
            passed: BTreeMap::new(),
            refusal: None,
            timeout,
        }
    }

    pub(super) fn ask(&mut self, node: NodeName, now: Instant) {
        self.passed.remove(&node);
        self.asked.insert(node, now + self.timeout);
    }

    pub(super) fn leave(&mut self, node: &NodeName) {
        self.asked.remove(node);
        self.passed.remove(node);
    }

    pub(super) fn asked(&self) -> impl Iterator<Item = &NodeName> {
        self.asked.keys()
    }

    /// When the time of the next node is up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.silent().map(|(_, deadline)| deadline).min()
    }

    /// Takes in a node's word.
    pub(super) fn report(&mut self, node: &NodeName, report: proto::TrialReport) {
        if !self.asked.contains_key(node) {
            return;
        }
        if let Some(error) = report.error {
            let file = if error.file.is_empty() {
                self.package.file.to_string()
            } else {
                error.file
            };
            self.refusal.get_or_insert(ImportFault {
                node: node.to_string(),
                file,
                line: error.line,
                message: error.message,
                traceback: error.traceback,
            });
            return;
        }
        let declared: Result<Vec<_>, (u32, Invalid)> =
            report.services.into_iter().map(declared).collect();
        match declared {
            Ok(services) => {
                self.passed.insert(node.clone(), services);
            }
            Err((line, error)) => {
                let fault = self.fault(node.as_str(), line, error.to_string());
                self.refusal.get_or_insert(fault);
            }
        }
    }

    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        if let Some(fault) = &self.refusal {
            return Verdict::Refused(fault.clone());
        }
        if self.passed.len() == self.asked.len() {
            return self.agreed();
        }
        let overdue = self.silent().filter(|(_, deadline)| *deadline <= now);
        let overdue: Vec<_> = overdue.map(|(node, _)| node.as_str()).collect();
        if overdue.is_empty() {
            return Verdict::Waiting;
        }
        let message = format!("not imported within {} s", self.timeout.as_secs_f64());
        Verdict::Refused(self.fault(&overdue.join(", "), 0, message))
    }

    /// The nodes whose word is still missing, and until when.
    fn silent(&self) -> impl Iterator<Item = (&NodeName, Instant)> {
        let asked = self.asked.iter();
        asked
            .filter(|(node, _)| !self.passed.contains_key(*node))
            .map(|(node, deadline)| (node, *deadline))
    }

    /// The verdict once every node that was asked has imported the package.
    fn agreed(&self) -> Verdict {
        let mut passed = self.passed.iter();
        let Some((first, services)) = passed.next() else {
            return Verdict::Waiting;
        };
        for (node, others) in passed {
            if names(others) != names(services) {
                let message = format!("declares other services than on node {first}");
                return Verdict::Refused(self.fault(node.as_str(), 0, message));
            }
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = services.iter().find(|service| !seen.insert(&service.name)) {
            let message = format!("declares service {} twice", twice.name);
            return Verdict::Refused(self.fault(first.as_str(), twice.line, message));
        }
        Verdict::Passed(services.clone())
    }

    fn fault(&self, node: &str, line: u32, message: String) -> ImportFault {
        ImportFault {
            node: node.to_owned(),
            file: self.package.file.to_string(),
            line,
            message,
            traceback: String::new(),
        }
    }
}

fn names(services: &[DeclaredService]) -> BTreeSet<&ServiceName> {
    services.iter().map(|service| &service.name).collect()
}

fn declared(wire: proto::DeclaredService) -> Result<DeclaredService, (u32, Invalid)> {
    let line = wire.line;
    let name = ServiceName::parse(&wire.name).map_err(|error| (line, error))?;
    if name.is_built_in() {
        return Err((line, Invalid::new("service", format!("{name} is built in"))));
    }
    Ok(DeclaredService {
        name,
        class_name: wire.class_name,
        line: wire.line,
        documentation: wire.documentation,
        input: wire.input,
        output: wire.output,
    })
}

#[cfg(test)]
mod tests {
    use cp_model::{FileName, PackageId, PackageState, Timestamp};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn trial() -> Trial {
        let package = Package {
            id: PackageId::from_digest(&[0; 32]),
            file: FileName::parse("a.py").unwrap(),
            version: 1,
            state: PackageState::Checking,
            bytes: 1,
            services: Vec::new(),
            error: None,
            created_at: Timestamp::default(),
            sequence: 1,
        };
        Trial::new(package, TIMEOUT)
    }

    fn node(name: &str) -> NodeName {
        NodeName::parse(name).unwrap()
    }

    fn refused_by(verdict: Verdict) -> String {
        match verdict {
            Verdict::Refused(fault) => fault.node,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_node_that_joins_late_has_as_long_as_the_first() {
        let mut trial = trial();
        let start = Instant::now();
        trial.ask(node("first"), start);
        let joined = start + TIMEOUT - Duration::from_secs(1);
        trial.ask(node("late"), joined);
        assert_eq!(trial.deadline(), Some(start + TIMEOUT));
        assert_eq!(refused_by(trial.verdict(start + TIMEOUT)), "first");

        trial.report(&node("first"), proto::TrialReport::default());
        assert_eq!(trial.deadline(), Some(joined + TIMEOUT));
        let verdict = trial.verdict(start + TIMEOUT);
        assert!(matches!(verdict, Verdict::Waiting), "{verdict:?}");
        assert_eq!(refused_by(trial.verdict(joined + TIMEOUT)), "late");
    }
}
