//! Exchanges that failed lately.

use cp_auth::{Action, OpContext};
use cp_stats::FailureRecord;

use crate::{App, AppError};

// === impl App ===

impl App {
    /// Newest first, those before `before`.
    pub fn failure_list(
        &self,
        context: &OpContext,
        before: u64,
        limit: u32,
    ) -> Result<Vec<FailureRecord>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self
            .stats
            .failures(before, usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    pub fn failure_find(&self, context: &OpContext, cid: &str) -> Result<FailureRecord, AppError> {
        context.authorize(Action::Read)?;
        let absent = || AppError::NotFound {
            kind: "failure",
            name: cid.to_owned(),
        };
        self.stats.failure(cid).ok_or_else(absent)
    }
}
