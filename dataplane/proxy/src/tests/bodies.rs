//! Bodies of requests on their way in: room, rate, and the word before them.

use std::net::SocketAddr;
use std::time::Duration;

use super::balance::post;
use super::clients::Client;
use super::cores::{TestCore, echoes, quick};
use super::upstreams::Upstream;
use crate::Timeouts;

/// As far as a channel may let a body grow.
const LARGE: u64 = 60_000_000;

/// What the process has reserved, whether it is used or not.
fn reserved_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmData:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

#[test]
fn a_length_that_is_only_claimed_reserves_little() {
    const CLIENTS: usize = 40;
    let core = TestCore::start(&[], quick());
    let mut snapshot = echoes(1, &[("POST", "/echo")]);
    snapshot.channels[0].body_bytes_max = LARGE;
    core.apply(snapshot);
    let before = reserved_bytes();
    let head = format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {LARGE}\r\n\r\n"
    );
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = Client::connect(core.node);
            client.send(head.as_bytes());
            assert_eq!(client.response().unwrap().status, 100);
            client
        })
        .collect();
    // Who comes later is served: the core waits for all those bodies.
    assert_eq!(Client::connect(core.node).get("/zato/ping").status, 200);
    let grown = reserved_bytes().saturating_sub(before);
    assert!(grown < CLIENTS as u64 * LARGE / 8, "{grown}");
    drop(clients);
}

#[test]
fn a_body_of_many_steps_arrives_whole() {
    let core = TestCore::start(&[], quick());
    let mut snapshot = echoes(1, &[("POST", "/p")]);
    snapshot.channels[0].body_bytes_max = LARGE;
    core.apply(snapshot);
    let body: Vec<u8> = (0..9_000_000_u32)
        .map(|n| u8::try_from((n ^ (n >> 8)) % 251).unwrap())
        .collect();
    let mut client = Client::connect(core.node);
    for _ in 0..2 {
        let answer = client.send(&post(&body)).response();
        assert!(answer.unwrap().body == body);
    }
}

/// No read is late, so that only the rate can be what cuts a body.
fn rated() -> Timeouts {
    Timeouts {
        body_grace: Duration::from_millis(200),
        body_idle: Duration::from_hours(1),
        ..quick()
    }
}

/// Who has sent little is cut after the grace; who has sent much has earned time by it.
fn keeps_the_rate(address: SocketAddr) {
    const LENGTH: usize = 10_000;
    let whole = post(&[b'x'; LENGTH]);
    let (most, rest) = whole.split_at(whole.len() - 2);
    let mut fast = Client::connect(address);
    fast.send(most);
    // Later than the other, so that its end is after the grace of both.
    let mut slow = Client::connect(address);
    slow.send(whole.get(..whole.len() - LENGTH + 2).unwrap());
    assert_eq!(slow.response().unwrap().status, 408);
    assert!(slow.is_closed());
    assert_eq!(fast.send(rest).response().unwrap().body.len(), LENGTH);
}

#[test]
fn a_body_for_a_service_must_keep_the_rate() {
    let core = TestCore::start(&[], rated());
    core.apply(echoes(1, &[("POST", "/p")]));
    keeps_the_rate(core.node);
}

#[test]
fn a_body_for_an_upstream_must_keep_the_rate() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], rated());
    keeps_the_rate(core.balancer);
}

#[test]
fn a_streamed_body_that_waits_for_100_gets_it_and_what_else_is_expected_417() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    let head = |expected: &str| {
        format!("POST / HTTP/1.1\r\nhost: x\r\nexpect: {expected}\r\ncontent-length: 2\r\n\r\n")
    };
    client.send(head("100-continue").as_bytes());
    assert_eq!(client.response().unwrap().status, 100);
    assert_eq!(client.send(b"ok").response().unwrap().body, b"ok");
    let forwarded = upstream.heads.recv().unwrap();
    assert!(!forwarded.contains("expect"), "{forwarded}");

    client.send(head("a-miracle").as_bytes());
    assert_eq!(client.response().unwrap().status, 417);
    assert!(client.is_closed());
    assert_eq!(upstream.asked(), 1);
}
