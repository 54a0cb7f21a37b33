//! Services: what can be invoked, and invoking it.

use std::collections::BTreeMap;
use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::kind::CHANNEL;
use cp_model::service::BUILT_IN;
use cp_model::{NodeState, Service, ServiceName};
use cp_publish::{InvokeRequest, Invoked};
use cp_stats::Summary;

use crate::{App, AppError, clock};

/// A service, who uses it and how it fares.
#[derive(Debug, Clone)]
pub struct ServiceView {
    pub name: ServiceName,
    pub origin: ServiceOrigin,
    /// Names of the channels that lead to it.
    pub channels: Vec<String>,
    pub stats: Summary,
}

#[derive(Debug, Clone)]
pub enum ServiceOrigin {
    BuiltIn,
    Package(Box<Service>),
}

/// A call of a service for the admin API.
#[derive(Debug, Clone)]
pub struct Invocation {
    pub service: ServiceName,
    pub body: Vec<u8>,
    pub content_type: String,
    pub timeout: Duration,
}

// === impl App ===

impl App {
    /// Built-in ones and those of live packages, in order of name.
    pub async fn service_list(&self, context: &OpContext) -> Result<Vec<ServiceView>, AppError> {
        context.authorize(Action::Read)?;
        let mut channels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for user in self.odb.object_uses("service").await? {
            if user.kind == CHANNEL.name {
                channels.entry(user.target).or_default().push(user.name);
            }
        }
        let mut origins: BTreeMap<ServiceName, ServiceOrigin> = BTreeMap::new();
        for name in BUILT_IN {
            origins.insert(ServiceName::parse(name)?, ServiceOrigin::BuiltIn);
        }
        for service in self.odb.service_list().await? {
            let name = service.declared.name.clone();
            origins.insert(name, ServiceOrigin::Package(Box::new(service)));
        }
        let now = clock::second_of(clock::now());
        let view = |(name, origin): (ServiceName, ServiceOrigin)| ServiceView {
            channels: channels.remove(name.as_str()).unwrap_or_default(),
            stats: self.stats.service(name.as_str(), now),
            name,
            origin,
        };
        Ok(origins.into_iter().map(view).collect())
    }

    pub async fn service_find(
        &self,
        context: &OpContext,
        name: &ServiceName,
    ) -> Result<ServiceView, AppError> {
        let mut services = self.service_list(context).await?.into_iter();
        let absent = || AppError::NotFound {
            kind: "service",
            name: name.to_string(),
        };
        services
            .find(|service| service.name == *name)
            .ok_or_else(absent)
    }

    /// Runs the service on an online node that is connected.
    pub async fn service_invoke(
        &self,
        context: &OpContext,
        invocation: Invocation,
    ) -> Result<Invoked, AppError> {
        context.authorize(Action::Invoke)?;
        self.service_find(context, &invocation.service).await?;
        let nodes = self.odb.node_list().await?;
        let online: Vec<_> = nodes
            .into_iter()
            .filter(|node| node.state == NodeState::Online)
            .map(|node| node.seen.name)
            .collect();
        let request = InvokeRequest {
            service: invocation.service,
            body: invocation.body.into(),
            content_type: invocation.content_type,
            cid: context.cid.clone(),
            timeout: invocation.timeout,
        };
        Ok(self.fleet.invoke(&online, request).await?)
    }
}
