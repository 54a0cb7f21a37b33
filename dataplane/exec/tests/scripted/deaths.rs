//! Workers that die, hang or break the protocol.

use std::time::Duration;

use dp_exec::{Call, CallError};
use rustix::process::Signal;

use crate::house::{House, PATIENCE, config, is_alive, on_a_core, signal, until};

#[test]
fn a_worker_killed_mid_call_fails_its_calls_and_is_replaced() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let pid = house.supervisor.status().pids[0];
        let call = Call {
            handle: set.handles["hold"],
            ..Call::default()
        };
        let held: Vec<_> = (0..20)
            .map(|_| house.pool.begin(&call, None).unwrap())
            .collect();
        house.echo(&set, "they have arrived").await;
        signal(pid, Signal::KILL);
        for waiting in held {
            assert_eq!(waiting.await.err(), Some(CallError::WorkerDied));
        }
        house.replaced(pid, 1).await;
        assert_eq!(
            house.echo(&set, "the set is bound again").await,
            "the set is bound again"
        );
    });
}

#[test]
fn a_service_that_ends_its_worker_leaves_the_other_worker_alone() {
    on_a_core(async {
        let (house, set) = House::open(2).await;
        let call = Call {
            handle: set.handles["hold"],
            body: b"kept",
            ..Call::default()
        };
        let kept = house.pool.begin(&call, None).unwrap();
        assert_eq!(
            house.call(&set, "die", "").await.err(),
            Some(CallError::WorkerDied)
        );
        until("it is replaced", || house.pool.ready() == 2).await;
        // One of three goes to the worker that holds the first call.
        let released: Vec<_> = (0..3)
            .map(|_| house.pool.begin(&release(&set), None))
            .collect();
        for waiting in released {
            waiting.unwrap().await.unwrap();
        }
        let kept = monoio::time::timeout(PATIENCE, kept)
            .await
            .expect("the kept call hangs");
        assert_eq!(kept.unwrap().body, "kept");
        assert_eq!(house.supervisor.status().restarts, 1);
    });
}

fn release(set: &dp_exec::ServiceSet) -> Call<'static> {
    Call {
        handle: set.handles["release"],
        ..Call::default()
    }
}

#[test]
fn a_call_that_finds_no_worker_waits_for_the_next_one() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        signal(house.spare().await, Signal::KILL);
        until("the spare is gone", || {
            house.supervisor.status().spare.is_none()
        })
        .await;
        assert_eq!(
            house.call(&set, "die", "").await.err(),
            Some(CallError::WorkerDied)
        );
        assert_eq!(house.pool.ready(), 0);
        let call = Call {
            handle: set.handles["echo"],
            body: b"served",
            ..Call::default()
        };
        assert_eq!(
            house.pool.begin(&call, None).err(),
            Some(CallError::NoWorker)
        );
        // On a busy machine a start can take longer than one call waits.
        let mut served = house.pool.call(&call, None).await;
        while served.as_ref().err() == Some(&CallError::NoWorker) {
            served = house.pool.call(&call, None).await;
        }
        assert_eq!(served.unwrap().body, "served");
    });
}

#[test]
fn without_any_worker_a_call_fails_in_the_end() {
    on_a_core(async {
        let (_supervisor, mut cores) = dp_exec::Supervisor::start(config(0)).unwrap();
        let pool = dp_exec::WorkerPool::new(cores.remove(0));
        let ended = pool.call(&Call::default(), None).await;
        assert_eq!(ended.err(), Some(CallError::NoWorker));
    });
}

/// Every way to break the protocol: the caller gets an answer of its own or none, the worker goes.
async fn breaks_the_protocol(service: &str, own_answer: Option<&str>) {
    let (house, set) = House::open(1).await;
    let pid = house.supervisor.status().pids[0];
    let reply = house.call(&set, service, "").await;
    match own_answer {
        Some(body) => assert_eq!(reply.unwrap().body, body),
        None => assert_eq!(reply.err(), Some(CallError::WorkerDied)),
    }
    house.replaced(pid, 1).await;
    assert_eq!(house.echo(&set, "next").await, "next");
}

#[test]
fn a_garbage_frame_replaces_the_worker() {
    on_a_core(breaks_the_protocol("garbage", None));
}

#[test]
fn lengths_that_do_not_add_up_replace_the_worker() {
    on_a_core(breaks_the_protocol("bad-lengths", None));
}

#[test]
fn an_answer_to_another_id_replaces_the_worker() {
    on_a_core(breaks_the_protocol("other-id", None));
}

#[test]
fn an_answer_given_twice_replaces_the_worker() {
    on_a_core(breaks_the_protocol("twice", Some("first")));
}

#[test]
fn a_closed_core_socket_replaces_the_worker() {
    on_a_core(breaks_the_protocol("close", None));
}

#[test]
fn a_stopped_worker_loses_its_heartbeat_and_is_replaced() {
    on_a_core(async {
        let mut config = config(1);
        config.heartbeat_timeout = Duration::from_secs(1);
        let house = House::with(config).await;
        let set = house.bind("scripted").await;
        let pid = house.supervisor.status().pids[0];
        signal(pid, Signal::STOP);
        assert_eq!(
            house.call(&set, "echo", "").await.err(),
            Some(CallError::WorkerDied)
        );
        house.replaced(pid, 1).await;
        assert_eq!(house.echo(&set, "next").await, "next");
    });
}

#[test]
fn a_worker_with_overdue_calls_does_not_look_idle() {
    on_a_core(async {
        let (house, set) = House::open(2).await;
        let spin = Call {
            handle: set.handles["spin"],
            ..Call::default()
        };
        let overdue = house.pool.call(&spin, Some(Duration::from_millis(1))).await;
        assert_eq!(overdue.err(), Some(CallError::Deadline));
        for _ in 0..20 {
            assert_eq!(
                house.echo(&set, "served by the other").await,
                "served by the other"
            );
        }
    });
}

#[test]
fn what_a_worker_forked_ends_with_it_and_keeps_no_socket_open() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let pid = house.supervisor.status().pids[0];
        let reply = house.call(&set, "grandchild", "").await.unwrap();
        let grandchild: u32 = std::str::from_utf8(&reply.body).unwrap().parse().unwrap();
        assert!(is_alive(grandchild));
        assert_eq!(
            house.call(&set, "die", "").await.err(),
            Some(CallError::WorkerDied)
        );
        house.replaced(pid, 1).await;
        until("the grandchild is gone", || !is_alive(grandchild)).await;
    });
}
