//! What runs, and what is learned, while one generation follows another: nothing of it is lost.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use dp_net::DriverChoice;

use super::balance::post;
use super::clients::Client;
use super::cores::{TestCore, echoes, member, plan, quick};
use super::upstreams::{Upstream, reply};
use super::workers::{bind, scripted_worker};
use crate::{CoreCommand, Invocation, Invoked, Plan, Timeouts};

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

fn invoke(core: &TestCore, service: &str) -> flume::Receiver<Invoked> {
    let invocation = Invocation {
        service: service.into(),
        body: b"kept".to_vec(),
        content_type: String::new(),
        cid: String::new(),
        timeout: Duration::from_secs(30),
    };
    let (reply, answer) = flume::bounded(1);
    let command = CoreCommand::Invoke { invocation, reply };
    core.commands.send(command).unwrap();
    answer
}

/// The worker may not have read the call when the generation goes: its handle must mean something until then.
#[test]
fn an_invocation_keeps_its_services_until_it_is_answered() {
    let (supervisor, mut events) = scripted_worker();
    let core = TestCore::start_with(events.remove(0));
    let first = Arc::new(Plan {
        snapshot: Arc::clone(&plan(echoes(1, &[("GET", "/a")])).snapshot),
        services: bind(&supervisor, &["echo", "hold"]),
    });
    let held_by_somebody = Arc::downgrade(&first);
    core.prepare(first);
    core.commit(1);
    while invoke(&core, "echo").recv().unwrap().status != 200 {}

    let answer = invoke(&core, "hold");
    core.until(|totals| totals.worker_calls == 1);
    core.apply(echoes(2, &[("GET", "/a")]));
    assert!(held_by_somebody.upgrade().is_some());

    // A worker that is told to stop answers what it has.
    let stopped = supervisor.stop(Duration::from_secs(30));
    dp_net::block_on(DriverChoice::Auto, |_| stopped).unwrap();
    let answer = answer.recv().unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"kept"[..]));
    while held_by_somebody.upgrade().is_some() {
        std::thread::yield_now();
    }
}
