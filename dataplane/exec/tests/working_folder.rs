//! The node's working folder is no source of modules: `bascule dev DIR` runs nodes where the service files lie.
//!
//! A file of its own, with one test: the working folder belongs to the whole process.

use std::{ffi::OsStr, path::Path, process::Command, time::Duration};

use dp_exec::{Supervisor, SupervisorConfig, WorkerPool};

/// Modules that the interpreter, the worker or `runpy` import.
const SHADOWS: [&str; 5] = ["selectors", "json", "runpy", "socket", "bascule"];

/// The usual interpreter, and the oldest that knows nothing of `PYTHONSAFEPATH`, where there is one.
fn interpreters() -> Vec<&'static str> {
    let runs = |python: &&str| {
        let version = Command::new(python).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    ["python3", "python3.10"].into_iter().filter(runs).collect()
}

#[test]
fn a_file_in_the_working_folder_shadows_no_module_of_the_worker() {
    let state = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for module in SHADOWS {
        let file = folder.path().join(format!("{module}.py"));
        std::fs::write(file, "raise SystemExit('shadowed')\n").unwrap();
    }
    std::env::set_current_dir(folder.path()).unwrap();
    for python in interpreters() {
        gets_ready(OsStr::new(python), state.path());
    }
}

#[cfg(test)]
fn gets_ready(python: &OsStr, state: &Path) {
    let story = async {
        let mut config = SupervisorConfig::new("dev-1", 1, state);
        config.python = python.to_owned();
        let (supervisor, mut cores) = Supervisor::start(config).unwrap();
        let pool = WorkerPool::new(cores.remove(0));
        let wait = async {
            while pool.ready() == 0 {
                let restarts = supervisor.status().restarts;
                assert_eq!(restarts, 0, "a worker of {python:?} cannot start");
                monoio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_mins(1);
        assert!(
            monoio::time::timeout(limit, wait).await.is_ok(),
            "no worker of {python:?} gets ready"
        );
        supervisor.stop(limit).await;
    };
    monoio::RuntimeBuilder::<monoio::FusionDriver>::new()
        .enable_timer()
        .build()
        .unwrap()
        .block_on(story);
}
