//! The history of generations, with how each stands on the nodes.

use cp_auth::{Action, OpContext};
use cp_model::{Generation, GenerationRow};
use cp_publish::NodeApplied;

use crate::{App, AppError};

/// A generation and its nodes.
#[derive(Debug, Clone)]
pub struct GenerationView {
    pub row: GenerationRow,
    pub nodes: Vec<NodeApplied>,
}

// === impl App ===

impl App {
    /// Newest first, those before `before`.
    pub async fn generation_list(
        &self,
        context: &OpContext,
        before: u64,
        limit: u32,
    ) -> Result<Vec<GenerationView>, AppError> {
        context.authorize(Action::Read)?;
        let rows = self.odb.generation_list(before, limit).await?;
        Ok(rows
            .into_iter()
            .map(|row| self.generation_view(row))
            .collect())
    }

    pub async fn generation_find(
        &self,
        context: &OpContext,
        number: Generation,
    ) -> Result<GenerationView, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.generation_view(self.odb.generation_find(number).await?))
    }

    fn generation_view(&self, row: GenerationRow) -> GenerationView {
        let nodes = self.fleet.applied(row.number);
        GenerationView { row, nodes }
    }
}
