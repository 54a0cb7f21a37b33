//! The node's own log: JSON lines on stderr, or text for a terminal.
//!
//! Invariant: logging never blocks a core. Lines go through a bounded queue to one thread; what
//! does not fit is dropped and counted.

mod json;

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::{Args, LogFormat};

/// Lines that wait for stderr: a second of a very talkative node.
const LINES_MAX: usize = 4096;
/// At the end of the process; a reader that stands still must not keep us.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The way to the writing thread.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    lines: flume::Sender<Line>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    Flush(flume::Sender<()>),
}

/// Starts the thread and makes it the process's log.
pub(crate) fn start(args: &Args) -> Log {
    let (lines, queue) = flume::bounded(LINES_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    let log = Log {
        lines,
        dropped: Arc::clone(&dropped),
    };
    let spawned = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write_lines(&queue, &dropped));
    if let Err(error) = spawned {
        drop(writeln!(
            io::stderr(),
            "bascule-dataplane: no thread for the log: {error}"
        ));
    }
    let (filter, bad_filter) = match EnvFilter::try_new(&args.log) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let pretty = match args.log_format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Json => false,
        LogFormat::Pretty => true,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log.clone());
    if pretty {
        builder.with_ansi(io::stderr().is_terminal()).init();
    } else {
        builder
            .event_format(json::JsonLines::new(&args.name))
            .init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panic");
    }));
    if let Some(error) = bad_filter {
        tracing::warn!(%error, "the log filter is not valid; logging at info");
    }
    log
}

fn write_lines(queue: &flume::Receiver<Line>, dropped: &AtomicU64) {
    let mut told = 0;
    for line in queue {
        match line {
            Line::Text(text) => drop(io::stderr().write_all(&text)),
            Line::Flush(done) => drop(done.send(())),
        }
        let now = dropped.load(Ordering::Relaxed);
        if now > told {
            tracing::warn!(lines = now - told, "log lines were dropped: stderr is slow");
            told = now;
        }
    }
}

// === impl Log ===

impl Log {
    /// Waits until what was logged is written, or stderr is given up.
    pub(crate) fn flush(&self) {
        let (done, written) = flume::bounded(1);
        if self
            .lines
            .send_timeout(Line::Flush(done), FLUSH_TIMEOUT)
            .is_ok()
        {
            // Written or given up: both end here.
            written.recv_timeout(FLUSH_TIMEOUT).unwrap_or_default();
        }
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Line::Text(text.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
