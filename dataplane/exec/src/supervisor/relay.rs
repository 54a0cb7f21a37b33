//! What a worker prints becomes whole lines of the node's log.
//!
//! Owns the line assembly of one worker. A line that is a JSON object passes with `node` and `worker` added, any other
//! becomes a record. Invariant: one `write_all` per line, never a part of one. Goes around `tracing` on purpose: a
//! record of a worker has its own time, level and fields already.

use std::io::{ErrorKind, Write};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Longer lines are cut: a service that prints a blob must not become the node's memory.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Per wake-up, so that one that prints without end does not keep the others from their heartbeat.
const READ_BYTES_MAX: usize = 256 * 1024;

/// The output of one worker.
#[derive(Debug)]
pub(crate) struct Relay {
    output: OwnedFd,
    worker: u32,
    line: Vec<u8>,
    ended: bool,
}

// === impl Relay ===

impl Relay {
    pub(crate) fn new(worker: u32, output: OwnedFd) -> Self {
        Self {
            output,
            worker,
            line: Vec::new(),
            ended: false,
        }
    }

    /// To be polled; none once the other end is closed.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended).then(|| self.output.as_fd())
    }

    /// Relays what is there, without blocking.
    pub(crate) fn pump(&mut self, node: &str, log: &mut dyn Write) {
        let mut chunk = [0_u8; 16 * 1024];
        let mut room = READ_BYTES_MAX;
        while room > 0 && !self.ended {
            match rustix::io::read(&self.output, &mut chunk) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    room = room.saturating_sub(count);
                    self.take(chunk.get(..count).unwrap_or_default(), node, log);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.ended = true,
            }
        }
    }

    /// The last line may have no end.
    pub(crate) fn finish(&mut self, node: &str, log: &mut dyn Write) {
        self.pump(node, log);
        if !self.line.is_empty() {
            self.write_line(node, log);
        }
    }

    fn take(&mut self, mut bytes: &[u8], node: &str, log: &mut dyn Write) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = bytes.split_at(end);
            self.append(head);
            self.write_line(node, log);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.append(bytes);
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
        self.line
            .extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn write_line(&mut self, node: &str, log: &mut dyn Write) {
        let record = record(&self.line, node, self.worker);
        self.line.clear();
        let mut out = Value::Object(record).to_string();
        out.push('\n');
        // A log that cannot be written has no place to say so.
        log.write_all(out.as_bytes()).ok();
    }
}

fn record(line: &[u8], node: &str, worker: u32) -> Map<String, Value> {
    let mut record = match serde_json::from_slice(line) {
        Ok(Value::Object(record)) => record,
        _ => plain_record(line),
    };
    record.insert("node".to_owned(), node.into());
    record.insert("worker".to_owned(), worker.into());
    record
}

#[expect(
    clippy::disallowed_methods,
    reason = "the supervisor thread has its own clock; no core runs here"
)]
fn plain_record(line: &[u8]) -> Map<String, Value> {
    let now = OffsetDateTime::from(std::time::SystemTime::now());
    let text = String::from_utf8_lossy(line);
    Map::from_iter([
        (
            "ts".to_owned(),
            now.format(&Rfc3339).unwrap_or_default().into(),
        ),
        ("level".to_owned(), "INFO".into()),
        ("target".to_owned(), "worker.stderr".into()),
        ("msg".to_owned(), text.trim_end_matches('\r').into()),
    ])
}

#[cfg(test)]
mod tests {
    use rustix::pipe::pipe;

    use super::*;

    fn relayed(parts: &[&[u8]]) -> Vec<Value> {
        let (output, writer) = pipe().unwrap();
        let mut relay = Relay::new(3, output);
        let mut log = Vec::new();
        for part in parts {
            relay.take(part, "dev-1", &mut log);
        }
        drop(writer);
        relay.finish("dev-1", &mut log);
        String::from_utf8(log)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_json_line_keeps_its_fields_and_gets_node_and_worker() {
        let lines = relayed(&[br#"{"level":"WARN","msg":"#, b"\"low\",\"cid\":\"c1\"}\n"]);
        assert_eq!(
            lines,
            [serde_json::json!({"level":"WARN","msg":"low","cid":"c1","node":"dev-1","worker":3})]
        );
    }

    #[test]
    fn any_other_line_becomes_a_record_and_cannot_inject_one() {
        let lines = relayed(&[b"Trace\x1b[31m\"x\"\r\n[1]\nlast"]);
        let messages: Vec<&str> = lines
            .iter()
            .map(|line| line["msg"].as_str().unwrap())
            .collect();
        assert_eq!(messages, ["Trace\u{1b}[31m\"x\"", "[1]", "last"]);
        assert!(
            lines
                .iter()
                .all(|line| line["target"] == "worker.stderr" && line["node"] == "dev-1")
        );
    }

    #[test]
    fn an_endless_line_is_cut() {
        let blob = vec![b'x'; 3 * LINE_BYTES_MAX];
        let lines = relayed(&[&blob, b"\nnext\n"]);
        assert_eq!(lines[0]["msg"].as_str().unwrap().len(), LINE_BYTES_MAX);
        assert_eq!(lines[1]["msg"], "next");
    }
}
