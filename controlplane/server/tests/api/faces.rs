//! REST and gRPC are two faces of one thing: whatever is asked of either has one outcome.
//!
//! A table of requests, good and bad, is put to REST on one plane and to gRPC on another, fresh ones both. Each
//! outcome must be equal, and so must be everything that is left: objects, generations with their differences, and
//! the audit trail. A REST operation that the table does not ask for stands in a list with its reason.

mod ask;
mod by_grpc;
mod by_rest;
mod outcome;
mod samples;
mod shapes;
mod table;

use std::collections::BTreeSet;

use ask::{ANY_CLASS, Ask};
use by_grpc::ByGrpc;
use by_rest::ByRest;
use cp_model::kind::KINDS;
use cp_odb::Odb;
use serde_json::{Value, json};

use crate::fake_node::{FakeNode, Manner};
use crate::plane::Plane;

/// REST operations that are not compared, with the reason. This list may only shrink.
const NOT_COMPARED: &[(&str, &str)] = &[
    (
        "DELETE /api/v1/session",
        "a session is for browsers; gRPC takes tokens",
    ),
    (
        "GET /api/v1/config",
        "an apply of many objects is Objects.Apply; files have no RPC yet",
    ),
    (
        "GET /api/v1/failures",
        "what happened on nodes, not configuration; goes with statistics",
    ),
    (
        "GET /api/v1/failures/{cid}",
        "what happened on nodes, not configuration; goes with statistics",
    ),
    ("GET /api/v1/jobs/{name}/runs", "jobs have no RPC yet"),
    ("GET /api/v1/jobs/{name}/status", "jobs have no RPC yet"),
    (
        "GET /api/v1/kinds",
        "an apply of many objects is Objects.Apply; files have no RPC yet",
    ),
    (
        "GET /api/v1/openapi.json",
        "describes REST; gRPC has reflection, see grpc.rs",
    ),
    (
        "GET /api/v1/session",
        "a session is for browsers; gRPC takes tokens",
    ),
    ("GET /api/v1/stats", "statistics have no gRPC face yet"),
    (
        "GET /api/v1/stream",
        "ticks for the console; Generations.Watch follows changes, see watch.rs",
    ),
    ("GET /livez", "of the process, not of the API"),
    ("GET /metrics", "of the process, not of the API"),
    ("GET /readyz", "gRPC has grpc.health.v1, see grpc.rs"),
    ("GET /version", "Clusters.Get has it"),
    (
        "POST /api/v1/config",
        "an apply of many objects is Objects.Apply; files have no RPC yet",
    ),
    ("POST /api/v1/job-preview", "jobs have no RPC yet"),
    ("POST /api/v1/jobs/{name}/pause", "jobs have no RPC yet"),
    ("POST /api/v1/jobs/{name}/resume", "jobs have no RPC yet"),
    ("POST /api/v1/jobs/{name}/run", "jobs have no RPC yet"),
    ("POST /api/v1/jobs/{name}/skip-next", "jobs have no RPC yet"),
    (
        "POST /api/v1/session",
        "a session is for browsers; gRPC takes tokens",
    ),
];

/// A fresh plane with one node that does as it is told, and one that has gone.
async fn plane() -> (Plane, tempfile::TempDir) {
    let (plane, folder) = Plane::new().await;
    let is = async |path: &str, what: fn(&Value) -> bool| plane.eventually(path, what).await;
    let gone = FakeNode::connect(&plane, "n2").await.run(Manner::Obedient);
    is("/api/v1/nodes/n2", |node| node["status"] == "in_sync").await;
    gone.abort();
    is("/api/v1/nodes/n2", |node| node["connection"] == "away").await;
    FakeNode::connect(&plane, "n1").await.run(Manner::Steady);
    is("/api/v1/nodes/n1", |node| {
        node["status"] == "in_sync" && node["node_state"] == "ready"
    })
    .await;
    (plane, folder)
}

async fn compare(asks: &[Ask]) -> (Plane, Plane) {
    let ((left, _left_folder), (right, _right_folder)) = tokio::join!(plane(), plane());
    let mut rest = ByRest::new(&left);
    let mut grpc = ByGrpc::new(&right).await;
    for ask in asks {
        let wanted = ask.wanted();
        let (by_rest, by_grpc) = (rest.ask(ask).await, grpc.ask(ask).await);
        assert_eq!(by_rest, by_grpc, "{ask:?}");
        let is_wanted = [ANY_CLASS, &by_rest.class].contains(&wanted);
        assert!(is_wanted, "{ask:?}: {by_rest:?}");
    }
    assert_eq!(left_behind(&left.odb).await, left_behind(&right.odb).await);
    (left, right)
}

/// Everything that was written, without what no two planes share.
async fn left_behind(odb: &Odb) -> Value {
    let mut generations = Vec::new();
    let mut after = cp_model::Generation(0);
    while let Some(row) = odb.generation_after(after).await.unwrap() {
        let differences = match after.0 {
            0 => Vec::new(),
            _ => odb.history_diff(after, row.number).await.unwrap(),
        };
        let differences: Vec<_> = differences
            .into_iter()
            .map(|one| {
                let fields = |kept: Option<cp_odb::Kept>| kept.map(|kept| kept.fields);
                json!([one.kind, one.name, fields(one.before), fields(one.after)])
            })
            .collect();
        generations.push(json!([row.number, row.who, row.summary, differences]));
        after = row.number;
    }
    let audit = odb.audit_list(u64::MAX, 1_000).await.unwrap();
    let audit: Vec<_> = audit
        .into_iter()
        .map(|event| outcome::without_ids(serde_json::to_value(event).unwrap()))
        .collect();
    let mut objects = Vec::new();
    for kind in KINDS {
        for object in odb.object_list(kind, "", 1_000).await.unwrap() {
            objects.push(json!([kind.name, object.name, object.spec, object.version]));
        }
    }
    json!({ "generations": generations, "audit": audit, "objects": objects })
}

#[tokio::test]
async fn both_faces_do_the_same() {
    compare(&table::all()).await;
}

#[tokio::test]
async fn both_faces_do_the_same_with_every_kind() {
    for kind in KINDS {
        compare(&samples::of(kind)).await;
    }
}

#[tokio::test]
async fn every_operation_of_rest_is_compared_or_has_its_reason() {
    let (plane, _folder) = Plane::new().await;
    let document = plane
        .call("GET /api/v1/openapi.json", Value::Null)
        .await
        .body;
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let asks = table::all()
        .into_iter()
        .chain(KINDS.iter().flat_map(|kind| samples::of(kind)));
    let compared: BTreeSet<_> = asks.map(|ask| ask.operation()).collect();
    let unknown: Vec<_> = compared.difference(&documented).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not in openapi.json");
    let open: Vec<_> = documented.difference(&compared).cloned().collect();
    let listed: Vec<_> = NOT_COMPARED
        .iter()
        .map(|(operation, _)| (*operation).to_owned())
        .collect();
    assert_eq!(
        open, listed,
        "left: what the table does not ask for. Give each an RPC in proto/bascule/admin/v1 and a row in \
         faces/table.rs; what is compared by now leaves NOT_COMPARED"
    );
}
