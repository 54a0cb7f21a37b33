//! The way of access-log lines out of the node: cores hand over whole blocks, one thread writes them.
//!
//! Refuses to block a core: the queue is bounded, and what does not fit is dropped and counted.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Blocks in the queue; at about 16 KiB each, 4 MiB and a few thousand lines of slack per stall.
const BLOCKS_MAX: usize = 256;

/// Where lines go.
#[derive(Clone, Debug)]
pub enum AccessLogTarget {
    /// The process's stdout.
    Stdout,
    /// Appended to a file.
    File(PathBuf),
}

/// The writer thread. Dropping it (after all sinks) writes what is queued and ends the thread.
#[derive(Debug)]
pub struct AccessLog {
    sink: Option<AccessSink>,
    thread: Option<thread::JoinHandle<()>>,
}

/// A core's end of the queue.
#[derive(Clone, Debug)]
pub struct AccessSink {
    blocks: flume::Sender<Block>,
    empties: flume::Receiver<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    lines: u64,
    /// Told when the block, and so all before it, is written.
    written: Option<flume::Sender<()>>,
}

impl AccessLog {
    /// Opens the target and starts the thread.
    pub fn start(target: &AccessLogTarget) -> io::Result<Self> {
        let output: Box<dyn Write + Send> = match target {
            AccessLogTarget::Stdout => Box::new(io::stdout()),
            AccessLogTarget::File(path) => {
                Box::new(OpenOptions::new().create(true).append(true).open(path)?)
            }
        };
        Self::to_writer(output)
    }

    /// Writes to anything; for tests.
    pub fn to_writer(output: Box<dyn Write + Send>) -> io::Result<Self> {
        let (blocks, queue) = flume::bounded(BLOCKS_MAX);
        let (emptied, empties) = flume::bounded(BLOCKS_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let sink = AccessSink {
            blocks,
            empties,
            dropped: Arc::clone(&dropped),
        };
        let thread = thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_blocks(output, &queue, &emptied, &dropped))?;
        Ok(Self {
            sink: Some(sink),
            thread: Some(thread),
        })
    }

    /// One for every core.
    pub fn sink(&self) -> Option<AccessSink> {
        self.sink.clone()
    }

    /// Waits until what was handed over before is written; false when that takes too long. For the
    /// end of a process, where a sink may live in what a core left behind.
    pub fn flush(&self, at_most: Duration) -> bool {
        let Some(sink) = &self.sink else { return true };
        let (written, done) = flume::bounded(1);
        let mark = Block {
            bytes: Vec::new(),
            lines: 0,
            written: Some(written),
        };
        sink.blocks.send_timeout(mark, at_most).is_ok() && done.recv_timeout(at_most).is_ok()
    }

    /// Lines that nobody will read.
    pub fn dropped(&self) -> u64 {
        self.sink
            .as_ref()
            .map_or(0, |sink| sink.dropped.load(Ordering::Relaxed))
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.sink = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has nobody left to tell.
            drop(thread.join());
        }
    }
}

impl AccessSink {
    /// Hands `block` over and leaves an empty buffer in its place; returns how many lines were dropped.
    /// Never waits.
    pub(crate) fn hand_over(&self, block: &mut Vec<u8>, lines: u64) -> u64 {
        if block.is_empty() {
            return 0;
        }
        let empty = self.empties.try_recv().unwrap_or_default();
        let bytes = std::mem::replace(block, empty);
        if let Err(refused) = self.blocks.try_send(Block {
            bytes,
            lines,
            written: None,
        }) {
            self.dropped.fetch_add(lines, Ordering::Relaxed);
            let mut kept = refused.into_inner().bytes;
            kept.clear();
            *block = kept;
            return lines;
        }
        0
    }
}

fn write_blocks(
    mut output: Box<dyn Write + Send>,
    queue: &flume::Receiver<Block>,
    emptied: &flume::Sender<Vec<u8>>,
    dropped: &AtomicU64,
) {
    while let Ok(mut block) = queue.recv() {
        if output
            .write_all(&block.bytes)
            .and_then(|()| output.flush())
            .is_err()
        {
            dropped.fetch_add(block.lines, Ordering::Relaxed);
        }
        if let Some(written) = block.written {
            let _gave_up = written.try_send(());
        }
        block.bytes.clear();
        let _enough_of_them = emptied.try_send(block.bytes);
    }
}
