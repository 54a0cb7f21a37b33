//! The engine against small servers on a thread: counts and failure classes, never speeds.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use clap::Parser as _;

use super::*;
use crate::args::Cli;
use crate::backend::Backend;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that hands each connection to `serve` in turn.
fn server(serve: impl Fn(usize, TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, stream.unwrap());
        }
    });
    address
}

fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || Backend::new(listener, 10, 0).unwrap().serve());
    address
}

/// Reads one request (without a body).
fn request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

fn load(address: SocketAddr, args: &str) -> Tally {
    let url = format!("http://{address}/");
    let args = ["bascule-loadtest", &url]
        .into_iter()
        .chain(args.split_whitespace());
    let plan = Plan::from_args(&Cli::try_parse_from(args).unwrap().run).unwrap();
    let live = Live::default();
    let interrupt = AtomicBool::new(false);
    let begin = (Instant::now(), &interrupt);
    let engine = Engine::new(&plan, Share { index: 0, of: 1 }, begin, &live).unwrap();
    engine.run().unwrap()
}

fn failures(tally: &Tally) -> Vec<(&'static str, u64)> {
    tally
        .failures
        .iter()
        .map(|(name, count)| (*name, *count))
        .collect()
}

#[test]
fn a_closed_model_sends_exactly_the_requests_that_were_asked_for() {
    let address = backend();
    for args in [
        "-n 1000 -c 7",
        "-n 1000 -c 5 --pipeline 8",
        "-n 200 -c 3 --new-connection",
    ] {
        let tally = load(address, args);
        let wanted: u64 = if args.contains("200") { 200 } else { 1000 };
        assert_eq!(
            (tally.answered_count(), tally.failed_count()),
            (wanted, 0),
            "{args}"
        );
        assert_eq!(
            tally.statuses().collect::<Vec<_>>(),
            [(200, wanted)],
            "{args}"
        );
        assert_eq!(tally.body_bytes, wanted * 10, "{args}");
        assert_eq!(tally.latency.len(), wanted, "{args}");
        assert!(tally.is_clean(), "{args}");
    }
    assert_eq!(
        load(address, "-n 20 -c 3 --new-connection").connections_opened,
        20
    );
    assert_eq!(load(address, "-n 20 -c 3").connections_opened, 3);
}

/// An hour of load that is interrupted at its tenth request.
fn interrupted(args: &str) -> Tally {
    let address = backend();
    let url = format!("http://{address}/");
    let args = ["bascule-loadtest", &url, "-d", "1h"]
        .into_iter()
        .chain(args.split_whitespace());
    let plan = Plan::from_args(&Cli::try_parse_from(args).unwrap().run).unwrap();
    let (live, interrupt) = (Live::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while live.answered.load(Ordering::Relaxed) < 10 {
                std::thread::yield_now();
            }
            interrupt.store(true, Ordering::Relaxed);
        });
        let begin = (Instant::now(), &interrupt);
        let engine = Engine::new(&plan, Share { index: 0, of: 1 }, begin, &live).unwrap();
        engine.run().unwrap()
    })
}

#[test]
fn an_interrupted_run_ends_with_what_it_has_measured() {
    for args in ["-c 2", "-c 2 --rate 1000"] {
        let tally = interrupted(args);
        assert!(tally.is_interrupted, "{args}");
        assert!(tally.answered_count() >= 10, "{args}");
        // What was on its way is answered, not counted as failed.
        assert_eq!(tally.failed_count(), 0, "{args}");
        assert_eq!(tally.sent, tally.answered_count(), "{args}");
    }
}

#[test]
fn an_open_model_sends_exactly_its_plan() {
    let tally = load(backend(), "-d 200ms --rate 1000 -c 4");
    assert_eq!(
        (tally.answered_count(), tally.unsent, tally.failed_count()),
        (200, 0, 0)
    );
    let tally = load(backend(), "-n 50 --rate 1000 --warmup 20ms -c 4");
    assert_eq!((tally.answered_count(), tally.unsent), (50, 0));
}

/// The promise of the open model. The only connection stalls for 300 ms on its first request, while
/// 30 requests fall due, one every 10 ms: the k-th of them waits at least 300 - 10 k ms, which a closed
/// model (and the time since sending) would not show.
#[test]
fn an_open_model_shows_a_stall_in_all_requests_that_it_delayed() {
    let stall = Duration::from_millis(300);
    let address = server(move |number, mut stream| {
        let mut first = number == 0;
        while request(&mut stream) {
            if std::mem::take(&mut first) {
                std::thread::sleep(stall);
            }
            if stream.write_all(OK).is_err() {
                return;
            }
        }
    });
    let tally = load(address, "--rate 100 -n 30 -c 1");
    assert_eq!(
        (tally.answered_count(), tally.failed_count(), tally.unsent),
        (30, 0, 0)
    );
    // Lower bounds only: a slow machine makes the delays longer, never shorter.
    let at_least = |ms: u64| tally.latency.count_between(ms * 1_000_000, u64::MAX >> 1);
    assert!(at_least(200) >= 10, "{} requests saw 200 ms", at_least(200));
    assert!(at_least(100) >= 20, "{} requests saw 100 ms", at_least(100));
    assert!(tally.service_time.count_between(200_000_000, u64::MAX >> 1) >= 1);
    assert!(tally.latency.mean() > tally.service_time.mean());
}

#[test]
fn a_full_backlog_is_counted_and_not_hidden() {
    let address = server(|_, mut stream| {
        request(&mut stream);
        // Never answers: the stream is kept open until the client gives up.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
    });
    let tally = load(
        address,
        "--rate 1000 -n 20 -c 1 --backlog-max 5 --timeout 100ms",
    );
    assert_eq!(tally.sent + tally.unsent, 20);
    assert_eq!(tally.answered_count(), 0);
    assert!(tally.unsent >= 1, "{}", tally.unsent);
    assert!(!tally.is_clean());
}

#[test]
fn failures_have_their_class() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(failures(&load(closed, "-n 4 -c 2")), [("refused", 4)]);

    let early = server(|_, mut stream| {
        request(&mut stream);
        stream.write_all(&OK[..OK.len() - 1]).unwrap();
    });
    assert_eq!(failures(&load(early, "-n 3 -c 1")), [("closed_early", 3)]);

    let nonsense = server(|_, mut stream| {
        request(&mut stream);
        stream.write_all(b"SMTP ready\r\n\r\n").unwrap();
    });
    let tally = load(nonsense, "-n 3 -c 1");
    assert_eq!(failures(&tally), [("bad_response", 3)]);
    assert_eq!(tally.bad_response, Some("not an HTTP/1 response"));

    let silent = server(|_, mut stream| {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
    });
    assert_eq!(
        failures(&load(silent, "-n 2 -c 1 --timeout 50ms")),
        [("timeout", 2)]
    );

    let reset = server(|_, stream| {
        socket2::SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    });
    let classes = failures(&load(reset, "-n 3 -c 1"));
    assert_eq!(classes.iter().map(|(_, count)| count).sum::<u64>(), 3);
    assert!(
        classes
            .iter()
            .all(|(name, _)| ["reset", "closed_early"].contains(name)),
        "{classes:?}"
    );
}

#[test]
fn a_server_that_closes_idle_connections_fails_no_request() {
    let address = server(|_, mut stream| {
        request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    });
    let tally = load(address, "-n 20 -c 2");
    assert_eq!((tally.answered_count(), tally.failed_count()), (20, 0));
    assert_eq!(tally.connections_opened, 20);
}

#[test]
fn an_error_status_is_an_answer_and_not_clean() {
    let address = server(|_, mut stream| {
        request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    });
    let tally = load(address, "-n 2 -c 1");
    assert_eq!((tally.answered_count(), tally.is_clean()), (2, false));
}
