//! The node as the agent sees it: cores and workers behind one face.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use dp_agent::{Applied, Node, NotApplied, TrialError};
use dp_config::{Package, Snapshot};
use dp_exec::{DeclaredService, PackageError};
use dp_proxy::{Failure, Invocation};
use tokio::sync::Mutex;

use crate::apply::{self, Bound, Workers};
use crate::cores::Cores;
use crate::failure;

/// For an invocation that names none.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Cores, workers, and what they serve.
#[derive(Debug)]
pub(crate) struct LocalNode {
    pub(crate) workers: Workers,
    pub(crate) cores: Cores,
    pub(crate) failures: flume::Receiver<Failure>,
    pub(crate) bound: Mutex<Bound>,
}

// === impl LocalNode ===

impl Node for LocalNode {
    async fn apply(
        &self,
        snapshot: Arc<Snapshot>,
        packages: Vec<PathBuf>,
    ) -> Result<Applied, NotApplied> {
        let mut bound = self.bound.lock().await;
        apply::apply(&mut bound, &self.workers, &self.cores, snapshot, packages).await
    }

    async fn trial(
        &self,
        package: Package,
        path: PathBuf,
    ) -> Result<Vec<proto::DeclaredService>, TrialError> {
        let supervisor = match &self.workers {
            Workers::Running(supervisor) => supervisor,
            Workers::Missing { reason } => {
                let (file, message) = (package.file.to_string(), reason.clone());
                return Err(TrialError {
                    file,
                    message,
                    ..TrialError::default()
                });
            }
        };
        let tried = supervisor.trial(apply::package_file(&package, path)).await;
        match tried {
            Ok(services) => Ok(services.into_iter().map(declared_into_wire).collect()),
            Err(PackageError {
                file,
                line,
                message,
                traceback,
            }) => Err(TrialError {
                file,
                line,
                message,
                traceback,
            }),
        }
    }

    async fn invoke(&self, invoke: proto::Invoke) -> proto::InvokeResult {
        let timeout = match invoke.timeout_ms {
            0 => INVOKE_TIMEOUT,
            ms => Duration::from_millis(u64::from(ms)),
        };
        let invocation = Invocation {
            service: invoke.service,
            body: invoke.body.to_vec(),
            content_type: invoke.content_type,
            cid: invoke.cid,
            timeout,
        };
        let invoked = self.cores.invoke(invocation).await;
        let Some(invoked) = invoked else {
            return proto::InvokeResult {
                id: invoke.id,
                status: 503,
                ..Default::default()
            };
        };
        proto::InvokeResult {
            id: invoke.id,
            status: u32::from(invoked.status),
            content_type: invoked.content_type,
            body: invoked.body.into(),
            total_us: invoked.total_us,
        }
    }

    fn failures(&self, max: usize) -> Vec<proto::Failure> {
        failure::take(&self.failures, max)
    }

    fn workers(&self) -> dp_agent::Workers {
        let Workers::Running(supervisor) = &self.workers else {
            return dp_agent::Workers::default();
        };
        let status = supervisor.status();
        dp_agent::Workers {
            ready: u32::try_from(status.ready).unwrap_or(u32::MAX),
            total: u32::try_from(status.total).unwrap_or(u32::MAX),
            restarts: status.restarts,
            python: status.python,
        }
    }
}

fn declared_into_wire(declared: DeclaredService) -> proto::DeclaredService {
    proto::DeclaredService {
        name: declared.name,
        class_name: declared.class_name,
        line: declared.line,
        documentation: declared.documentation,
        input: declared.input,
        output: declared.output,
    }
}
