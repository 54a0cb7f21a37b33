//! Following the history: each generation after one, in order, as they are made.
//!
//! Owns where a follower stands. Keeps nothing of what it has not asked for yet: a follower that is
//! behind reads from the ODB. Invariant: what was followed from one generation to another, put together,
//! is the difference between the two.

use cp_auth::{Action, OpContext};
use cp_model::Generation;
use cp_odb::{Difference, OdbError};

use super::GenerationView;
use crate::{App, AppError};

/// A follower; `next` moves it on.
#[derive(Debug)]
pub struct Follow {
    app: App,
    after: Generation,
}

/// A generation, against the one that the follower had.
#[derive(Debug, Clone)]
pub struct Step {
    pub generation: GenerationView,
    pub differences: Vec<Difference>,
}

// === impl App ===

impl App {
    /// Follows from `after` on, or from the newest. `NotKept` when what came after `after` cannot be told,
    /// `NotFound` when it does not exist yet.
    pub async fn generation_follow(
        &self,
        context: &OpContext,
        after: Option<Generation>,
    ) -> Result<Follow, AppError> {
        context.authorize(Action::Read)?;
        let after = match after {
            Some(after) => after,
            None => self.odb.cluster().await?.generation,
        };
        // Empty, and refused when the content of `after` is not kept.
        self.odb.history_diff(after, after).await?;
        Ok(Follow {
            app: self.clone(),
            after,
        })
    }
}

// === impl Follow ===

impl Follow {
    /// What the follower has.
    pub fn after(&self) -> Generation {
        self.after
    }

    /// The newest generation that was published; the follower may have a newer one for a moment.
    pub fn newest(&self) -> Generation {
        self.app.publisher.newest().generation
    }

    /// The next generation, as soon as there is one. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Result<Step, OdbError> {
        // Before the rows are read: what is published after that wakes us.
        let mut published = self.app.publisher.subscribe();
        let row = loop {
            if let Some(row) = self.app.odb.generation_after(self.after).await? {
                break row;
            }
            if published.changed().await.is_err() {
                // The publisher lives as long as we do.
                std::future::pending::<()>().await;
            }
        };
        let differences = self.app.odb.history_diff(self.after, row.number).await?;
        self.after = row.number;
        Ok(Step {
            generation: self.app.generation_view(row),
            differences,
        })
    }

    /// Returns when `newest` is more than `count` generations ahead of `from`.
    pub async fn ahead(&self, from: Generation, count: u64) {
        let limit = from.0.saturating_add(count);
        let mut published = self.app.publisher.subscribe();
        let reached = published.wait_for(|published| published.generation.0 > limit);
        if reached.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
