//! A balancer before the members of its cluster, itself among them.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bascule_proto::config::v1 as proto;

use super::balance::post;
use super::clients::Client;
use super::cores::{TestCore, echoes, member, quick};
use super::upstreams::{Upstream, reply};
use crate::Timeouts;

#[test]
fn a_balancer_serves_its_own_turn_without_a_hop_and_sends_the_rest_to_the_members() {
    let balancer = TestCore::start(&[], quick());
    let other = TestCore::start(&[], quick());
    let mut snapshot = echoes(1, &[("POST", "/p")]);
    snapshot.members = vec![member("n1", balancer.node), member("n2", other.node)];
    other.apply(snapshot.clone());
    balancer.apply(snapshot);
    let mut client = Client::connect(balancer.balancer);
    for n in 0..20 {
        let body = format!("{n}");
        assert_eq!(
            client.send(&post(body.as_bytes())).response().unwrap().body,
            body.as_bytes()
        );
    }
    let here = balancer
        .totals()
        .channels
        .values()
        .map(dp_stats::ChannelTotals::count)
        .sum::<u64>();
    assert_eq!(here, 10);
    assert!(
        balancer
            .totals()
            .upstreams
            .values()
            .any(|totals| totals.count() == 10)
    );
    assert_eq!(client.get("/nope").status, 404);
}

#[test]
fn a_member_that_drains_gets_nothing_new() {
    let times = Timeouts {
        health_interval: Duration::from_hours(1),
        ..quick()
    };
    let balancer = TestCore::start(&[], times);
    let upstream = Upstream::start(|asked, stream| {
        if asked.head.contains("/zato/ping") {
            reply(stream, "200 OK", b"{}");
        } else {
            stream
                .write_all(
                    b"HTTP/1.1 200 OK\r\nx-bascule-state: draining\r\ncontent-length: 2\r\n\r\nup",
                )
                .unwrap();
        }
        true
    });
    let mut snapshot = echoes(1, &[("POST", "/p")]);
    snapshot.members = vec![member("n1", balancer.node), member("n2", upstream.address)];
    balancer.apply(snapshot);
    let mut client = Client::connect(balancer.balancer);
    let answers: Vec<_> = (0..20)
        .map(|_| client.send(&post(b"me")).response().unwrap())
        .collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(
        answers.iter().filter(|answer| answer.body == b"up").count(),
        1
    );
    assert!(
        answers
            .iter()
            .all(|answer| !answer.head.contains("draining"))
    );
}

#[test]
fn a_member_that_died_costs_no_request_because_this_node_answers_itself() {
    let balancer = TestCore::start(&[], quick());
    let mut snapshot = echoes(1, &[("POST", "/p")]);
    snapshot.members = vec![
        member("n1", balancer.node),
        member("n2", Upstream::nobody()),
    ];
    balancer.apply(snapshot);
    let mut client = Client::connect(balancer.balancer);
    let large = vec![b'x'; 200_000];
    for body in [&b"small"[..], &large] {
        for _ in 0..10 {
            let answer = client.send(&post(body)).response().unwrap();
            assert_eq!((answer.status, answer.body == body), (200, true));
        }
    }
}

/// A balancer whose only wanted members are `members`: its own node drains, as far as the cluster goes.
fn balancer_before(members: &[SocketAddr], times: Timeouts, timeout_ms: u32) -> TestCore {
    let times = Timeouts {
        health_interval: Duration::from_hours(1),
        ..times
    };
    let balancer = TestCore::start(&[], times);
    let mut snapshot = echoes(1, &[("POST", "/p")]);
    let mut here = member("n1", balancer.node);
    here.state = proto::MemberState::Draining.into();
    snapshot.members = vec![here];
    for (index, address) in members.iter().enumerate() {
        snapshot
            .members
            .push(member(&format!("m{index}"), *address));
    }
    for channel in &mut snapshot.channels {
        channel.timeout_ms = timeout_ms;
    }
    balancer.apply(snapshot);
    balancer
}

#[test]
fn the_only_member_that_is_wanted_is_not_ejected_in_favour_of_a_draining_one() {
    let upstream = Upstream::start(|asked, stream| {
        let is_check = asked.head.contains("/zato/ping");
        if is_check {
            reply(stream, "200 OK", b"{}");
        }
        is_check
    });
    let balancer = balancer_before(&[upstream.address], quick(), 30_000);
    let mut client = Client::connect(balancer.balancer);
    for _ in 0..20 {
        assert_eq!(client.send(&post(b"x")).response().unwrap().status, 502);
    }
    assert_eq!(balancer.totals().upstream_ejections, 0);
}

#[test]
fn a_service_that_answers_503_does_not_cost_its_node_the_other_requests() {
    let upstream = || {
        Upstream::start(|asked, stream| {
            let status = if asked.head.contains("/zato/ping") {
                "200 OK"
            } else {
                "503 Service Unavailable"
            };
            reply(stream, status, b"{}");
            true
        })
    };
    let members = [upstream(), upstream()];
    let balancer = balancer_before(&members.each_ref().map(|it| it.address), quick(), 30_000);
    let mut client = Client::connect(balancer.balancer);
    for _ in 0..40 {
        assert_eq!(client.send(&post(b"x")).response().unwrap().status, 503);
    }
    assert_eq!(balancer.totals().upstream_ejections, 0);
}

#[test]
fn a_members_own_504_reaches_the_client_though_it_comes_after_the_deadline() {
    let upstream = Upstream::start(|asked, stream| {
        if asked.head.contains("/zato/ping") {
            reply(stream, "200 OK", b"{}");
        } else {
            // Well after the deadline and a tick.
            std::thread::park_timeout(Duration::from_millis(400));
            reply(stream, "504 Gateway Timeout", b"service slow: too late");
        }
        true
    });
    let times = Timeouts {
        member_grace: Duration::from_secs(20),
        ..quick()
    };
    let balancer = balancer_before(&[upstream.address], times, 50);
    let mut client = Client::connect(balancer.balancer);
    let answer = client.send(&post(b"x")).response().unwrap();
    assert_eq!(answer.status, 504);
    assert_eq!(answer.body, b"service slow: too late");
}

#[test]
fn members_whose_services_take_too_long_are_not_ejected() {
    let upstream = || {
        Upstream::start(|asked, stream| {
            if asked.head.contains("/zato/ping") {
                reply(stream, "200 OK", b"{}");
            } else {
                std::thread::park();
            }
            true
        })
    };
    let members = [upstream(), upstream()];
    let times = Timeouts {
        member_grace: Duration::ZERO,
        ..quick()
    };
    let balancer = balancer_before(&members.each_ref().map(|it| it.address), times, 20);
    for _ in 0..8 {
        let mut client = Client::connect(balancer.balancer);
        assert_eq!(client.send(&post(b"x")).response().unwrap().status, 504);
    }
    assert_eq!(balancer.totals().upstream_ejections, 0);
}

#[test]
fn a_member_that_stands_still_costs_no_idempotent_request() {
    // It keeps its connections and answers nothing, as a stopped process does.
    let silent = Upstream::start(|_, _| {
        std::thread::park();
        true
    });
    let times = Timeouts {
        // The first check fails, and those that settle it follow at once.
        health_interval: Duration::from_hours(1),
        health_check: Duration::from_millis(200),
        ..quick()
    };
    let member_of_its_own = TestCore::start(&[], quick());
    let mut snapshot = echoes(1, &[("PUT", "/p")]);
    snapshot.members = vec![
        member("n2", silent.address),
        member("n3", member_of_its_own.node),
    ];
    snapshot.members[0].weight = 1_000;
    let balancer = TestCore::start(&[], times);
    member_of_its_own.apply(snapshot.clone());
    balancer.apply(snapshot);
    // More than a retry budget of the pool's exchanges would let go elsewhere, and all but a few wait there.
    let asked: Vec<_> = (0..80)
        .map(|_| {
            let mut client = Client::connect(balancer.balancer);
            client.send(b"PUT /p HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nme");
            client
        })
        .collect();
    for mut client in asked {
        let answer = client.response().unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"me"[..]));
    }
    assert!(silent.asked() > 0, "some of them were asked of it first");
}

#[test]
fn what_a_balancer_accepts_its_members_accept_too() {
    let member_node = TestCore::start(&[], quick());
    let balancer = TestCore::start(&[], quick());
    let mut snapshot = echoes(1, &[("POST", "/p")]);
    snapshot.members = vec![member("n2", member_node.node)];
    member_node.apply(snapshot.clone());
    balancer.apply(snapshot);
    let mut client = Client::connect(balancer.balancer);
    let fields = "x-many: a\r\n".repeat(98);
    let head = format!("POST /p HTTP/1.1\r\nhost: x\r\n{fields}content-length: 2\r\n\r\nme");
    assert_eq!(client.send(head.as_bytes()).response().unwrap().status, 200);
}
