//! Trials and binds.

use std::time::Duration;

use dp_exec::{PackageError, ServiceBinding};

use crate::house::{House, config, on_a_core, package, until};

fn import_error() -> PackageError {
    PackageError {
        file: "import_error.py".to_owned(),
        line: 12,
        message: "NameError: nope".to_owned(),
        traceback: "Traceback…".to_owned(),
    }
}

fn one_service(module: &str) -> Vec<ServiceBinding> {
    vec![ServiceBinding {
        name: "echo".to_owned(),
        package: package(module).id,
    }]
}

#[test]
fn a_trial_tells_what_the_package_declares() {
    on_a_core(async {
        let house = House::with(config(2)).await;
        let services = house.supervisor.trial(package("fine")).await.unwrap();
        assert_eq!(services.len(), 1);
        assert_eq!((services[0].name.as_str(), services[0].line), ("echo", 3));
    });
}

#[test]
fn a_trial_before_the_first_worker_is_ready_waits_for_it() {
    on_a_core(async {
        let (supervisor, _cores) = dp_exec::Supervisor::start(config(1)).unwrap();
        assert_eq!(supervisor.trial(package("fine")).await.unwrap().len(), 1);
    });
}

#[test]
fn a_trial_that_fails_has_file_line_message_and_traceback() {
    on_a_core(async {
        let house = House::with(config(2)).await;
        let error = house
            .supervisor
            .trial(package("import_error"))
            .await
            .unwrap_err();
        assert_eq!(error, import_error());
        assert_eq!(house.supervisor.status().restarts, 0);
    });
}

#[test]
fn a_trial_that_ends_the_worker_fails_and_says_how() {
    on_a_core(async {
        let house = House::with(config(1)).await;
        let error = house
            .supervisor
            .trial(package("import_exit"))
            .await
            .unwrap_err();
        assert_eq!(error.file, "import_exit.py");
        assert!(error.message.contains("exit status: 7"), "{error}");
    });
}

#[test]
fn a_bind_that_fails_names_the_package_and_leaves_the_old_set() {
    on_a_core(async {
        let (house, old) = House::open(2).await;
        let packages = vec![package("fine"), package("import_error")];
        let error = house
            .supervisor
            .bind(packages, one_service("fine"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.package.as_str(), error.error),
            ("import_error-id", import_error())
        );
        assert_eq!(house.echo(&old, "still here").await, "still here");
        // A fresh worker is not asked to bind what failed.
        let pid = house.supervisor.status().pids[0];
        crate::house::signal(pid, rustix::process::Signal::KILL);
        house.replaced(pid, 2).await;
        assert_eq!(house.echo(&old, "still here").await, "still here");
    });
}

#[test]
fn handles_are_never_used_twice_and_old_sets_stay_until_released() {
    on_a_core(async {
        let (house, old) = House::open(1).await;
        let new = house.bind("next").await;
        assert!(new.set > old.set);
        assert!(
            new.handles
                .values()
                .all(|handle| !old.handles.values().any(|other| other == handle))
        );
        assert_eq!(house.echo(&old, "old").await, "old");
        assert_eq!(house.echo(&new, "new").await, "new");
        drop(old);
        assert_eq!(house.echo(&new, "new").await, "new");
    });
}

#[test]
fn a_bind_during_the_start_of_the_workers_is_complete_before_they_serve() {
    on_a_core(async {
        let (supervisor, mut cores) = dp_exec::Supervisor::start(config(2)).unwrap();
        let pool = dp_exec::WorkerPool::new(cores.remove(0));
        let set = supervisor
            .bind(vec![package("fine")], one_service("fine"))
            .await
            .unwrap();
        until("all workers ready", || pool.ready() == 2).await;
        let call = dp_exec::Call {
            handle: set.handles["echo"],
            ..dp_exec::Call::default()
        };
        let both = [
            pool.begin(&call, None).unwrap(),
            pool.begin(&call, None).unwrap(),
        ];
        assert_ne!(both[0].worker(), both[1].worker());
        for waiting in both {
            assert_eq!(waiting.await.unwrap().status, 200);
        }
    });
}

#[test]
fn without_services_nothing_has_to_be_imported() {
    on_a_core(async {
        let (supervisor, _cores) = dp_exec::Supervisor::start(config(0)).unwrap();
        assert!(
            supervisor
                .bind(Vec::new(), Vec::new())
                .await
                .unwrap()
                .handles
                .is_empty()
        );
        let error = supervisor
            .bind(vec![package("fine")], one_service("fine"))
            .await
            .unwrap_err();
        assert!(
            error.error.message.contains("no workers"),
            "{}",
            error.error
        );
    });
}

#[test]
fn an_interpreter_that_does_not_exist_is_no_panic() {
    on_a_core(async {
        let mut config = config(1);
        config.python = "/nowhere/python3".into();
        config.import_timeout = Duration::from_millis(300);
        let (supervisor, _cores) = dp_exec::Supervisor::start(config).unwrap();
        let error = supervisor.trial(package("fine")).await.unwrap_err();
        assert!(error.message.contains("no worker"), "{error}");
        assert_eq!(supervisor.status().ready, 0);
    });
}
