//! Calls and answers on a healthy worker.

use std::time::Duration;

use dp_codec::Method;
use dp_exec::{Call, CallError, DataFormat, Raised, ServiceBinding};

use crate::house::{House, config, on_a_core, on_a_core_with_epoll, package, until};

#[test]
fn a_call_carries_its_body_and_the_reply_its_parts() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let call = Call {
            handle: set.handles["echo"],
            method: Method::Post,
            data_format: DataFormat::Json,
            cid: b"k1",
            channel: b"orders",
            path: b"/orders/7",
            query: b"a=1",
            params: b"id\x007\x00",
            remote: b"127.0.0.1:1",
            headers: b"Content-Type: application/json\r\n",
            body: b"{\"x\":1}",
            ..Call::default()
        };
        let reply = house
            .pool
            .call(&call, Some(Duration::from_secs(30)))
            .await
            .unwrap();
        assert_eq!((reply.status, reply.raised), (200, None));
        assert_eq!(reply.content_type, "text/plain");
        assert_eq!(reply.body, r#"{"x":1}"#);
        let pid = house.supervisor.status().pids[0];
        assert_eq!(reply.headers, format!("X-Worker: {pid}\r\n"));
    });
}

#[test]
fn pipelined_calls_are_answered_out_of_order_each_with_its_own_answer() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let bodies: Vec<String> = (0..100).map(|number| format!("body {number}")).collect();
        let held: Vec<_> = bodies
            .iter()
            .map(|body| {
                let handle = set.handles["hold"];
                house
                    .pool
                    .begin(
                        &Call {
                            handle,
                            body: body.as_bytes(),
                            ..Call::default()
                        },
                        None,
                    )
                    .unwrap()
            })
            .collect();
        assert_eq!(house.pool.in_flight(), 100);
        house.call(&set, "release", "").await.unwrap();
        for (waiting, body) in held.into_iter().zip(bodies) {
            assert_eq!(waiting.await.unwrap().body, body);
        }
        assert_eq!(house.pool.in_flight(), 0);
    });
}

#[test]
fn calls_spread_over_the_workers_by_what_they_have_in_flight() {
    on_a_core(async {
        let (house, set) = House::open(2).await;
        let call = Call {
            handle: set.handles["hold"],
            ..Call::default()
        };
        let held: Vec<_> = (0..10)
            .map(|_| house.pool.begin(&call, None).unwrap())
            .collect();
        let first = held
            .iter()
            .filter(|waiting| waiting.worker() == held[0].worker())
            .count();
        assert_eq!(first, 5);
    });
}

#[test]
fn quiet_cores_prefer_different_workers() {
    on_a_core(async {
        let mut config = config(2);
        config.cores = 2;
        let (supervisor, cores) = dp_exec::Supervisor::start(config).unwrap();
        let pools: Vec<_> = cores.into_iter().map(dp_exec::WorkerPool::new).collect();
        until("both see both", || {
            pools.iter().all(|pool| pool.ready() == 2)
        })
        .await;
        let package = package("scripted");
        let service = ServiceBinding {
            name: "hold".to_owned(),
            package: package.id.clone(),
        };
        let set = supervisor.bind(vec![package], vec![service]).await.unwrap();
        let call = Call {
            handle: set.handles["hold"],
            ..Call::default()
        };
        let first: Vec<_> = pools
            .iter()
            .map(|pool| pool.begin(&call, None).unwrap())
            .collect();
        assert_ne!(first[0].worker(), first[1].worker());
    });
}

#[test]
fn a_raise_has_an_answer_for_the_client_and_a_traceback_for_the_log() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let reply = house.call(&set, "raise", "").await.unwrap();
        assert_eq!((reply.status, reply.body.as_ref()), (500, &b"{}"[..]));
        let traceback = "Traceback\nValueError".to_owned();
        assert_eq!(
            reply.raised,
            Some(Raised {
                kind: "ValueError".to_owned(),
                traceback
            })
        );
    });
}

#[test]
fn epoll_serves_as_the_ring_does() {
    on_a_core_with_epoll(async {
        let (house, set) = House::open(2).await;
        let body = "y".repeat(5_000_000);
        assert_eq!(house.echo(&set, &body).await, body);
        assert_eq!(
            house.call(&set, "die", "").await.err(),
            Some(CallError::WorkerDied)
        );
        until("it is replaced", || house.pool.ready() == 2).await;
        assert_eq!(house.echo(&set, "next").await, "next");
    });
}

#[test]
fn large_bodies_pass_in_both_directions() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let reply = house.call(&set, "large", "20000000").await.unwrap();
        assert_eq!(reply.body.len(), 20_000_000);
        let body = "y".repeat(5_000_000);
        assert_eq!(house.echo(&set, &body).await, body);
        assert_eq!(house.echo(&set, "small").await, "small");
    });
}

#[test]
fn a_deadline_ends_the_call_and_the_late_answer_reaches_nobody() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let call = Call {
            handle: set.handles["late"],
            ..Call::default()
        };
        let ended = house
            .pool
            .call(&call, Some(Duration::from_millis(60)))
            .await;
        assert_eq!(ended.err(), Some(CallError::Deadline));
        // The worker answered after the CANCEL; the next call has the same slot and gets its own answer.
        assert_eq!(house.echo(&set, "mine").await, "mine");
        assert_eq!(house.supervisor.status().restarts, 0);
    });
}

#[test]
fn a_dropped_call_is_cancelled_and_its_late_answer_reaches_nobody() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        for _ in 0..50 {
            let call = Call {
                handle: set.handles["late"],
                ..Call::default()
            };
            drop(house.pool.begin(&call, None).unwrap());
            assert_eq!(house.pool.in_flight(), 0);
            assert_eq!(house.echo(&set, "mine").await, "mine");
        }
        assert_eq!(house.supervisor.status().restarts, 0);
    });
}

#[test]
fn a_part_that_does_not_fit_is_refused_before_it_is_sent() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let query = vec![b'q'; 70_000];
        let call = Call {
            handle: set.handles["echo"],
            query: &query,
            ..Call::default()
        };
        assert_eq!(
            house.pool.call(&call, None).await.err(),
            Some(CallError::TooLarge)
        );
        assert_eq!(house.pool.in_flight(), 0);
        assert_eq!(house.echo(&set, "next").await, "next");
    });
}

#[test]
fn a_full_worker_refuses_at_once() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let call = Call {
            handle: set.handles["hold"],
            ..Call::default()
        };
        let held: Vec<_> = std::iter::from_fn(|| house.pool.begin(&call, None).ok()).collect();
        assert_eq!(house.pool.begin(&call, None).err(), Some(CallError::Busy));
        drop(held);
        assert_eq!(house.echo(&set, "room again").await, "room again");
    });
}

#[test]
fn what_a_worker_prints_is_in_the_log_line_by_line() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        house
            .call(
                &set,
                "log",
                r#"{"level":"ERROR","msg":"from a service","cid":"k1"}"#,
            )
            .await
            .unwrap();
        until("both lines are there", || house.log.lines().len() >= 2).await;
        let lines = house.log.lines();
        let record = lines.iter().find(|line| line["cid"] == "k1").unwrap();
        assert_eq!(
            (&record["level"], &record["node"]),
            (&"ERROR".into(), &"dev-1".into())
        );
        let plain = lines
            .iter()
            .find(|line| line["msg"] == "on stdout")
            .unwrap();
        assert_eq!(plain["target"], "worker.stderr");
    });
}

#[test]
fn a_worker_does_not_see_the_secrets_of_the_node() {
    on_a_core(async {
        let (house, set) = House::open(1).await;
        let reply = house.call(&set, "environment", "").await.unwrap();
        let seen: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&reply.body).unwrap();
        assert!(seen.contains_key("PATH") && seen.contains_key("PYTHONPATH"));
        assert!(!seen.keys().any(|name| name.starts_with("BASCULE_")));
    });
}
