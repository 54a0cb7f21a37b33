//! Workers that live and should not get the next call.

use dp_exec::{Call, WorkerEvent, WorkerPool};
use rustix::process::Signal;

use crate::house::{House, config, is_alive, on_a_core, signal, until};

#[test]
fn a_worker_that_does_not_answer_is_passed_over_until_it_does() {
    on_a_core(async {
        let (house, set) = House::open(2).await;
        let stopped = house.supervisor.status().pids[0];
        signal(stopped, Signal::STOP);
        until("one is silent", || house.pool.answering() == 1).await;
        for _ in 0..20 {
            assert_eq!(house.echo(&set, "served").await, "served");
        }
        signal(stopped, Signal::CONT);
        until("both answer", || house.pool.answering() == 2).await;
        let status = house.supervisor.status();
        assert_eq!((status.restarts, status.pids.contains(&stopped)), (0, true));
    });
}

#[test]
fn when_all_are_silent_a_call_waits_for_one() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let stopped = house.supervisor.status().pids[0];
        signal(stopped, Signal::STOP);
        until("it is silent", || house.pool.answering() == 0).await;
        assert_eq!(house.pool.ready(), 1);
        let call = Call {
            handle: set.handles["echo"],
            body: b"late",
            ..Call::default()
        };
        let waiting = house.pool.begin(&call, None).unwrap();
        signal(stopped, Signal::CONT);
        assert_eq!(waiting.await.unwrap().body, "late");
    });
}

#[test]
fn a_worker_with_calls_that_do_not_end_leaves_in_peace() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let (old, spare) = (house.supervisor.status().pids[0], house.spare().await);
        let hold = Call {
            handle: set.handles["hold"],
            body: b"kept",
            ..Call::default()
        };
        let held = house.pool.begin(&hold, None).unwrap();
        assert_eq!(house.call(&set, "stuck", "").await.unwrap().status, 200);
        until("the spare serves", || {
            house.supervisor.status().pids == [spare]
        })
        .await;
        assert_eq!(house.echo(&set, "served").await, "served");
        assert_eq!(held.await.unwrap().body, "kept");
        until("the old one is gone", || !is_alive(old)).await;
        assert_ne!(house.spare().await, old);
        assert_eq!(house.supervisor.status().restarts, 1);
    });
}

#[test]
fn a_core_that_was_started_again_costs_the_other_no_call() {
    on_a_core(async {
        let mut config = config(2);
        config.cores = 2;
        let house = House::with(config).await;
        let set = house.bind("scripted").await;
        let old = house.supervisor.status().pids;
        let again = WorkerPool::new(house.supervisor.renewal().rejoin(1));
        let gone = || old.iter().all(|pid| !is_alive(*pid));
        while !gone() {
            assert_eq!(house.echo(&set, "served").await, "served");
        }
        until("two others serve", || {
            let pids = house.supervisor.status().pids;
            house.pool.ready() == 2
                && again.ready() == 2
                && pids.len() == 2
                && !pids.iter().any(|pid| old.contains(pid))
        })
        .await;
    });
}

/// Tasks of a core that died are never dropped: what they wait for is not for them any more.
#[test]
fn a_core_that_died_again_and_again_hears_of_its_workers() {
    let (supervisor, mut cores) = dp_exec::Supervisor::start(config(1)).unwrap();
    let mut events = cores.remove(0);
    let live = |events: &flume::Receiver<WorkerEvent>| {
        let events = events.clone();
        let life = || {
            on_a_core(async {
                let pool = WorkerPool::new(events);
                until("its worker is ready", || pool.ready() == 1).await;
                std::mem::forget(pool);
            });
        };
        std::thread::scope(|scope| scope.spawn(life).join()).unwrap();
    };
    live(&events);
    for _ in 0..5 {
        on_a_core(async {
            let pool = WorkerPool::new(events.clone());
            monoio::time::sleep(std::time::Duration::from_millis(5)).await;
            std::mem::forget(pool);
        });
        events = supervisor.renewal().rejoin(0);
    }
    live(&events);
}
