//! Workers that live and should not get the next call.

use dp_exec::Call;
use rustix::process::Signal;

use crate::house::{House, is_alive, on_a_core, signal, until};

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
fn a_renewal_replaces_every_worker_and_fails_no_call() {
    on_a_core(async {
        let (house, set) = House::open(2).await;
        let old = house.supervisor.status().pids;
        house.supervisor.renewal().ask();
        let gone = || old.iter().all(|pid| !is_alive(*pid));
        while !gone() {
            assert_eq!(house.echo(&set, "served").await, "served");
        }
        until("two others serve", || {
            let pids = house.supervisor.status().pids;
            house.pool.ready() == 2 && pids.len() == 2 && !pids.iter().any(|pid| old.contains(pid))
        })
        .await;
    });
}
