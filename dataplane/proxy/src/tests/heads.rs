//! Heads that have two readings: refused, the connection closed, nothing upstream. And the one that asks for no path.

use super::clients::Client;
use super::cores::{TestCore, echoes, quick};
use super::upstreams::Upstream;

/// What is sent, and the status.
const CASES: &[(&[u8], u16)] = &[
    (
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        400,
    ),
    (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc",
        400,
    ),
    (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +3\r\n\r\nabc",
        400,
    ),
    (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    (
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n", 400),
    (b"GET / HTTP/1.1\nhost: x\n\n", 400),
    (b"GET / HTTP/1.1\r\nhost: x\r\na: \0\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    (
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent_length: 3\r\n\r\n",
        400,
    ),
    (b"GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n", 400),
    (b"GET / HTTP/3.0\r\nhost: x\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 405),
    (
        b"GET / HTTP/1.1\r\nhost: x\r\nexpect: y, 100-continue\r\n\r\n",
        417,
    ),
    (b"GET /#a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
];

#[test]
fn a_head_with_two_readings_is_refused_and_nothing_of_it_goes_upstream() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    for (head, status) in CASES {
        let mut client = Client::connect(core.balancer);
        client.send(head);
        let answer = client.response().unwrap();
        let text = String::from_utf8_lossy(head);
        assert_eq!(answer.status, *status, "{text}");
        assert_eq!(answer.field("connection").unwrap(), "close", "{text}");
        assert!(client.is_closed(), "{text}");
    }
    assert_eq!(upstream.asked(), 0);
    assert_eq!(core.totals().balancer.heads_refused, CASES.len() as u64);
}

#[test]
fn too_many_headers_get_431_and_a_long_target_414() {
    let core = TestCore::start(&[], quick());
    let many = "a: b\r\n".repeat(120);
    let mut client = Client::connect(core.node);
    client.send(format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes());
    assert_eq!(client.response().unwrap().status, 431);
    let mut client = Client::connect(core.node);
    client.send(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(9_000)).as_bytes());
    assert_eq!(client.response().unwrap().status, 414);
}

#[test]
fn a_broken_chunk_gets_400_and_what_follows_is_never_a_request() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcX");
    client.send(b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 400);
    assert!(client.is_closed());
    assert_eq!(upstream.asked(), 0);
}

#[test]
fn what_is_asked_of_no_path_is_answered_by_both_listeners() {
    let core = TestCore::start(&[], quick());
    core.apply(echoes(1, &[("GET", "/a")]));
    for address in [core.node, core.balancer] {
        let mut client = Client::connect(address);
        for _ in 0..2 {
            client.send(b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n");
            let answer = client.response().unwrap();
            assert_eq!(answer.status, 204, "{answer:?}");
            assert_eq!(
                answer.field("allow").unwrap(),
                "get, post, put, patch, delete, head, options"
            );
            assert_eq!(answer.field("content-length"), None);
        }
        client.send(b"OPTIONS * HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi");
        assert_eq!(client.response().unwrap().status, 204);
        assert!(client.is_closed(), "its body is nobody's request");
    }
}

#[test]
fn a_proxy_passes_on_what_is_asked_of_no_path() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 200);
    let head = upstream.heads.recv().unwrap();
    assert!(head.starts_with("OPTIONS * HTTP/1.1\r\n"), "{head}");
}
