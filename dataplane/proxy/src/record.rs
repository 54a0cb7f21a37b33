//! What is kept of an exchange: counts by channel, one access-log line, and the failure of a service.
//!
//! Lines are built by hand into a buffer of the core and handed over ten times a second (or when the buffer
//! is full). Refuses to wait: what the log or the failure queue cannot take is dropped and counted.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use dp_codec::field::write_number;
use dp_stats::CoreStats;

use crate::access_log::AccessSink;
use crate::command::Failure;
use crate::settings::NodeShared;

/// A block is handed over when it reaches this size; about 60 lines.
const BLOCK_BYTES: usize = 16 * 1024;

/// One access-log line.
pub(crate) struct Line<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) path: &'a [u8],
    pub(crate) is_http_10: bool,
    pub(crate) code: u16,
    /// Who cut the exchange short.
    pub(crate) cut: Option<CutBy>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) duration: Duration,
    pub(crate) upstream: Option<(&'a [u8], Duration)>,
    pub(crate) remote: &'a [u8],
    pub(crate) cid: &'a [u8],
    pub(crate) channel: &'a str,
    pub(crate) service: &'a str,
}

/// Whose end came before the exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutBy {
    Client,
    Upstream,
}

/// A core's way to the log and to the failure queue.
pub(crate) struct Recorder {
    sink: Option<AccessSink>,
    node: Arc<str>,
    failures: flume::Sender<Failure>,
    block: RefCell<Vec<u8>>,
    lines: Cell<u64>,
    stats: Arc<CoreStats>,
}

impl Recorder {
    pub(crate) fn new(shared: &NodeShared, stats: Arc<CoreStats>) -> Self {
        Self {
            sink: shared.access_log.clone(),
            node: Arc::clone(&shared.node),
            failures: shared.failures.clone(),
            block: RefCell::default(),
            lines: Cell::new(0),
            stats,
        }
    }

    pub(crate) fn is_logging(&self) -> bool {
        self.sink.is_some()
    }

    /// Adds a line; `stamp` writes the time.
    pub(crate) fn log(&self, line: &Line<'_>, stamp: impl FnOnce(&mut Vec<u8>)) {
        let mut block = self.block.borrow_mut();
        block.extend_from_slice(br#"{"ts":""#);
        stamp(&mut block);
        line.write(&mut block, &self.node);
        self.lines.set(self.lines.get() + 1);
        if block.len() >= BLOCK_BYTES {
            drop(block);
            self.hand_over();
        }
    }

    /// Hands the block over as it is.
    pub(crate) fn hand_over(&self) {
        if let Some(sink) = &self.sink {
            let dropped = sink.hand_over(&mut self.block.borrow_mut(), self.lines.take());
            self.stats.log_lines_dropped.add(dropped);
        }
    }

    pub(crate) fn fail(&self, failure: Failure) {
        if self.failures.try_send(failure).is_err() {
            self.stats.failures_dropped.increment();
        }
    }
}

impl Line<'_> {
    fn write(&self, out: &mut Vec<u8>, node: &str) {
        text(out, r#"","method":""#, self.method);
        text(out, r#"","path":""#, self.path);
        out.extend_from_slice(br#"","code":"#);
        write_number(out, u64::from(self.code));
        match self.cut {
            Some(CutBy::Client) => out.extend_from_slice(br#","cut":"client""#),
            Some(CutBy::Upstream) => out.extend_from_slice(br#","cut":"upstream""#),
            None => {}
        }
        out.extend_from_slice(br#","bytes_in":"#);
        write_number(out, self.bytes_in);
        out.extend_from_slice(br#","bytes_out":"#);
        write_number(out, self.bytes_out);
        out.extend_from_slice(br#","duration_s":"#);
        seconds(out, self.duration);
        if let Some((endpoint, duration)) = self.upstream {
            out.extend_from_slice(br#","upstream_s":"#);
            seconds(out, duration);
            text(out, r#","upstream":""#, endpoint);
            out.push(b'"');
        }
        text(out, r#","remote":""#, self.remote);
        text(out, r#"","cid":""#, self.cid);
        text(out, r#"","channel":""#, self.channel.as_bytes());
        text(out, r#"","service":""#, self.service.as_bytes());
        text(out, r#"","node":""#, node.as_bytes());
        let http: &[u8] = if self.is_http_10 { b"1.0" } else { b"1.1" };
        text(out, r#"","http":""#, http);
        out.extend_from_slice(b"\"}\n");
    }
}

/// Writes `before` and `value`, with what would end a JSON string escaped.
fn text(out: &mut Vec<u8>, before: &str, value: &[u8]) {
    out.extend_from_slice(before.as_bytes());
    if value.iter().all(|byte| is_plain(*byte)) {
        out.extend_from_slice(value);
        return;
    }
    for &byte in value {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ if is_plain(byte) => out.push(byte),
            // Nothing else passes the head's parser; a dot keeps a surprise harmless.
            _ => out.push(b'.'),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

/// Seconds with six places.
fn seconds(out: &mut Vec<u8>, duration: Duration) {
    write_number(out, duration.as_secs());
    out.push(b'.');
    six_digits(out, duration.subsec_micros());
}

fn six_digits(out: &mut Vec<u8>, micros: u32) {
    let mut divisor = 100_000;
    while divisor > 0 {
        out.push(b'0' + u8::try_from(micros / divisor % 10).unwrap_or(0));
        divisor /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_the_path_holds() {
        let line = Line {
            method: b"GET",
            path: b"/a\"b\\c",
            is_http_10: false,
            code: 200,
            cut: Some(CutBy::Upstream),
            bytes_in: 0,
            bytes_out: 12,
            duration: Duration::from_micros(1_000_042),
            upstream: Some((b"127.0.0.1:1", Duration::from_micros(7))),
            remote: b"127.0.0.1:5",
            cid: b"c1",
            channel: "ch",
            service: "",
        };
        let mut out = br#"{"ts":"T"#.to_vec();
        line.write(&mut out, "n1");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"ts":"T","method":"GET","path":"/a\"b\\c","code":200,"cut":"upstream","bytes_in":0,"#,
                r#""bytes_out":12,"duration_s":1.000042,"upstream_s":0.000007,"#,
                r#""upstream":"127.0.0.1:1","remote":"127.0.0.1:5","cid":"c1","channel":"ch","#,
                r#""service":"","node":"n1","http":"1.1"}"#,
                "\n"
            )
        );
    }
}
