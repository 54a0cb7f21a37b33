//! What the control plane asks of a node besides generations: trials of packages, and invocations.
//!
//! Invariant: each is answered once, also when the node is too busy to do it.

use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use dp_config::Package;
use proto::node_message::Message;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Fetcher, Sessions, message};
use crate::node::{Node, TrialError};
use crate::packages::PackageStore;
use crate::snapshot_file::error_chain;

// === impl Sessions ===

impl<N: Node> Sessions<N> {
    pub(super) fn trial(
        &self,
        trial: proto::Trial,
        mut fetcher: Fetcher,
        outbound: mpsc::Sender<proto::NodeMessage>,
        room: bool,
    ) -> impl Future<Output = ()> + Send + use<N> {
        let (node, packages) = (Arc::clone(&self.node), self.packages.clone());
        async move {
            let started = Instant::now();
            let wire = trial.package.unwrap_or_default();
            let tried = if room {
                try_package(node.as_ref(), &packages, &mut fetcher, &wire).await
            } else {
                Err(failed(
                    &wire,
                    "the node is busy with other trials".to_owned(),
                ))
            };
            let (services, error) = match tried {
                Ok(services) => (services, None),
                Err(error) => (Vec::new(), Some(error.into())),
            };
            let report = proto::TrialReport {
                package_id: wire.id,
                services,
                error,
                total_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            };
            // A session that ended meanwhile sends the trial again.
            drop(outbound.send(message(Message::TrialReport(report))).await);
        }
    }

    pub(super) fn invoke(
        &self,
        invoke: proto::Invoke,
        outbound: mpsc::Sender<proto::NodeMessage>,
        room: bool,
    ) -> impl Future<Output = ()> + Send + use<N> {
        let node = Arc::clone(&self.node);
        async move {
            let result = if room {
                node.invoke(invoke).await
            } else {
                proto::InvokeResult {
                    id: invoke.id,
                    status: 503,
                    ..Default::default()
                }
            };
            drop(outbound.send(message(Message::InvokeResult(result))).await);
        }
    }
}

async fn try_package<N: Node>(
    node: &N,
    packages: &PackageStore,
    fetcher: &mut Fetcher,
    wire: &proto::Package,
) -> Result<Vec<proto::DeclaredService>, TrialError> {
    let package = Package::try_from(wire).map_err(|refusal| failed(wire, refusal.to_string()))?;
    let path = match packages.find(&package) {
        Some(path) => path,
        None => fetcher
            .fetch(&package, packages)
            .await
            .map_err(|error| failed(wire, error_chain(&error)))?,
    };
    node.trial(package, path).await
}

fn failed(package: &proto::Package, message: String) -> TrialError {
    TrialError {
        file: package.file.clone(),
        message,
        ..TrialError::default()
    }
}
