//! Channels: where requests enter.

use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::{Channel, ChannelName, ChannelSpec, Version};

use crate::{App, AppError, Changed};

// === impl App ===

impl App {
    /// In order of name, those after `after`.
    pub async fn channel_list(
        &self,
        context: &OpContext,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Channel>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.channel_list(after, limit).await?)
    }

    pub async fn channel_find(
        &self,
        context: &OpContext,
        name: &ChannelName,
    ) -> Result<Channel, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.channel_find(name).await?)
    }

    pub async fn channel_create(
        &self,
        context: &OpContext,
        spec: ChannelSpec,
        wait: Option<Duration>,
    ) -> Result<Changed<Channel>, AppError> {
        context.authorize(Action::Change)?;
        let written = self.odb.channel_create(&context.origin(), spec).await?;
        Ok(self.changed(written.value, written.generation, wait).await)
    }

    pub async fn channel_update(
        &self,
        context: &OpContext,
        (name, expected): (&ChannelName, Version),
        spec: ChannelSpec,
        wait: Option<Duration>,
    ) -> Result<Changed<Channel>, AppError> {
        context.authorize(Action::Change)?;
        let written = self
            .odb
            .channel_update(&context.origin(), name, spec, expected)
            .await?;
        Ok(self.changed(written.value, written.generation, wait).await)
    }

    pub async fn channel_delete(
        &self,
        context: &OpContext,
        (name, expected): (&ChannelName, Version),
        wait: Option<Duration>,
    ) -> Result<Changed<Channel>, AppError> {
        context.authorize(Action::Change)?;
        let written = self
            .odb
            .channel_delete(&context.origin(), name, expected)
            .await?;
        Ok(self.changed(written.value, written.generation, wait).await)
    }
}
