//! What the agent asks of the rest of the node.
//!
//! Two implement it: the server, with cores and workers behind it, and the tests' fake.

use std::path::PathBuf;
use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use dp_config::{Package, Refusal, Refusals, Snapshot};

/// The cores and workers, as the agent sees them.
pub trait Node: Send + Sync + 'static {
    /// Serves `snapshot` on all cores, or refuses it on all; a core that is told to switch and does not say
    /// that it has is an error of its own. Calls never overlap. The contents of the packages are on disk at
    /// `packages`, in the order of the snapshot.
    fn apply(
        &self,
        snapshot: Arc<Snapshot>,
        packages: Vec<PathBuf>,
    ) -> impl Future<Output = Result<Applied, NotApplied>> + Send;

    /// Imports a package beside what runs.
    fn trial(
        &self,
        package: Package,
        path: PathBuf,
    ) -> impl Future<Output = Result<Vec<proto::DeclaredService>, TrialError>> + Send;

    /// Runs a service for the admin API.
    fn invoke(&self, invoke: proto::Invoke) -> impl Future<Output = proto::InvokeResult> + Send;

    /// At most `max` failed exchanges since the last call.
    fn failures(&self, max: usize) -> Vec<proto::Failure>;

    fn workers(&self) -> Workers;
}

/// All cores serve the generation.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub cores: Vec<CoreTimes>,
}

/// Why not all cores serve the generation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotApplied {
    /// All is as it was before.
    #[error(transparent)]
    Refused(#[from] Refusals),
    /// The cores were told to switch, which cannot be taken back. Those that are named did not say that they
    /// have: they serve what they served, or nothing, until they answer or are started again. To apply the same
    /// again is how the node learns that they have.
    #[error(transparent)]
    Unconfirmed(Refusals),
}

/// How long one core took.
#[derive(Clone, Copy, Debug)]
pub struct CoreTimes {
    pub core: u32,
    pub prepare_us: u64,
    pub commit_us: u64,
}

/// Why a package does not import.
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct TrialError {
    pub file: String,
    /// 0 when unknown.
    pub line: u32,
    pub message: String,
    pub traceback: String,
}

/// The worker processes.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    pub ready: u32,
    pub total: u32,
    pub restarts: u64,
    /// Versions of interpreter and libraries; empty until one has started.
    pub python: String,
}

// === impl NotApplied ===

impl From<Refusal> for NotApplied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

// === impl TrialError ===

impl From<TrialError> for proto::ImportError {
    fn from(error: TrialError) -> Self {
        let TrialError {
            file,
            line,
            message,
            traceback,
        } = error;
        Self {
            file,
            line,
            message,
            traceback,
        }
    }
}
