//! The node's own admin HTTP: alive, ready, metrics, config, version. Read only.
//!
//! Refuses to change anything and to show secrets; whoever may change the node does it through the
//! control plane.

mod checks;
pub mod metrics;

use std::io;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use dp_config::{DataFormat, MemberState, Snapshot};
use dp_stats::Registry;
use serde_json::{Value, json};

use self::checks::{Check, checks, is_ready};
use self::metrics::Reading;
use crate::clock::rfc3339;
use crate::node::Node;
use crate::process::usage;
use crate::status::Status;

/// What the pages are made of.
#[derive(Debug)]
pub struct AdminContext<N> {
    pub node: Arc<N>,
    pub name: String,
    pub version: String,
    pub status: Status,
    pub registry: Arc<Registry>,
    /// The flags that the process runs with, without secrets; shown by `/config`.
    pub settings: Value,
}

type Context<N> = State<Arc<AdminContext<N>>>;

/// Answers on `listener` until it is dropped.
pub async fn serve_admin<N: Node>(
    listener: tokio::net::TcpListener,
    context: Arc<AdminContext<N>>,
) -> io::Result<()> {
    axum::serve(listener, router(context)).await
}

fn router<N: Node>(context: Arc<AdminContext<N>>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz::<N>))
        .route("/metrics", get(metrics_page::<N>))
        .route("/config", get(config_page::<N>))
        .route("/version", get(version_page::<N>))
        .with_state(context)
}

async fn readyz<N: Node>(State(context): Context<N>, RawQuery(query): RawQuery) -> Response {
    let checks = checks(&context.status.read(), &context.node.workers());
    let ready = is_ready(&checks);
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let query = query.unwrap_or_default();
    let verbose = query
        .split('&')
        .any(|part| part == "verbose" || part.starts_with("verbose="));
    let mut text: String = checks
        .iter()
        .filter(|check| verbose || check.blocks())
        .map(Check::to_string)
        .collect();
    text.push_str(if ready { "ok\n" } else { "not ready\n" });
    (code, text).into_response()
}

async fn metrics_page<N: Node>(State(context): Context<N>) -> Response {
    let reading = Reading {
        version: context.version.clone(),
        status: context.status.read(),
        workers: context.node.workers(),
        totals: context.registry.read(),
        usage: usage(),
    };
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        metrics::render(&reading),
    )
        .into_response()
}

async fn config_page<N: Node>(State(context): Context<N>) -> Json<Value> {
    let status = context.status.read();
    let serving = status.serving.as_ref().map(|serving| {
        json!({
            "source": format!("{:?}", serving.source),
            "applied_at": rfc3339(serving.applied_at),
            "snapshot": snapshot_json(&serving.snapshot),
        })
    });
    let rejection = status.rejection.as_ref().map(|rejection| {
        let reasons = rejection.refusals.0.iter();
        json!({
            "generation": rejection.generation,
            "at": rfc3339(rejection.at),
            "refusals": reasons.map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    Json(json!({
        "node": context.name,
        "settings": context.settings,
        "serving": serving,
        "rejection": rejection,
    }))
}

async fn version_page<N: Node>(State(context): Context<N>) -> Json<Value> {
    Json(json!({
        "version": context.version,
        "node": context.name,
        "python": context.node.workers().python,
        "started_at": rfc3339(context.status.read().started_at),
    }))
}

fn snapshot_json(snapshot: &Snapshot) -> Value {
    let members = snapshot.members.iter().map(|member| {
        let state = match member.state {
            MemberState::Online => "online",
            MemberState::Draining => "draining",
            MemberState::Offline => "offline",
        };
        json!({
            "node": &*member.node, "address": member.address.to_string(),
            "state": state, "weight": member.weight,
        })
    });
    let packages = snapshot.packages.iter().map(|package| {
        json!({ "id": package.id.as_str(), "file": &*package.file, "version": package.version })
    });
    let services = snapshot
        .services
        .iter()
        .map(|service| json!({ "name": &*service.name, "package": service.package.as_str() }));
    let channels = snapshot.channels.iter().map(|channel| {
        let data_format = match channel.data_format {
            DataFormat::Raw => "",
            DataFormat::Json => "json",
        };
        json!({
            "name": &*channel.name, "path": &*channel.path, "method": channel.method.as_deref(),
            "service": &*channel.service, "data_format": data_format,
            "timeout_ms": channel.timeout.as_millis(), "body_bytes_max": channel.body_bytes_max,
        })
    });
    json!({
        "generation": snapshot.generation,
        "hash": snapshot.hash.to_string(),
        "cluster": &*snapshot.cluster,
        "cluster_id": &*snapshot.cluster_id,
        "members": members.collect::<Vec<_>>(),
        "packages": packages.collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
        "channels": channels.collect::<Vec<_>>(),
    })
}
