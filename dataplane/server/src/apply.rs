//! One generation onto workers and cores: bind, prepare, commit.
//!
//! Invariant: two applies never overlap, and a refusal anywhere before the commit leaves
//! everything as it was. After it nothing is taken back, and only what a core has confirmed is said of it. A
//! set of services is released by whoever holds it last.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use dp_agent::{Applied, CoreTimes, NotApplied};
use dp_config::{Package, Refusal, Refusals, Snapshot};
use dp_exec::{BindError, PackageFile, ServiceBinding, ServiceSet, Supervisor, WorkerRenewal};
use dp_proxy::{Committed, Plan, Prepared};

use crate::cores::Cores;

/// What serves now.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    set: ServiceSet,
    /// What the set was bound from: unchanged services keep their set, and calls their workers' caches.
    services: Vec<ServiceBinding>,
}

/// The workers, or why there are none.
#[derive(Debug)]
pub(crate) enum Workers {
    Running(Supervisor),
    Missing { reason: String },
}

// === impl Workers ===

impl Workers {
    /// For cores that are started again.
    pub(crate) fn renewal(&self) -> Option<WorkerRenewal> {
        match self {
            Self::Running(supervisor) => Some(supervisor.renewal()),
            Self::Missing { .. } => None,
        }
    }
}

/// Applies `snapshot`; `bound` is locked by the caller for the whole of it.
pub(crate) async fn apply(
    bound: &mut Bound,
    workers: &Workers,
    cores: &Cores,
    snapshot: Arc<Snapshot>,
    packages: Vec<PathBuf>,
) -> Result<Applied, NotApplied> {
    let services = bindings(&snapshot);
    let set = if services == bound.services {
        bound.set.clone()
    } else {
        bind(workers, &snapshot, packages, services.clone()).await?
    };
    let plan = Arc::new(Plan {
        snapshot,
        services: set.clone(),
    });
    let prepared = match cores.prepare(&plan).await {
        Ok(prepared) => prepared,
        Err(refusals) => {
            cores.abort(plan.snapshot.generation);
            return Err(Refusals(refusals).into());
        }
    };
    let committed = cores.commit(&plan).await;
    // Also when a core is silent: the others serve from it. The set before goes when the last exchange that
    // began on it has ended, and the silent core has let go of it.
    *bound = Bound { set, services };
    let committed = committed.map_err(|silent| NotApplied::Unconfirmed(Refusals(silent)))?;
    Ok(Applied {
        cores: times(&prepared, &committed),
    })
}

fn bindings(snapshot: &Snapshot) -> Vec<ServiceBinding> {
    let binding = |service: &dp_config::Service| ServiceBinding {
        name: service.name.to_string(),
        package: service.package.to_string(),
    };
    snapshot.services.iter().map(binding).collect()
}

async fn bind(
    workers: &Workers,
    snapshot: &Snapshot,
    paths: Vec<PathBuf>,
    services: Vec<ServiceBinding>,
) -> Result<ServiceSet, Refusals> {
    if services.is_empty() {
        return Ok(ServiceSet::default());
    }
    let supervisor = match workers {
        Workers::Running(supervisor) => supervisor,
        Workers::Missing { reason } => {
            return Err(Refusal::new("node", "workers", reason.clone()).into());
        }
    };
    let packages = snapshot.packages.iter().zip(paths);
    let packages = packages
        .map(|(package, path)| package_file(package, path))
        .collect();
    let bound = supervisor.bind(packages, services).await;
    bound.map_err(|error| bind_refusal(snapshot, error).into())
}

pub(crate) fn package_file(package: &Package, path: PathBuf) -> PackageFile {
    PackageFile {
        id: package.id.to_string(),
        file: package.file.to_string(),
        module: package.module.to_string(),
        path,
    }
}

fn bind_refusal(snapshot: &Snapshot, error: BindError) -> Refusal {
    let BindError { package, error } = error;
    let blamed = snapshot
        .packages
        .iter()
        .find(|known| known.id.as_str() == package);
    let object = blamed.map_or("node".to_owned(), |package| {
        format!("package {}", package.file)
    });
    let field = if blamed.is_some() {
        "content"
    } else {
        "workers"
    };
    let reason = match error.line {
        0 => error.message,
        line => format!("line {line}: {}", error.message),
    };
    Refusal::new(object, field, reason)
}

/// Of the cores that said that they serve it, and of no other.
fn times(prepared: &[Prepared], committed: &[Committed]) -> Vec<CoreTimes> {
    let prepare_us: HashMap<u32, u64> = prepared
        .iter()
        .map(|core| (core.core, core.prepare_us))
        .collect();
    let times = |core: &Committed| CoreTimes {
        core: core.core,
        prepare_us: prepare_us.get(&core.core).copied().unwrap_or_default(),
        commit_us: core.commit_us,
    };
    committed.iter().map(times).collect()
}

#[cfg(test)]
mod tests;
