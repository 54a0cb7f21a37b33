//! The end of every change: wake the publisher, and wait for the nodes when asked to.
//!
//! Invariant: a change is committed before this begins, so giving up waiting takes nothing back.

use std::time::Duration;

use cp_auth::OpContext;
use cp_model::Generation;
use cp_publish::Applied;

use crate::App;

/// A change that was committed.
#[derive(Debug, Clone)]
pub struct Changed<T> {
    pub value: T,
    pub generation: Generation,
    pub applied: Applied,
}

// === impl App ===

impl App {
    /// As `changed`; after a dry run there is nothing to wake anybody for.
    pub(crate) async fn finished<T>(
        &self,
        context: &OpContext,
        value: T,
        generation: Generation,
        wait: Option<Duration>,
    ) -> Changed<T> {
        if !context.intent.is_dry_run {
            return self.changed(value, generation, wait).await;
        }
        Changed {
            value,
            generation,
            applied: Applied {
                generation,
                complete: false,
                took: Duration::ZERO,
                nodes: Vec::new(),
                settled: true,
            },
        }
    }

    pub(crate) async fn changed<T>(
        &self,
        value: T,
        generation: Generation,
        wait: Option<Duration>,
    ) -> Changed<T> {
        self.publisher.wake();
        let applied = self.applied(generation, wait).await;
        Changed {
            value,
            generation,
            applied,
        }
    }

    /// Without a wait, how it stands now, which is told as not complete.
    pub(crate) async fn applied(&self, generation: Generation, wait: Option<Duration>) -> Applied {
        match wait {
            Some(timeout) => self.fleet.wait_applied(generation, timeout).await,
            None => Applied {
                generation,
                complete: false,
                took: Duration::ZERO,
                nodes: self.fleet.applied(generation),
                settled: true,
            },
        }
    }
}
