//! A balancer: forwarding, streaming, retries, health.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dp_stats::NodeTotals;

use super::clients::Client;
use super::cores::{TestCore, quick};
use super::upstreams::{Upstream, reply, until_full};
use crate::Timeouts;

pub(super) fn post(body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    text
}

#[test]
fn requests_are_rebuilt_and_one_connection_serves_many() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(b"GET /a?b=c HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, x-mine\r\nx-mine: 1\r\nx-forwarded-for: 6.6.6.6\r\nx-bascule-state: draining\r\naccept: */*\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 200);
    let head = upstream.heads.recv().unwrap();
    assert!(
        head.starts_with("GET /a?b=c HTTP/1.1\r\nhost: x\r\n"),
        "{head}"
    );
    assert!(
        head.contains("x-forwarded-for: 127.0.0.1\r\n") && head.contains("accept: */*\r\n"),
        "{head}"
    );
    assert!(
        !head.contains("6.6.6.6") && !head.contains("x-mine") && !head.contains("x-bascule"),
        "{head}"
    );
    for n in 0..10 {
        let body = format!("{n}");
        assert_eq!(
            client.send(&post(body.as_bytes())).response().unwrap().body,
            body.as_bytes()
        );
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn an_old_client_without_a_host_is_forwarded_with_the_endpoints() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 200);
    let head = upstream.heads.recv().unwrap();
    let host = format!("\r\nhost: {}\r\n", upstream.address);
    assert!(head.contains(&host), "{head}");
}

#[test]
fn a_fixed_backend_cannot_take_itself_out_of_rotation() {
    let upstream = Upstream::start(|_, stream| {
        let answer = b"HTTP/1.1 200 OK\r\nx-bascule-state: draining\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    for _ in 0..5 {
        assert_eq!(client.get("/").status, 200);
    }
}

#[test]
fn a_large_body_streams_both_ways() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    for _ in 0..2 {
        assert!(client.send(&post(&body)).response().unwrap().body == body);
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn chunks_go_both_ways_and_are_framed_anew() {
    let upstream = Upstream::start(|asked, stream| {
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in asked.body.chunks(3) {
            answer.extend(format!("{:x};ext=1\r\n", piece.len()).bytes());
            answer.extend_from_slice(piece);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\ntrailer: x\r\n\r\n");
        stream.write_all(&answer).unwrap();
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    for _ in 0..2 {
        client.send(
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        );
        client.send(b"6\r\n world\r\n0\r\n\r\n");
        let answer = client.response().unwrap();
        assert_eq!(answer.body, b"hello world");
        assert!(!answer.head.contains("trailer"));
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn answers_without_a_body_keep_the_connection_in_step() {
    let upstream = Upstream::start(|asked, stream| {
        if asked.head.starts_with("HEAD") {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")
                .unwrap();
        } else if asked.head.contains("/304") {
            stream
                .write_all(b"HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n")
                .unwrap();
        } else {
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
        }
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    assert_eq!(client.get("/204").status, 204);
    assert_eq!(client.get("/304").status, 304);
    client.send(b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let text = String::from_utf8(client.rest().unwrap()).unwrap();
    assert!(
        text.contains("content-length: 500\r\n") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
}

#[test]
fn an_upstream_that_dies_in_its_answer_is_a_cut_and_never_a_clean_end() {
    for head in ["content-length: 10", "transfer-encoding: chunked"] {
        let upstream = Upstream::start(move |_, stream| {
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n4\r\n").as_bytes())
                .unwrap();
            false
        });
        let core = TestCore::start(&[upstream.address], quick());
        let mut client = Client::connect(core.balancer);
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(client.response().is_none(), "{head}");
        // An HTTP/1.0 client has nothing but the connection's end to tell it.
        let mut client = Client::connect(core.balancer);
        client.send(b"GET / HTTP/1.0\r\nhost: x\r\n\r\n");
        match client.rest() {
            Err(_reset) => {}
            Ok(text) => assert!(
                String::from_utf8_lossy(&text).contains("content-length"),
                "{head}"
            ),
        }
        let counts = |code, count| {
            move |totals: &NodeTotals| {
                let upstream = totals.upstreams.values().next();
                upstream.is_some_and(|upstream| upstream.codes.get(&code) == Some(&count))
            }
        };
        core.until(counts(502, 2));
        assert!(!counts(200, 1)(&core.totals()), "{head}");
    }
}

#[test]
fn a_dead_endpoint_costs_no_request() {
    let upstream = Upstream::echo();
    let core = TestCore::start(&[Upstream::nobody(), upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    for _ in 0..20 {
        assert_eq!(client.send(&post(b"x")).response().unwrap().status, 200);
    }
    assert!(core.totals().upstream_retries > 0);
}

#[test]
fn a_pooled_connection_that_the_upstream_closed_costs_no_request() {
    let upstream = Upstream::start(|asked, stream| {
        reply(stream, "200 OK", &asked.body);
        false
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    for _ in 0..10 {
        // Sent while the connection may be closing: what can be sent again is.
        assert_eq!(client.get("/").status, 200);
        upstream.until_nobody_is_connected();
        // A POST is not sent again, so the connection is looked at first.
        assert_eq!(client.send(&post(b"y")).response().unwrap().status, 200);
    }
}

#[test]
fn with_all_endpoints_down_the_answer_is_503_or_502_and_soon_503_with_retry_after() {
    let core = TestCore::start(&[Upstream::nobody(), Upstream::nobody()], quick());
    let mut client = Client::connect(core.balancer);
    loop {
        let answer = client.get("/");
        assert!(matches!(answer.status, 502 | 503), "{answer:?}");
        if answer.status == 503 {
            assert_eq!(answer.field("retry-after").unwrap(), "1");
            break;
        }
    }
}

#[test]
fn a_silent_endpoint_gets_504() {
    let upstream = Upstream::start(|_, _| {
        std::thread::park();
        true
    });
    let times = Timeouts {
        first_byte: Duration::from_millis(200),
        ..quick()
    };
    let core = TestCore::start(&[upstream.address], times);
    let mut client = Client::connect(core.balancer);
    assert_eq!(client.get("/").status, 504);
    assert_eq!(
        upstream.asked(),
        1,
        "a request that may have had an effect is not sent again"
    );
}

#[test]
fn a_post_that_was_sent_is_not_sent_again() {
    let upstream = Upstream::start(|_, _| false);
    let other = Upstream::start(|_, _| false);
    let core = TestCore::start(&[upstream.address, other.address], quick());
    let mut client = Client::connect(core.balancer);
    assert_eq!(client.send(&post(b"pay")).response().unwrap().status, 502);
    assert_eq!(upstream.asked() + other.asked(), 1);
    // A GET is: once, elsewhere.
    assert_eq!(client.get("/").status, 502);
    assert_eq!(upstream.asked() + other.asked(), 3);
}

#[test]
fn an_answer_that_comes_before_the_body_is_relayed_and_the_body_never_read_as_a_request() {
    let upstream = Upstream::start(|_, _| true);
    drop(upstream);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                if stream.read(&mut head).unwrap() > 0 {
                    reply(&mut stream, "401 Unauthorized", b"no");
                    while stream.read(&mut head).is_ok_and(|n| n > 0) {}
                }
            });
        }
    });
    let core = TestCore::start(&[address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n");
    let answer = client.response().unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (401, &b"no"[..]));
    client.send(b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(client.is_closed());
}

/// The answer begins while the upload stands still in its write: what it holds must not get lost.
#[test]
fn a_body_whose_answer_begins_early_arrives_whole() {
    let body: Vec<u8> = (0..20_000_000_u32)
        .map(|n| u8::try_from((n ^ (n >> 8) ^ (n >> 16)) % 251).unwrap())
        .collect();
    let length = body.len();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, arrived) = flume::unbounded();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, told) = (stream.unwrap(), told.clone());
            std::thread::spawn(move || answer_early(&mut stream, length, &told));
        }
    });
    let core = TestCore::start(&[address], quick());
    let mut client = Client::connect(core.balancer);
    client.send(&post(&body));
    assert!(arrived.recv().unwrap() == body);
    assert_eq!(client.response().unwrap().body, b"whole");
}

/// Reads nothing until no more arrives, begins to answer, reads the body, and ends the answer.
fn answer_early(stream: &mut std::net::TcpStream, length: usize, told: &flume::Sender<Vec<u8>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap() == 0 {
            return;
        }
        head.push(byte[0]);
    }
    until_full(stream);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nw\r\n")
        .unwrap();
    let mut body = vec![0; length];
    let read = stream.read_exact(&mut body);
    told.send(read.map_or_else(|_| Vec::new(), |()| body))
        .unwrap();
    stream.write_all(b"4\r\nhole\r\n0\r\n\r\n").unwrap();
}

#[test]
fn an_unsolicited_101_and_two_answers_never_reach_the_next_client() {
    let is_first = AtomicBool::new(true);
    let upstream = Upstream::start(move |_, stream| {
        if is_first.swap(false, Ordering::SeqCst) {
            stream
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                .unwrap();
            return true;
        }
        let twice = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
        stream.write_all(twice).unwrap();
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    assert_eq!(client.get("/").status, 502);
    for _ in 0..5 {
        assert_eq!(client.get("/").body, b"a");
    }
}

#[test]
fn sixteen_interim_answers_are_passed_over_and_more_get_502() {
    let upstream = Upstream::start(|asked, stream| {
        let interim = if asked.head.contains("/most") { 16 } else { 17 };
        for _ in 0..interim {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
                .unwrap();
        }
        reply(stream, "200 OK", b"final");
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    assert_eq!(client.get("/most").body, b"final");
    assert_eq!(client.get("/more").status, 502);
    assert_eq!(client.get("/most").body, b"final");
}

#[test]
fn a_stray_answer_that_comes_after_the_proper_one_is_not_the_next_ones() {
    let (go, gone) = flume::bounded::<()>(1);
    let upstream = Upstream::start(move |asked, stream| {
        reply(stream, "200 OK", b"mine");
        if asked.head.contains("/first") {
            gone.recv().unwrap();
            reply(stream, "200 OK", b"evil");
        }
        true
    });
    let core = TestCore::start(&[upstream.address], quick());
    let mut client = Client::connect(core.balancer);
    assert_eq!(client.get("/first").body, b"mine");
    go.send(()).unwrap();
    upstream.until_no_connection_is_silent();
    // The connection is no longer young enough to be taken on trust.
    std::thread::park_timeout(4 * dp_net::TRUSTED_IDLE);
    assert_eq!(client.get("/second").body, b"mine");
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 2);
}
