//! Generations that change under requests, and the goodbye.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dp_net::DriverChoice;

use super::clients::Client;
use super::cores::{TestCore, echoes, quick};
use super::upstreams::{Upstream, reply};
use crate::CoreCommand;

#[test]
fn a_new_generation_under_load_costs_no_request() {
    let core = TestCore::start(&[], quick());
    core.apply(echoes(1, &[("GET", "/a")]));
    let is_over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let (over, count, address) = (Arc::clone(&is_over), Arc::clone(&served), core.node);
    let load = std::thread::spawn(move || {
        let mut client = Client::connect(address);
        while !over.load(Ordering::SeqCst) {
            assert_eq!(client.get("/a").status, 200);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    for generation in 2..50 {
        core.apply(echoes(generation, &[("GET", "/a"), ("GET", "/b")]));
        let before = served.load(Ordering::SeqCst);
        while served.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
    }
    is_over.store(true, Ordering::SeqCst);
    load.join().unwrap();
    assert_eq!(Client::connect(core.node).get("/b").status, 200);
}

#[test]
fn only_what_was_prepared_is_committed() {
    let core = TestCore::start(&[], quick());
    core.apply(echoes(1, &[("GET", "/a")]));
    let (reply, answer) = flume::bounded(1);
    core.commands
        .send(CoreCommand::Commit {
            generation: 2,
            reply,
        })
        .unwrap();
    assert!(answer.recv().unwrap().is_none());
    assert_eq!(Client::connect(core.node).get("/a").status, 200);
}

#[test]
fn a_drain_finishes_what_runs_and_says_goodbye_to_who_comes() {
    let (go, gone) = flume::bounded::<()>(1);
    let upstream = Upstream::start(move |asked, stream| {
        if asked.head.contains("/slow") {
            gone.recv().unwrap();
        }
        reply(stream, "200 OK", b"done");
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut idle = Client::connect(core.balancer);
    assert_eq!(idle.get("/").status, 200);
    let mut slow = Client::connect(core.balancer);
    slow.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
    core.until(|totals| totals.balancer.in_flight == 1);
    let drained = core.begin_drain(Duration::from_secs(20));
    // A connection that was open before gets one more answer, which says goodbye.
    let last = loop {
        let answer = idle.get("/");
        if answer.field("connection").is_some() {
            break answer;
        }
    };
    assert_eq!(last.status, 200);
    assert_eq!(last.field("x-bascule-state").unwrap(), "draining");
    assert!(idle.is_closed());
    go.send(()).unwrap();
    assert_eq!(slow.response().unwrap().body, b"done");
    assert_eq!(drained.recv().unwrap().abandoned, 0);
    core.join().unwrap();
}

#[test]
fn a_generation_that_comes_during_a_drain_is_applied() {
    let (go, gone) = flume::bounded::<()>(1);
    let upstream = Upstream::start(move |_, stream| {
        gone.recv().unwrap();
        reply(stream, "200 OK", b"done");
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut slow = Client::connect(core.balancer);
    slow.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
    core.until(|totals| totals.balancer.in_flight == 1);
    let drained = core.begin_drain(Duration::from_secs(20));
    core.apply(echoes(1, &[("GET", "/a")]));
    go.send(()).unwrap();
    assert_eq!(slow.response().unwrap().body, b"done");
    assert_eq!(drained.recv().unwrap().abandoned, 0);
    core.join().unwrap();
}

#[test]
fn a_drain_ends_when_its_time_is_up() {
    let upstream = Upstream::start(|_, _| {
        std::thread::park();
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    core.until(|totals| totals.balancer.in_flight == 1);
    let drained = core.begin_drain(Duration::from_millis(100));
    assert_eq!(drained.recv().unwrap().abandoned, 1);
    core.join().unwrap();
    assert!(client.is_closed());
}

/// Its accept queues do not empty, for it holds as many connections as it may.
#[test]
fn queues_that_do_not_empty_share_the_time_of_a_drain() {
    let full = TestCore::start_full_at(1, DriverChoice::Auto, &[], quick());
    let _clients = [full.node, full.node, full.balancer, full.balancer].map(Client::connect);
    full.until(|totals| totals.accept_pauses == 2);
    // Ends with its time, for its exchange does not: that is the measure.
    let upstream = Upstream::start(|_, _| {
        std::thread::park();
        true
    });
    let slow = TestCore::start(&[upstream.address], quick());
    Client::connect(slow.balancer).send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    slow.until(|totals| totals.balancer.in_flight == 1);

    let drained = full.begin_drain(Duration::from_secs(1));
    let later = slow.begin_drain(Duration::from_millis(1_700));
    later.recv().unwrap();
    assert!(drained.try_recv().is_ok());
}

#[test]
fn idle_connections_do_not_hold_a_drain_up() {
    let core = TestCore::start(&[], quick());
    let mut idle = Client::connect(core.node);
    assert_eq!(idle.get("/zato/ping").status, 200);
    let drained = core.begin_drain(Duration::from_secs(20));
    assert_eq!(drained.recv().unwrap().abandoned, 0);
    assert!(idle.is_closed());
    core.join().unwrap();
}
