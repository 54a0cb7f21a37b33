//! The fixed backend over a real socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;

fn start(body_bytes: usize, delay: Duration) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        Backend::new(listener, body_bytes, nanoseconds(delay))
            .unwrap()
            .serve()
    });
    TcpStream::connect(address).unwrap()
}

#[test]
fn pipelined_requests_are_answered_and_close_is_honoured() {
    let mut stream = start(3, Duration::ZERO);
    stream
        .write_all(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2);
    assert_eq!(text.matches("xxx").count(), 1);
    assert!(text.ends_with("Connection: close\r\n\r\nxxx"), "{text}");
}

#[test]
fn a_large_answer_arrives_whole() {
    let mut stream = start(3_000_000, Duration::ZERO);
    stream
        .write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(bytes.len() > 3_000_000);
}

#[test]
fn a_delayed_answer_does_not_come_earlier() {
    let mut stream = start(1, Duration::from_millis(50));
    let before = Instant::now();
    stream
        .write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(before.elapsed() >= Duration::from_millis(50));
}

#[test]
fn nonsense_closes_the_connection() {
    let mut stream = start(1, Duration::ZERO);
    stream.write_all(b"nonsense\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    // The close may come as a reset, because unread bytes are thrown away.
    stream.read_to_end(&mut bytes).ok();
    assert!(bytes.is_empty());
}
