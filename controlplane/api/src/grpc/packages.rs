//! `Packages`: deploying service files and taking them away.

use bascule_proto::admin::v1::packages_server::Packages;
use bascule_proto::admin::v1::{self as proto};
use cp_model::package::PACKAGE_BYTES_MAX;
use cp_model::{FileName, ImportFault, Package, PackageId, PackageState};
use tonic::{Request, Response, Status};

use super::applied::{applied_of, timestamp_of};
use super::call::{self, Changing, Reading};
use super::{Face, page_of};
use crate::json::too_large;
use crate::package::verdict_of;
use crate::problem::Problem;
use crate::query::PageQuery;

#[tonic::async_trait]
impl Packages for Face {
    async fn list(
        &self,
        request: Request<proto::ListPackagesRequest>,
    ) -> Result<Response<proto::ListPackagesResponse>, Status> {
        call::read(&self.api, request, package_list).await
    }

    async fn get(
        &self,
        request: Request<proto::GetPackageRequest>,
    ) -> Result<Response<proto::Package>, Status> {
        call::read(&self.api, request, package_get).await
    }

    async fn get_source(
        &self,
        request: Request<proto::GetPackageSourceRequest>,
    ) -> Result<Response<proto::PackageSource>, Status> {
        call::read(&self.api, request, package_source).await
    }

    async fn deploy(
        &self,
        request: Request<proto::DeployPackageRequest>,
    ) -> Result<Response<proto::PackageChanged>, Status> {
        call::change(&self.api, request, package_deploy).await
    }

    async fn undeploy(
        &self,
        request: Request<proto::UndeployPackageRequest>,
    ) -> Result<Response<proto::PackageChanged>, Status> {
        call::change(&self.api, request, package_undeploy).await
    }
}

async fn package_list(
    reading: Reading,
    asked: proto::ListPackagesRequest,
) -> Result<proto::ListPackagesResponse, Problem> {
    let query = PageQuery::new(asked.page_size, asked.page_token);
    let (size, before) = (query.size()?, query.before()?);
    let app = &reading.api.app;
    let packages = app.package_list(&reading.context, before, size + 1).await?;
    let (packages, next_page_token) = page_of(packages, size, |one| one.sequence.to_string());
    Ok(proto::ListPackagesResponse {
        packages: packages.into_iter().map(package_of).collect(),
        next_page_token,
    })
}

async fn package_get(
    reading: Reading,
    asked: proto::GetPackageRequest,
) -> Result<proto::Package, Problem> {
    let id = PackageId::parse(&asked.id)?;
    let found = reading.api.app.package_find(&reading.context, &id);
    Ok(package_of(found.await?))
}

async fn package_source(
    reading: Reading,
    asked: proto::GetPackageSourceRequest,
) -> Result<proto::PackageSource, Problem> {
    let id = PackageId::parse(&asked.id)?;
    let content = reading
        .api
        .app
        .package_source(&reading.context, &id)
        .await?;
    Ok(proto::PackageSource {
        content: content.into(),
    })
}

async fn package_deploy(
    changing: Changing,
    asked: proto::DeployPackageRequest,
) -> Result<proto::PackageChanged, Problem> {
    let file = FileName::parse(&asked.file)?;
    if asked.content.len() > PACKAGE_BYTES_MAX {
        return Err(too_large(PACKAGE_BYTES_MAX));
    }
    let app = &changing.api.app;
    let deployed = app
        .package_deploy(&changing.context, &file, &asked.content, changing.wait)
        .await;
    let standing = verdict_of(deployed.map_err(|error| in_message(error.into()))?)?;
    Ok(proto::PackageChanged {
        package: Some(package_of(standing.package)),
        generation: standing.generation.0,
        applied: Some(applied_of(standing.applied)),
        is_waiting: standing.is_waiting,
        is_dry_run: false,
    })
}

async fn package_undeploy(
    changing: Changing,
    asked: proto::UndeployPackageRequest,
) -> Result<proto::PackageChanged, Problem> {
    let id = PackageId::parse(&asked.id)?;
    let app = &changing.api.app;
    let changed = app
        .package_undeploy(&changing.context, &id, changing.wait)
        .await?;
    Ok(proto::PackageChanged {
        package: Some(package_of(changed.value)),
        generation: changed.generation.0,
        applied: Some(applied_of(changed.applied)),
        is_waiting: false,
        is_dry_run: changing.context.intent.is_dry_run,
    })
}

/// The places of faults, as the message calls them.
fn in_message(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        match error.pointer.as_str() {
            "/body" => "/content".clone_into(&mut error.pointer),
            "/dry_run" => "/options/dry_run".clone_into(&mut error.pointer),
            _ => {}
        }
    }
    problem
}

fn package_of(package: Package) -> proto::Package {
    let state = match package.state {
        PackageState::Checking => proto::PackageState::Checking,
        PackageState::Live => proto::PackageState::Live,
        PackageState::Refused => proto::PackageState::Refused,
        PackageState::Retired => proto::PackageState::Retired,
    };
    proto::Package {
        id: package.id.to_string(),
        module: package.file.module().to_owned(),
        file: package.file.to_string(),
        version: package.version,
        state: state.into(),
        bytes: package.bytes,
        services: package.services.iter().map(ToString::to_string).collect(),
        error: package.error.map(fault_of),
        created_at: Some(timestamp_of(package.created_at)),
    }
}

fn fault_of(fault: ImportFault) -> proto::ImportFault {
    proto::ImportFault {
        node: fault.node,
        file: fault.file,
        line: fault.line,
        message: fault.message,
        traceback: fault.traceback,
    }
}
