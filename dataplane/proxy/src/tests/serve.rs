//! A node that runs services: routing, bodies, keep-alive, pipelining, limits.

use std::time::Duration;

use dp_net::DriverChoice;

use super::clients::Client;
use super::cores::{TestCore, echoes, plan, quick};
use crate::{CoreCommand, Invocation, Timeouts};

fn core() -> TestCore {
    let core = TestCore::start(&[], quick());
    core.apply(echoes(1, &[("POST", "/echo"), ("", "/any/{id}")]));
    core
}

#[test]
fn requests_of_one_connection_are_answered_in_turn() {
    let core = core();
    let mut client = Client::connect(core.node);
    for body in ["one", "two", ""] {
        let text = format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = client.send(text.as_bytes()).response().unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, body.as_bytes())
        );
        assert_eq!(answer.field("x-request-id").unwrap().len(), 24);
    }
    assert_eq!(core.totals().node.accepted, 1);
}

#[test]
fn the_same_holds_on_the_epoll_driver() {
    let core = TestCore::start_on(DriverChoice::Legacy, &[], quick());
    core.apply(echoes(1, &[("POST", "/echo")]));
    let mut client = Client::connect(core.node);
    client.send(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi");
    assert_eq!(client.response().unwrap().body, b"hi");
    assert_eq!(client.get("/zato/ping").status, 200);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let core = core();
    let mut client = Client::connect(core.node);
    let mut text = Vec::new();
    for n in 0..500 {
        let body = format!("body {n}");
        text.extend(
            format!(
                "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .bytes(),
        );
    }
    client.send(&text);
    for n in 0..500 {
        assert_eq!(
            client.response().unwrap().body,
            format!("body {n}").as_bytes()
        );
    }
}

#[test]
fn a_chunked_body_is_put_together_and_the_next_request_found() {
    let core = core();
    let mut client = Client::connect(core.node);
    client
        .send(b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send(b"2\r\nde\r\n0\r\n\r\nGET /zato/ping HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(client.response().unwrap().body, b"abcde");
    assert_eq!(client.response().unwrap().status, 200);
}

#[test]
fn a_client_that_waits_for_100_gets_it_before_its_body_is_read() {
    let core = core();
    let mut client = Client::connect(core.node);
    client.send(
        b"POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n",
    );
    assert_eq!(client.response().unwrap().status, 100);
    assert_eq!(client.send(b"ok").response().unwrap().body, b"ok");
}

#[test]
fn unknown_paths_get_404_and_wrong_methods_405_with_allow() {
    let core = core();
    let mut client = Client::connect(core.node);
    let missing = client.get("/nope");
    assert_eq!(missing.status, 404);
    let text = String::from_utf8(missing.body).unwrap();
    assert!(text.starts_with(r#"{"result":"Error","cid":""#), "{text}");
    let wrong = client.get("/echo");
    assert_eq!(
        (wrong.status, wrong.field("allow").unwrap().as_str()),
        (405, "post")
    );
    // Neither had a body, so the connection goes on.
    assert_eq!(client.get("/any/7").status, 200);
}

#[test]
fn a_node_without_a_configuration_says_so() {
    let core = TestCore::start(&[], quick());
    for address in [core.node, core.balancer] {
        let mut client = Client::connect(address);
        let answer = client.get("/p");
        assert_eq!(
            (answer.status, answer.field("retry-after")),
            (503, Some("1".into()))
        );
        assert_eq!(Client::connect(core.node).get("/zato/ping").status, 200);
    }
}

#[test]
fn a_core_that_holds_its_most_connections_lets_the_next_one_wait() {
    let core = TestCore::start_full_at(2, DriverChoice::Auto, &[], quick());
    core.apply(echoes(1, &[("GET", "/p")]));
    let mut first = Client::connect(core.node);
    let mut second = Client::connect(core.node);
    assert_eq!(
        (first.get("/p").status, second.get("/p").status),
        (200, 200)
    );
    let mut third = Client::connect(core.node);
    third.send(b"GET /p HTTP/1.1\r\nhost: x\r\n\r\n");
    core.until(|totals| totals.accept_pauses == 1);
    // Those who are served go on.
    assert_eq!(first.get("/p").status, 200);
    assert_eq!(core.totals().node.accepted, 2);
    drop(second);
    assert_eq!(third.response().unwrap().status, 200);
}

#[test]
fn a_body_over_the_limit_gets_413_and_the_connection_closes() {
    let core = core();
    let mut client = Client::connect(core.node);
    client.send(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\n");
    let answer = client.response().unwrap();
    assert_eq!(
        (answer.status, answer.field("connection").unwrap().as_str()),
        (413, "close")
    );
    assert!(client.is_closed());
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let core = core();
    let mut client = Client::connect(core.node);
    client.send(b"HEAD /nope HTTP/1.1\r\nhost: x\r\n\r\n");
    client.send(b"GET /zato/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let text = String::from_utf8(client.rest().unwrap()).unwrap();
    assert_eq!(text.matches("HTTP/1.1 ").count(), 2, "{text}");
    assert_eq!(text.matches("\"result\"").count(), 0, "{text}");
    assert_eq!(text.matches("\"is_ok\":true").count(), 1, "{text}");
}

#[test]
fn an_http_10_client_is_kept_only_when_it_asks() {
    let core = core();
    let mut client = Client::connect(core.node);
    client.send(b"GET /any/1 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert_eq!(
        client.response().unwrap().field("connection").unwrap(),
        "keep-alive"
    );
    client.send(b"GET /any/1 HTTP/1.0\r\n\r\n");
    assert_eq!(
        client.response().unwrap().field("connection").unwrap(),
        "close"
    );
    assert!(client.is_closed());
}

#[test]
fn a_correlation_id_of_the_client_is_echoed_when_it_is_harmless() {
    let core = core();
    let mut client = Client::connect(core.node);
    client.send(b"GET /any/1 HTTP/1.1\r\nhost: x\r\nx-request-id: order-77\r\n\r\n");
    assert_eq!(
        client.response().unwrap().field("x-request-id").unwrap(),
        "order-77"
    );
    client.send(b"GET /any/1 HTTP/1.1\r\nhost: x\r\nx-request-id: a b\r\n\r\n");
    assert_eq!(
        client
            .response()
            .unwrap()
            .field("x-request-id")
            .unwrap()
            .len(),
        24
    );
}

#[test]
fn a_head_that_drips_gets_408() {
    let core = TestCore::start(
        &[],
        Timeouts {
            head: Duration::from_millis(200),
            ..quick()
        },
    );
    let mut client = Client::connect(core.node);
    client.send(b"GET / HTTP/1.1\r\nhost:");
    assert_eq!(client.response().unwrap().status, 408);
    assert!(client.is_closed());
}

#[test]
fn a_late_body_gets_408() {
    let core = TestCore::start(
        &[],
        Timeouts {
            body_idle: Duration::from_millis(200),
            ..quick()
        },
    );
    core.apply(echoes(1, &[("POST", "/echo")]));
    let mut client = Client::connect(core.node);
    client.send(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab");
    assert_eq!(client.response().unwrap().status, 408);
    assert!(client.is_closed());
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let times = Timeouts {
        keep_alive: Duration::from_millis(200),
        ..quick()
    };
    let core = TestCore::start(&[], times);
    let mut client = Client::connect(core.node);
    assert_eq!(client.get("/zato/ping").status, 200);
    assert!(client.rest().unwrap().is_empty());
}

#[test]
fn the_ping_says_503_from_the_signal_on() {
    let core = core();
    let mut client = Client::connect(core.node);
    assert_eq!(client.get("/zato/ping").status, 200);
    core.stopping
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = client.get("/zato/ping");
    assert_eq!(
        (answer.status, answer.field("retry-after").is_some()),
        (503, true)
    );
}

#[test]
fn a_panic_costs_its_own_connection_only() {
    let core = core();
    let mut other = Client::connect(core.node);
    assert_eq!(other.get("/any/1").status, 200);
    let mut client = Client::connect(core.node);
    client.send(b"GET /panic-in-a-test HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(client.is_closed());
    core.until(|totals| totals.panics == 1 && totals.node.in_flight == 0);
    assert_eq!(other.get("/any/1").status, 200);
}

#[test]
fn a_service_that_no_worker_runs_is_refused_at_prepare() {
    let core = core();
    let mut snapshot = echoes(2, &[("GET", "/a")]);
    snapshot.packages.push(bascule_proto::config::v1::Package {
        id: "0".repeat(64),
        file: "a.py".into(),
        module: "a".into(),
        version: 1,
        bytes: 1,
    });
    snapshot.services.push(bascule_proto::config::v1::Service {
        name: "a.b".into(),
        package_id: "0".repeat(64),
    });
    snapshot.channels[0].service = "a.b".into();
    let (reply, answer) = flume::bounded(1);
    core.commands
        .send(CoreCommand::Prepare {
            plan: plan(snapshot),
            reply,
        })
        .unwrap();
    let refused = answer.recv().unwrap().unwrap_err();
    assert_eq!(refused.refusals.len(), 1);
    let mut client = Client::connect(core.node);
    assert_eq!(client.get("/any/1").status, 200);
}

#[test]
fn the_admin_api_invokes_a_service_by_name() {
    let core = core();
    let invoke = |service: &str| {
        let invocation = Invocation {
            service: service.into(),
            body: b"hi".to_vec(),
            content_type: "text/plain".into(),
            cid: String::new(),
            timeout: Duration::from_secs(5),
        };
        let (reply, answer) = flume::bounded(1);
        core.commands
            .send(CoreCommand::Invoke { invocation, reply })
            .unwrap();
        answer.recv().unwrap()
    };
    let echoed = invoke("bascule.echo");
    assert_eq!((echoed.status, echoed.body.as_slice()), (200, &b"hi"[..]));
    assert_eq!(invoke("nobody.knows").status, 404);
}
