//! One generation onto workers and cores: bind, prepare, commit.
//!
//! Invariant: two applies never overlap, and a refusal anywhere before the commit leaves
//! everything as it was. A set of services is released by whoever holds it last.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use dp_agent::{Applied, CoreTimes};
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
) -> Result<Applied, Refusals> {
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
            return Err(Refusals(refusals));
        }
    };
    let committed = cores.commit(&plan).await;
    // The set before goes when the last exchange that began on it has ended.
    *bound = Bound { set, services };
    let cores = times(&prepared, &committed).map_err(Refusals)?;
    Ok(Applied { cores })
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

/// What every core took. A core that has prepared and does not confirm stands still: the others run the generation, and
/// to say that the node does would be a lie. It is told as a refusal, and asked again with the next one.
fn times(prepared: &[Prepared], committed: &[Committed]) -> Result<Vec<CoreTimes>, Vec<Refusal>> {
    let commit_us: HashMap<u32, u64> = committed
        .iter()
        .map(|core| (core.core, core.commit_us))
        .collect();
    let unconfirmed = |core: &Prepared| {
        let reason = "it did not confirm the generation in time; the other cores run it";
        Refusal {
            core: Some(core.core),
            ..Refusal::new("node", "core", reason.to_owned())
        }
    };
    let (mut times, mut refusals) = (Vec::new(), Vec::new());
    for core in prepared {
        match commit_us.get(&core.core) {
            Some(commit_us) => times.push(CoreTimes {
                core: core.core,
                prepare_us: core.prepare_us,
                commit_us: *commit_us,
            }),
            None => refusals.push(unconfirmed(core)),
        }
    }
    if refusals.is_empty() {
        Ok(times)
    } else {
        Err(refusals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cores_that_confirmed_are_said_to_run_a_generation() {
        let prepared = [0, 1].map(|core| Prepared {
            core,
            prepare_us: 5,
        });
        let committed = [0, 1].map(|core| Committed { core, commit_us: 7 });
        let all = times(&prepared, &committed).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|core| core.commit_us == 7));
        let refusals = times(&prepared, &committed[..1]).unwrap_err();
        assert_eq!(refusals.len(), 1);
        assert_eq!((refusals[0].core, refusals[0].field), (Some(1), "core"));
        assert!(refusals[0].reason.contains("did not confirm"));
    }
}
