//! `/packages`: deploying service files and taking them away.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::{Applied, Deployed, OdbError, Verdict};
use cp_model::package::PACKAGE_BYTES_MAX;
use cp_model::{FileName, Generation, ImportFault, Package, PackageId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::Api;
use crate::applied::{AppliedBody, answer, header_of};
use crate::context::Context;
use crate::json::read;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery, WaitQuery};

#[derive(OpenApi)]
#[openapi(paths(
    package_list,
    package_deploy,
    package_show,
    package_source,
    package_undeploy
))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Package)]
pub(crate) struct PackageBody {
    /// SHA-256 of file name and content.
    id: String,
    file: String,
    module: String,
    /// Counts the packages of the file from 1.
    version: u32,
    /// `checking`, `live`, `refused` or `retired`.
    state: &'static str,
    bytes: u64,
    services: Vec<String>,
    error: Option<ImportErrorBody>,
    created_at: String,
}

/// Why it was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportError)]
struct ImportErrorBody {
    /// Empty when the control plane refused.
    node: String,
    file: String,
    /// 0 when unknown.
    line: u32,
    message: String,
    traceback: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct PackageChanged {
    package: PackageBody,
    generation: u64,
    applied: AppliedBody,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeployQuery {
    /// Name of the service file, for example `hello.py`.
    file: Option<String>,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/packages", get(package_list).post(package_deploy))
        .route(
            "/api/v1/packages/{id}",
            get(package_show).delete(package_undeploy),
        )
        .route("/api/v1/packages/{id}/source", get(package_source))
}

/// All packages, newest first.
#[utoipa::path(get, path = "/api/v1/packages", tag = "packages", params(PageQuery),
    responses((status = 200, body = Page<PackageBody>)))]
async fn package_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PackageBody>>, Problem> {
    let size = query.size()?;
    let packages = api
        .app
        .package_list(&context, query.before()?, size + 1)
        .await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(packages, size, |package| package.sequence.to_string());
    Ok(Json(page.map(|package| PackageBody::from(&package))))
}

/// Deploys a service file: tried on every connected node first, live on all or refused.
#[utoipa::path(post, path = "/api/v1/packages", tag = "packages",
    params(DeployQuery, WaitQuery),
    request_body(content = String, content_type = "text/x-python"), responses(
    (status = 200, description = "live", body = PackageChanged),
    (status = 202, description = "not applied in time, or no node is connected yet",
     body = PackageChanged),
    (status = 409, description = "a service is another file's, or one that channels use is gone",
     body = ProblemBody, content_type = "application/problem+json"),
    (status = 413, description = "larger than 4 MiB", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 422, description = "a node cannot import it", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn package_deploy(
    State(api): State<Api>,
    Context(context): Context,
    Query(deploy): Query<DeployQuery>,
    Query(query): Query<WaitQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let file = FileName::parse(deploy.file.as_deref().unwrap_or_default())?;
    let wait = query.duration()?;
    let content = read(request.into_body(), PACKAGE_BYTES_MAX).await?;
    let deployed = api
        .app
        .package_deploy(&context, &file, &content, wait)
        .await?;
    deployed_answer(deployed)
}

/// One package.
#[utoipa::path(get, path = "/api/v1/packages/{id}", tag = "packages",
    params(("id" = String, Path)), responses(
    (status = 200, body = PackageBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn package_show(
    State(api): State<Api>,
    Context(context): Context,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let package = api
        .app
        .package_find(&context, &PackageId::parse(&id)?)
        .await?;
    let etag = format!("\"{}-{}\"", package.id, package.state.as_str());
    Ok((
        header_of(header::ETAG, &etag),
        Json(PackageBody::from(&package)),
    ))
}

/// The file as it was deployed.
#[utoipa::path(get, path = "/api/v1/packages/{id}/source", tag = "packages",
    params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/plain", body = String),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn package_source(
    State(api): State<Api>,
    Context(context): Context,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let source = api
        .app
        .package_source(&context, &PackageId::parse(&id)?)
        .await?;
    Ok((
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        source,
    ))
}

/// Takes a live package away.
#[utoipa::path(delete, path = "/api/v1/packages/{id}", tag = "packages",
    params(("id" = String, Path), WaitQuery), responses(
    (status = 200, body = PackageChanged), (status = 202, body = PackageChanged),
    (status = 409, description = "channels use its services, or it is not live",
     body = ProblemBody, content_type = "application/problem+json")))]
async fn package_undeploy(
    State(api): State<Api>,
    Context(context): Context,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let id = PackageId::parse(&id)?;
    let changed = api
        .app
        .package_undeploy(&context, &id, query.duration()?)
        .await?;
    Ok(changed_answer(
        &changed.value,
        changed.generation,
        changed.applied,
    ))
}

fn deployed_answer(deployed: Deployed) -> Result<Response, Problem> {
    let standing = verdict_of(deployed)?;
    let Standing {
        package,
        generation,
        applied,
        is_waiting,
    } = standing;
    if !is_waiting {
        return Ok(changed_answer(&package, generation, applied));
    }
    let location = format!("/api/v1/packages/{}", package.id);
    let headers = header_of(header::LOCATION, &location);
    let body = PackageChanged {
        package: (&package).into(),
        generation: generation.0,
        applied: applied.into(),
    };
    Ok((StatusCode::ACCEPTED, headers, Json(body)).into_response())
}

/// A package that was not refused.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) package: Package,
    pub(crate) generation: Generation,
    pub(crate) applied: Applied,
    /// Not tried to the end.
    pub(crate) is_waiting: bool,
}

/// How a deploy ended, for either face.
pub(crate) fn verdict_of(deployed: Deployed) -> Result<Standing, Problem> {
    let package = deployed.package;
    let (generation, applied, is_waiting) = match deployed.verdict {
        Verdict::Live {
            generation,
            applied,
        } => (generation, applied, false),
        Verdict::Waiting {
            generation,
            applied,
        } => (generation, applied, true),
        Verdict::RefusedByNode => return Err(refused(&package)),
        Verdict::RefusedByRows(error) => return Err(not_fitting(&package, &error)),
        Verdict::Superseded => {
            let text = format!("a newer package of {} came in between", package.file);
            return Err(Problem::new(StatusCode::CONFLICT, "superseded", text));
        }
    };
    Ok(Standing {
        package,
        generation,
        applied,
        is_waiting,
    })
}

fn changed_answer(package: &Package, generation: Generation, applied: Applied) -> Response {
    let settled = applied.settled;
    let body = PackageChanged {
        package: package.into(),
        generation: generation.0,
        applied: applied.into(),
    };
    answer(
        (StatusCode::OK, settled),
        generation,
        axum::http::HeaderMap::new(),
        body,
    )
}

/// 422: what the node said, with the line that a person has to look at.
fn refused(package: &Package) -> Problem {
    let Some(fault) = &package.error else {
        let text = format!("{} was refused", package.file);
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "package-refused", text);
    };
    let detail = format!(
        "{} was refused by node {}: {}",
        package.file, fault.node, fault.message
    );
    let pointer = match fault.line {
        0 => String::new(),
        line => format!("line {line}"),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "package-refused", detail)
        .with_error(&pointer, fault.message.clone())
        .with("package", shown(package))
        .with("traceback", fault.traceback.clone().into())
}

/// 409: names both files, or the channels.
fn not_fitting(package: &Package, error: &Arc<OdbError>) -> Problem {
    let mut problem = Problem::from(&**error);
    if problem.status == StatusCode::CONFLICT {
        problem.detail = format!("{}: {}", package.file, problem.detail);
    }
    let line = package.error.as_ref().map_or(0, |fault| fault.line);
    let pointer = if line > 0 {
        format!("line {line}")
    } else {
        String::new()
    };
    let detail = problem.detail.clone();
    problem
        .with_error(&pointer, detail)
        .with("package", shown(package))
}

fn shown(package: &Package) -> Value {
    serde_json::to_value(PackageBody::from(package)).unwrap_or_default()
}

// === impl PackageBody ===

impl From<&Package> for PackageBody {
    fn from(package: &Package) -> Self {
        Self {
            id: package.id.to_string(),
            file: package.file.to_string(),
            module: package.file.module().to_owned(),
            version: package.version,
            state: package.state.as_str(),
            bytes: package.bytes,
            services: package.services.iter().map(ToString::to_string).collect(),
            error: package.error.as_ref().map(ImportErrorBody::from),
            created_at: package.created_at.to_string(),
        }
    }
}

// === impl ImportErrorBody ===

impl From<&ImportFault> for ImportErrorBody {
    fn from(fault: &ImportFault) -> Self {
        Self {
            node: fault.node.clone(),
            file: fault.file.clone(),
            line: fault.line,
            message: fault.message.clone(),
            traceback: fault.traceback.clone(),
        }
    }
}
