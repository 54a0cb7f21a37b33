//! Reading the audit trail.

use cp_auth::{Action, OpContext};
use cp_model::AuditEvent;

use crate::{App, AppError};

// === impl App ===

impl App {
    /// Newest first, those before `before`.
    pub async fn audit_list(
        &self,
        context: &OpContext,
        before: u64,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.audit_list(before, limit).await?)
    }
}
