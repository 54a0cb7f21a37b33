//! Bodies of requests on their way in: room, rate, and the word before them.

use super::clients::Client;
use super::cores::{TestCore, echoes, quick};

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
        let answer = client.send(&super::balance::post(&body)).response();
        assert!(answer.unwrap().body == body);
    }
}
