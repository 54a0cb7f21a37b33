//! The history of generations, with how each stands on the nodes.

mod follow;

use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::{Generation, GenerationRow};
use cp_odb::Difference;
use cp_publish::NodeApplied;

use crate::{App, AppError, Changed};

pub use follow::{Follow, Step};

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

    /// What would change by going from the content of `from` to that of `to`.
    pub async fn generation_diff(
        &self,
        context: &OpContext,
        from: Generation,
        to: Generation,
    ) -> Result<Vec<Difference>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.history_diff(from, to).await?)
    }

    /// Makes the content of `wanted` the newest generation.
    pub async fn generation_restore(
        &self,
        context: &OpContext,
        wanted: Generation,
        wait: Option<Duration>,
    ) -> Result<Changed<Vec<Difference>>, AppError> {
        context.authorize(Action::Change)?;
        let written = self.odb.history_restore(&context.origin(), wanted).await?;
        Ok(self
            .finished(context, written.value, written.generation, wait)
            .await)
    }

    fn generation_view(&self, row: GenerationRow) -> GenerationView {
        let nodes = self.fleet.applied(row.number);
        GenerationView { row, nodes }
    }
}
