//! A small HTTP/1.1 client on a socket: sends exactly the bytes that a story wants to send.
//!
//! It never retries and never follows anything; a connection that closes early is an error.

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

// === impl Answer ===

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    pub fn closes(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

// === impl Connection ===

impl Connection {
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connect {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// `ip:port` by which the server knows this client.
    pub fn local_address(&self) -> Result<String> {
        Ok(self.stream.local_addr()?.to_string())
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// One request with `Content-Length`, and its answer.
    pub async fn exchange(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Answer> {
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: story\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes).await?;
        self.answer().await
    }

    /// Reads one answer; pipelined ones stay in the buffer.
    pub async fn answer(&mut self) -> Result<Answer> {
        let head_length = self
            .until(|buffer| find(buffer, b"\r\n\r\n").map(|at| at + 4))
            .await?;
        let head = String::from_utf8(self.take(head_length))?;
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().context("no status line")?;
        let status: u16 = status_line
            .split(' ')
            .nth(1)
            .context("no status")?
            .parse()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if answer.header("transfer-encoding").is_some() {
            answer.body = self.chunks().await?;
        } else if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse()?;
            self.until(|buffer| (buffer.len() >= length).then_some(length))
                .await?;
            answer.body = self.take(length);
        }
        Ok(answer)
    }

    /// Whatever comes until the peer closes.
    pub async fn until_closed(&mut self) -> Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.buffer);
        match self.stream.read_to_end(&mut rest).await {
            // A reset is a close, too: the peer had unread bytes of ours.
            Ok(_) => Ok(rest),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(rest),
            Err(error) => Err(error.into()),
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self
                .until(|buffer| find(buffer, b"\r\n").map(|at| at + 2))
                .await?;
            let size = usize::from_str_radix(String::from_utf8(self.take(line))?.trim(), 16)?;
            self.until(|buffer| (buffer.len() >= size + 2).then_some(size + 2))
                .await?;
            let chunk = self.take(size + 2);
            body.extend(chunk.into_iter().take(size));
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> Result<usize> {
        loop {
            if let Some(length) = found(&self.buffer) {
                return Ok(length);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("closed by the peer after {} bytes", self.buffer.len());
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.buffer.drain(..length).collect()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// One request on its own connection.
pub async fn request(
    address: &str,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> Result<Answer> {
    Connection::open(address)
        .await?
        .exchange(method, target, headers, body)
        .await
}

pub async fn get(address: &str, target: &str) -> Result<Answer> {
    request(address, "GET", target, "", b"").await
}

pub async fn post_json(address: &str, target: &str, body: &serde_json::Value) -> Result<Answer> {
    request(
        address,
        "POST",
        target,
        "Content-Type: application/json\r\n",
        body.to_string().as_bytes(),
    )
    .await
}
