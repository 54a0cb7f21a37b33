//! Tiny upstreams: a thread that answers each connection as it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clients::{field, find};

pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    pub(super) requests: Arc<AtomicUsize>,
    pub(super) connections: Arc<AtomicUsize>,
    /// Heads, as they came.
    pub(super) heads: flume::Receiver<String>,
}

/// A request as an upstream sees it.
pub(super) struct Asked {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Upstream {
    /// `answer` gets each request and its stream; false closes the connection.
    pub(super) fn start(
        answer: impl Fn(&Asked, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let (told, heads) = flume::unbounded();
        let counted = (Arc::clone(&requests), Arc::clone(&connections));
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (answer, counted, told) = (Arc::clone(&answer), counted.clone(), told.clone());
                std::thread::spawn(move || {
                    let mut buffer = Vec::new();
                    let mut is_first = true;
                    while let Some(asked) = read_request(&mut stream, &mut buffer) {
                        if is_first {
                            counted.1.fetch_add(1, Ordering::SeqCst);
                            is_first = false;
                        }
                        counted.0.fetch_add(1, Ordering::SeqCst);
                        told.send(asked.head.clone()).unwrap();
                        if !answer(&asked, &mut stream) {
                            return;
                        }
                    }
                });
            }
        });
        Self {
            address,
            requests,
            connections,
            heads,
        }
    }

    /// Answers each request with its own body.
    pub(super) fn echo() -> Self {
        Self::start(|asked, stream| {
            reply(stream, "200 OK", &asked.body);
            true
        })
    }

    /// Waits until the kernel has brought the end of every connection to whoever connected here: a thread
    /// that has closed its socket is no proof that the other side knows.
    pub(super) fn until_nobody_is_connected(&self) {
        let remote = format!("0100007F:{:04X} 01 ", self.address.port());
        while std::fs::read_to_string("/proc/net/tcp")
            .unwrap()
            .contains(&remote)
        {
            std::thread::yield_now();
        }
    }

    /// Waits until every connection that was made here has bytes which nobody has read yet, or is gone.
    pub(super) fn until_no_connection_is_silent(&self) {
        let remote = format!("0100007F:{:04X}", self.address.port());
        let is_silent = |line: &str| {
            let mut fields = line.split_whitespace().skip(2);
            let is_open = fields.next() == Some(&remote) && fields.next() == Some("01");
            // `tx_queue:rx_queue`
            is_open
                && fields
                    .next()
                    .is_some_and(|queues| queues.ends_with(":00000000"))
        };
        while std::fs::read_to_string("/proc/net/tcp")
            .unwrap()
            .lines()
            .any(is_silent)
        {
            std::thread::yield_now();
        }
    }

    /// A port where nobody listens, nor will: a connection holds it to the end of the process. A port that
    /// was only tried out could be given to an upstream of another test.
    pub(super) fn nobody() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let address = holder.local_addr().unwrap();
        std::mem::forget((holder, listener));
        address
    }

    pub(super) fn asked(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Waits until the peer of `stream` has written what the sockets between hold: its queue has not moved for
/// a while.
pub(super) fn until_full(stream: &TcpStream) {
    let mut room = vec![0; 64 * 1024 * 1024];
    let (mut before, mut unchanged) = (0, 0);
    while before == 0 || unchanged < 20 {
        let queued = stream.peek(&mut room).unwrap();
        unchanged = if queued == before { unchanged + 1 } else { 0 };
        before = queued;
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

pub(super) fn reply(stream: &mut TcpStream, status: &str, body: &[u8]) {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    // The proxy may be gone: that is what some tests are about.
    let _gone = stream.write_all(&answer);
}

fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    let head_length = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, buffer)?;
    };
    let head = String::from_utf8(buffer.drain(..head_length).collect()).unwrap();
    let lower = head.to_ascii_lowercase();
    let body = if let Some(length) = field(&lower, "content-length") {
        exactly(stream, buffer, length.parse().unwrap())?
    } else if lower.contains("transfer-encoding: chunked") {
        chunks(stream, buffer)?
    } else {
        Vec::new()
    };
    Some(Asked { head, body })
}

fn chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = loop {
            if let Some(at) = find(buffer, b"\r\n") {
                break String::from_utf8(buffer.drain(..at + 2).collect()).unwrap();
            }
            more(stream, buffer)?;
        };
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = exactly(stream, buffer, length + 2)?;
        chunk.truncate(length);
        body.extend(chunk);
        if length == 0 {
            return Some(body);
        }
    }
}

fn exactly(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        more(stream, buffer)?;
    }
    Some(buffer.drain(..length).collect())
}

fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 16 * 1024];
    match stream.read(&mut piece) {
        Ok(0) | Err(_) => None,
        Ok(n) => {
            buffer.extend_from_slice(&piece[..n]);
            Some(())
        }
    }
}
