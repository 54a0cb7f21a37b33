//! The end of a node.

use std::time::Duration;

use dp_exec::{Call, CallError};

use crate::house::{House, PATIENCE, is_alive, on_a_core};

#[test]
fn a_stop_lets_the_calls_in_flight_finish() {
    on_a_core(async {
        let (house, set) = House::open(2).await;
        let mut pids = house.supervisor.status().pids;
        pids.push(house.spare().await);
        let call = Call {
            handle: set.handles["hold"],
            body: b"kept",
            ..Call::default()
        };
        let held: Vec<_> = (0..10)
            .map(|_| house.pool.begin(&call, None).unwrap())
            .collect();
        // One goes to each worker, behind the calls that are held there.
        let echo = Call {
            handle: set.handles["echo"],
            ..Call::default()
        };
        let echoes = [
            house.pool.begin(&echo, None).unwrap(),
            house.pool.begin(&echo, None).unwrap(),
        ];
        for arrived in echoes {
            arrived.await.unwrap();
        }
        house.supervisor.stop(PATIENCE).await;
        for waiting in held {
            assert_eq!(waiting.await.unwrap().body, "kept");
        }
        assert!(!pids.into_iter().any(is_alive));
        assert_eq!(house.supervisor.status().ready, 0);
        assert_eq!(house.supervisor.status().spare, None);
        assert_eq!(
            house.pool.begin(&call, None).err(),
            Some(CallError::NoWorker)
        );
    });
}

#[test]
fn a_worker_that_does_not_stop_is_killed_after_the_grace() {
    on_a_core(async {
        let (house, _set) = House::open(1).await;
        house.bind("stubborn").await;
        let pid = house.supervisor.status().pids[0];
        house.supervisor.stop(Duration::from_millis(100)).await;
        assert!(!is_alive(pid));
    });
}

#[test]
fn dropping_the_supervisor_leaves_no_process() {
    on_a_core(async {
        let (house, _set) = House::open(2).await;
        let mut pids = house.supervisor.status().pids;
        pids.push(house.spare().await);
        assert!(pids.iter().all(|pid| is_alive(*pid)));
        drop(house.supervisor);
        for pid in pids {
            assert!(
                !std::fs::exists(format!("/proc/{pid}")).unwrap(),
                "{pid} is a zombie or an orphan"
            );
        }
    });
}
