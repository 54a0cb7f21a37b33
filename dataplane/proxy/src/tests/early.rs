//! Answers that come before the request was sent whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::clients::Client;
use super::cores::{TestCore, quick};
use crate::Timeouts;

/// Begins to answer when it has read a head, and ends the answer when it is told.
fn long_answer() -> (SocketAddr, flume::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (go, gone) = flume::unbounded::<()>();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, gone) = (stream.unwrap(), gone.clone());
            std::thread::spawn(move || answer_in_two(&mut stream, &gone));
        }
    });
    (address, go)
}

fn answer_in_two(stream: &mut TcpStream, gone: &flume::Receiver<()>) {
    // A connection of a health check sends nothing.
    if stream.read(&mut [0; 4096]).unwrap() == 0 {
        return;
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nfirst")
        .unwrap();
    gone.recv().unwrap();
    stream.write_all(b"second").unwrap();
}

/// Sends some of a body and reads as far as the answer has come.
fn half_served(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nsome");
    client.read_until(b"first");
    client
}

#[test]
fn a_client_that_ends_its_upload_gets_the_rest_of_the_answer() {
    let (upstream, go) = long_answer();
    let core = TestCore::start(&[upstream], quick());
    let mut client = half_served(core.balancer);
    client.finish();
    // Who comes later is served: the end of the upload was read.
    for _ in 0..3 {
        assert_eq!(Client::connect(core.node).get("/zato/ping").status, 200);
    }
    go.send(()).unwrap();
    assert_eq!(client.response().unwrap().body, b"firstsecond");
    assert!(client.is_closed());
}

#[test]
fn a_client_whose_upload_stands_still_gets_the_rest_of_the_answer() {
    let (upstream, go) = long_answer();
    let times = Timeouts {
        body_idle: Duration::from_millis(100),
        head: Duration::from_millis(400),
        ..quick()
    };
    let core = TestCore::start(&[upstream], times);
    let mut client = half_served(core.balancer);
    client.send(b"more");
    // A head that begins later is late later: then the upload is.
    let mut later = Client::connect(core.node);
    later.send(b"GET /");
    assert_eq!(later.response().unwrap().status, 408);
    go.send(()).unwrap();
    assert_eq!(client.response().unwrap().body, b"firstsecond");
    assert!(client.is_closed());
}
