//! What is learned between two generations: nothing of it is lost.

use std::io::Write;
use std::time::Duration;

use bascule_proto::config::v1 as proto;

use super::balance::post;
use super::clients::Client;
use super::cores::{TestCore, echoes, member, plan, quick};
use super::upstreams::{Upstream, reply};
use crate::Timeouts;

const DRAINING: &[u8] =
    b"HTTP/1.1 200 OK\r\nx-bascule-state: draining\r\ncontent-length: 2\r\n\r\nup";

/// A member that says with every answer that it drains, but for its checks; to `/slow` only when told.
fn draining_member() -> (Upstream, flume::Sender<()>) {
    let (go, gone) = flume::unbounded::<()>();
    let upstream = Upstream::start(move |asked, stream| {
        if asked.head.contains("/zato/ping") {
            reply(stream, "200 OK", b"{}");
            return true;
        }
        if asked.head.contains("/slow") {
            gone.recv().unwrap();
        }
        stream.write_all(DRAINING).unwrap();
        true
    });
    (upstream, go)
}

/// Checks come once, at the start: they would mend what the tests look for.
fn unchecked() -> TestCore {
    TestCore::start(
        &[],
        Timeouts {
            health_interval: Duration::from_hours(1),
            ..quick()
        },
    )
}

fn generation(number: u64, balancer: &TestCore, upstream: &Upstream) -> proto::Snapshot {
    let mut snapshot = echoes(number, &[("POST", "/p"), ("POST", "/slow")]);
    snapshot.members = vec![member("n1", balancer.node), member("n2", upstream.address)];
    snapshot
}

/// How many of as many requests as both members would share are answered by the other one.
fn answered_there(client: &mut Client) -> usize {
    let answers = (0..10).map(|_| client.send(&post(b"me")).response().unwrap());
    answers.filter(|answer| answer.body == b"up").count()
}

#[test]
fn what_is_learned_between_prepare_and_commit_is_known_afterwards() {
    let (balancer, (upstream, _go)) = (unchecked(), draining_member());
    balancer.apply(generation(1, &balancer, &upstream));
    balancer.prepare(plan(generation(2, &balancer, &upstream)));
    let mut client = Client::connect(balancer.balancer);
    assert_eq!(answered_there(&mut client), 1);
    balancer.commit(2);
    assert_eq!(answered_there(&mut client), 0);
}

#[test]
fn an_exchange_that_began_before_a_generation_is_heard_in_it() {
    let (balancer, (upstream, go)) = (unchecked(), draining_member());
    balancer.apply(generation(1, &balancer, &upstream));
    let slow = b"POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nme";
    // One of two is this node's own.
    let mut clients = [0, 1].map(|_| Client::connect(balancer.balancer));
    for client in &mut clients {
        client.send(slow);
    }
    while upstream.heads.recv().unwrap().contains("/zato/ping") {}
    balancer.apply(generation(2, &balancer, &upstream));
    go.send(()).unwrap();
    let mut bodies = clients.map(|mut client| client.response().unwrap().body);
    bodies.sort();
    assert_eq!(bodies, [b"me", b"up"]);
    assert_eq!(answered_there(&mut Client::connect(balancer.balancer)), 0);
}
