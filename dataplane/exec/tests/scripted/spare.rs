//! The spare worker: what it meets touches nobody else, and it takes the place of one that is gone.

use std::time::Duration;

use dp_exec::Call;
use rustix::process::Signal;

use crate::house::{House, PATIENCE, config, is_alive, on_a_core, package, signal, until};

/// A package that does `module` is refused with `reason`; who serves and what is in flight is not touched; the next
/// package is fine, and can be bound.
async fn harms_only_the_spare(module: &str, reason: &str) {
    let mut config = config(2);
    config.import_timeout = Duration::from_secs(3);
    let house = House::with(config).await;
    let set = house.bind("scripted").await;
    let serving = house.supervisor.status().pids;
    let spare = house.spare().await;
    assert!(!serving.contains(&spare));
    let hold = Call {
        handle: set.handles["hold"],
        body: b"kept",
        ..Call::default()
    };
    let held: Vec<_> = (0..10)
        .map(|_| house.pool.begin(&hold, None).unwrap())
        .collect();

    let error = house.supervisor.trial(package(module)).await.unwrap_err();

    assert_eq!(error.file, format!("{module}.py"));
    assert!(error.message.contains(reason), "{error}");
    assert_eq!(house.echo(&set, "served").await, "served");
    assert_eq!(
        house.supervisor.trial(package("fine")).await.unwrap().len(),
        1
    );
    assert_ne!(house.spare().await, spare);
    until("the old spare is gone", || !is_alive(spare)).await;
    let next = house.bind("next").await;
    assert_eq!(house.echo(&next, "bound").await, "bound");
    let status = house.supervisor.status();
    assert_eq!((status.pids, status.restarts), (serving, 0));
    assert_eq!(house.pool.in_flight(), 10);
    house.supervisor.stop(PATIENCE).await;
    for waiting in held {
        assert_eq!(waiting.await.unwrap().body, "kept");
    }
}

#[test]
fn a_package_that_ends_its_process_harms_only_the_spare() {
    on_a_core(harms_only_the_spare("import_exit", "exit status: 7"));
}

#[test]
fn a_package_that_hangs_harms_only_the_spare() {
    on_a_core(harms_only_the_spare("import_hang", "in time"));
}

#[test]
fn a_package_that_writes_garbage_harms_only_the_spare() {
    on_a_core(harms_only_the_spare(
        "import_garbage",
        "control socket is broken",
    ));
}

#[test]
fn a_package_that_closes_the_core_sockets_is_refused() {
    on_a_core(harms_only_the_spare("import_close", "core sockets"));
}

#[test]
fn a_package_that_writes_to_the_core_sockets_is_refused() {
    on_a_core(harms_only_the_spare("import_scribble", "core sockets"));
}

#[test]
fn a_package_that_leaves_a_worker_that_cannot_answer_is_refused() {
    on_a_core(harms_only_the_spare("import_exit_later", "exit status: 8"));
}

#[test]
fn a_spare_that_met_a_refused_package_is_renewed() {
    on_a_core(harms_only_the_spare("import_error", "NameError"));
}

#[test]
fn of_trials_at_once_only_the_guilty_one_is_refused() {
    on_a_core(async {
        let house = House::with(config(1)).await;
        let trial = |module| house.supervisor.trial(package(module));
        let (first, guilty, last) =
            monoio::join!(trial("fine"), trial("import_exit"), trial("also_fine"));
        assert_eq!((first.unwrap().len(), last.unwrap().len()), (1, 1));
        assert_eq!(guilty.unwrap_err().file, "import_exit.py");
    });
}

#[test]
fn the_spare_takes_the_place_of_a_dead_worker_and_a_new_one_is_started() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        for _ in 0..3 {
            let spare = house.spare().await;
            let pid = house.supervisor.status().pids[0];
            signal(pid, Signal::KILL);
            house.replaced(pid, 1).await;
            assert_eq!(house.supervisor.status().pids, [spare]);
            assert_eq!(house.echo(&set, "served").await, "served");
            assert_ne!(house.spare().await, spare);
        }
        assert_eq!(house.supervisor.status().restarts, 3);
    });
}

#[test]
fn a_worker_that_dies_during_a_trial_is_replaced_as_well() {
    on_a_core(async {
        let mut config = config(1);
        config.import_timeout = Duration::from_secs(2);
        let house = House::with(config).await;
        let set = house.bind("scripted").await;
        house.spare().await;
        let pid = house.supervisor.status().pids[0];
        let (trial, ()) = monoio::join!(house.supervisor.trial(package("import_hang")), async {
            signal(pid, Signal::KILL);
            house.replaced(pid, 1).await;
            assert_eq!(house.echo(&set, "served").await, "served");
        });
        assert!(trial.is_err());
        house.spare().await;
    });
}

#[test]
fn a_bind_does_not_wait_for_a_spare_that_hangs() {
    on_a_core(async {
        let house = House::with(config(1)).await;
        house.spare().await;
        let mut trial = std::pin::pin!(house.supervisor.trial(package("import_hang")));
        let begun = monoio::time::timeout(Duration::from_millis(1), &mut trial);
        assert!(begun.await.is_err());
        let set = house.bind("scripted").await;
        assert_eq!(house.echo(&set, "served").await, "served");
    });
}

#[test]
fn without_workers_there_is_no_spare() {
    on_a_core(async {
        let (supervisor, _cores) = dp_exec::Supervisor::start(config(0)).unwrap();
        let error = supervisor.trial(package("fine")).await.unwrap_err();
        assert!(error.message.contains("no workers"), "{error}");
        assert_eq!(supervisor.status().spare, None);
    });
}
