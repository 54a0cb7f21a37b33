//! What a person sees while the load runs: one line on stderr each second, rewritten in place on a
//! terminal. It owns no counting. Invariant: nothing of it reaches stdout.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::engine::Live;

/// Shows progress until every sender of `done` is dropped or has reported.
pub(crate) fn show<T>(lives: &[Live], done: &Receiver<T>, wanted: usize, quiet: bool) -> Vec<T> {
    let mut results = Vec::new();
    let mut seconds = 0_u64;
    let mut before = 0;
    let mut stderr = std::io::stderr();
    let is_terminal = stderr.is_terminal();
    while results.len() < wanted {
        match done.recv_timeout(Duration::from_secs(1)) {
            Ok(result) => results.push(result),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                seconds += 1;
                if quiet {
                    continue;
                }
                let line = line(lives, seconds, &mut before);
                let (start, end) = if is_terminal {
                    ("\r\x1b[2K", "")
                } else {
                    ("", "\n")
                };
                // A closed stderr is no reason to stop measuring.
                write!(stderr, "{start}{line}{end}")
                    .and_then(|()| stderr.flush())
                    .ok();
            }
        }
    }
    if is_terminal && !quiet && seconds > 0 {
        write!(stderr, "\r\x1b[2K").ok();
    }
    results
}

fn line(lives: &[Live], seconds: u64, before: &mut u64) -> String {
    let sum = |pick: fn(&Live) -> &std::sync::atomic::AtomicU64| -> u64 {
        lives
            .iter()
            .map(|live| pick(live).load(Ordering::Relaxed))
            .sum()
    };
    let answered = sum(|live| &live.answered);
    let rate = answered.saturating_sub(std::mem::replace(before, answered));
    format!(
        "{seconds:>4} s  {rate:>8} requests/s  {answered:>10} answered  {:>6} failed  {:>5} in flight  {:>6} waiting",
        sum(|live| &live.failed),
        sum(|live| &live.in_flight),
        sum(|live| &live.backlog),
    )
}
