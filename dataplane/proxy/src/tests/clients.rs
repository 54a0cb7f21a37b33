//! A plain HTTP client that shows bytes as they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // A test that waits for longer has failed; nothing is asserted on the time.
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.stream.write_all(bytes).unwrap();
        self
    }

    /// Ends its own direction; answers can still be read.
    pub(super) fn finish(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Until these bytes have come; they stay for `response`.
    pub(super) fn read_until(&mut self, bytes: &[u8]) {
        while find(&self.buffer, bytes).is_none() {
            self.more().unwrap();
        }
    }

    pub(super) fn get(&mut self, path: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes());
        self.response().unwrap()
    }

    /// The next answer; `None` when the connection ends before one is whole.
    pub(super) fn response(&mut self) -> Option<Response> {
        let head_length = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.buffer.drain(..head_length).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lower = head.to_ascii_lowercase();
        let body = if let Some(length) = field(&lower, "content-length") {
            self.exactly(length.parse().unwrap())?
        } else if lower.contains("transfer-encoding: chunked") {
            self.chunks()?
        } else {
            Vec::new()
        };
        Some(Response { status, head, body })
    }

    /// Whatever comes until the end; an error (a reset) is told apart.
    pub(super) fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.buffer);
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }

    pub(super) fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && matches!(self.stream.read(&mut [0; 16]), Ok(0) | Err(_))
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(at) = find(&self.buffer, b"\r\n") {
                    break String::from_utf8(self.buffer.drain(..at + 2).collect()).unwrap();
                }
                self.more()?;
            };
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = self.exactly(length + 2)?;
            chunk.truncate(length);
            body.extend(chunk);
            if length == 0 {
                return Some(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            self.more()?;
        }
        Some(self.buffer.drain(..length).collect())
    }

    fn more(&mut self) -> Option<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.buffer.extend_from_slice(&piece[..n]);
                Some(())
            }
        }
    }
}

impl Response {
    pub(super) fn field(&self, name: &str) -> Option<String> {
        field(&self.head.to_ascii_lowercase(), name)
    }
}

pub(super) fn field(head: &str, name: &str) -> Option<String> {
    let mut lines = head.split("\r\n");
    lines.find_map(|line| {
        Some(
            line.strip_prefix(name)?
                .strip_prefix(":")?
                .trim()
                .to_owned(),
        )
    })
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
