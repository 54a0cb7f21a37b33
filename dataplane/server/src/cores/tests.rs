//! Cores that a test plays itself.

mod restarts;

use super::*;

/// So short that a test can wait for it, and longer than an answer from the same thread takes.
const PATIENCE: Duration = Duration::from_millis(200);

impl Cores {
    /// As many as wanted, and what they are told.
    pub(crate) fn played(count: usize) -> (Self, Vec<flume::Receiver<CoreCommand>>) {
        let (commands, played) = (0..count).map(|_| flume::bounded(COMMANDS_MAX)).unzip();
        let cores = Self {
            commands,
            plan: watch::Sender::new(None),
            next: 0.into(),
            patience: PATIENCE,
        };
        (cores, played)
    }
}
