//! `Services`: what can be invoked, and invoking it.

use std::time::Duration;

use bascule_proto::admin::v1::services_server::Services;
use bascule_proto::admin::v1::{self as proto};
use cp_app::{Invocation, ServiceOrigin, ServiceView, Summary};
use cp_model::{Invalid, Service, ServiceName};
use tonic::{Request, Response, Status};

use super::Face;
use super::applied::timestamp_of;
use super::call::{self, Reading};
use crate::json::too_large;
use crate::problem::Problem;
use crate::query::PageQuery;
use crate::service::{INVOKE_BYTES_MAX, INVOKE_TIMEOUT_DEFAULT_MS, INVOKE_TIMEOUT_MAX_MS};
use crate::stats::rounded;

#[tonic::async_trait]
impl Services for Face {
    async fn list(
        &self,
        request: Request<proto::ListServicesRequest>,
    ) -> Result<Response<proto::ListServicesResponse>, Status> {
        call::read(&self.api, request, service_list).await
    }

    async fn get(
        &self,
        request: Request<proto::GetServiceRequest>,
    ) -> Result<Response<proto::Service>, Status> {
        call::read(&self.api, request, service_get).await
    }

    async fn invoke(
        &self,
        request: Request<proto::InvokeServiceRequest>,
    ) -> Result<Response<proto::InvokeServiceResponse>, Status> {
        call::read(&self.api, request, service_invoke).await
    }
}

async fn service_list(
    reading: Reading,
    asked: proto::ListServicesRequest,
) -> Result<proto::ListServicesResponse, Problem> {
    let services = reading.api.app.service_list(&reading.context).await?;
    let query = PageQuery::new(asked.page_size, asked.page_token);
    let page = query.cut(services, |service| service.name.to_string())?;
    Ok(proto::ListServicesResponse {
        services: page.items.into_iter().map(service_of).collect(),
        next_page_token: page.next_page_token.unwrap_or_default(),
    })
}

async fn service_get(
    reading: Reading,
    asked: proto::GetServiceRequest,
) -> Result<proto::Service, Problem> {
    let name = name_of(&asked.name)?;
    let found = reading.api.app.service_find(&reading.context, &name);
    Ok(service_of(found.await?))
}

async fn service_invoke(
    reading: Reading,
    asked: proto::InvokeServiceRequest,
) -> Result<proto::InvokeServiceResponse, Problem> {
    let timeout = timeout_of(asked.timeout)?;
    if asked.body.len() > INVOKE_BYTES_MAX {
        return Err(too_large(INVOKE_BYTES_MAX));
    }
    let invocation = Invocation {
        service: name_of(&asked.name)?,
        body: asked.body.to_vec(),
        content_type: asked.content_type,
        timeout: reading.deadline.map_or(timeout, |d| d.cut(timeout)),
    };
    let app = &reading.api.app;
    let invoked = app.service_invoke(&reading.context, invocation).await?;
    Ok(proto::InvokeServiceResponse {
        status: invoked.status,
        content_type: invoked.content_type,
        body: invoked.body,
        node: invoked.node.to_string(),
        duration_us: invoked.total_us,
    })
}

fn name_of(text: &str) -> Result<ServiceName, Problem> {
    ServiceName::parse(text).map_err(|error| Invalid::new("name", error.reason).into())
}

fn timeout_of(given: Option<prost_types::Duration>) -> Result<Duration, Problem> {
    let Some(given) = given else {
        return Ok(Duration::from_millis(INVOKE_TIMEOUT_DEFAULT_MS));
    };
    let max = Duration::from_millis(INVOKE_TIMEOUT_MAX_MS);
    match Duration::try_from(given) {
        Ok(timeout)
            if (Duration::from_millis(1)..=max).contains(&timeout)
                && timeout.subsec_nanos().is_multiple_of(1_000_000) =>
        {
            Ok(timeout)
        }
        _ => {
            let text = format!("must be 1 to {INVOKE_TIMEOUT_MAX_MS} whole milliseconds");
            Err(Problem::bad_request("/timeout", text))
        }
    }
}

fn service_of(view: ServiceView) -> proto::Service {
    proto::Service {
        name: view.name.to_string(),
        packaged: match view.origin {
            ServiceOrigin::BuiltIn => None,
            ServiceOrigin::Package(service) => Some(packaged_of(*service)),
        },
        channels: view.channels,
        stats: Some(stats_of(view.stats)),
    }
}

fn packaged_of(service: Service) -> proto::PackagedService {
    let declared = service.declared;
    proto::PackagedService {
        file: service.file.to_string(),
        package_id: service.package_id.to_string(),
        version: service.version,
        class_name: declared.class_name,
        line: declared.line,
        documentation: declared.documentation,
        input: declared.input,
        output: declared.output,
        deployed_at: Some(timestamp_of(service.deployed_at)),
    }
}

fn stats_of(summary: Summary) -> proto::ServiceStats {
    proto::ServiceStats {
        requests_per_second: rounded(summary.requests_per_second),
        errors_per_second: rounded(summary.errors_per_second),
        p50_us: summary.p50_us,
        p95_us: summary.p95_us,
        p99_us: summary.p99_us,
    }
}
