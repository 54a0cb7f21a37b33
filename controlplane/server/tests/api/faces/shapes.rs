//! gRPC's messages in the words of REST.

use bascule_proto::admin::v1 as proto;
use prost_types::value::Kind;
use prost_types::{FieldMask, Struct, Timestamp};
use serde_json::{Map, Value, json};

pub(crate) fn spec_of(spec: Value) -> Struct {
    let Value::Object(fields) = spec else {
        panic!("{spec} is no object");
    };
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, value_of(value)));
    Struct {
        fields: fields.collect(),
    }
}

fn value_of(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(is) => Kind::BoolValue(is),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => Kind::ListValue(prost_types::ListValue {
            values: items.into_iter().map(value_of).collect(),
        }),
        fields @ Value::Object(_) => Kind::StructValue(spec_of(fields)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// The mask of what the patch has; then the patch loses its `null`s and gets what the mask has to keep out.
pub(crate) fn masked(patch: &mut Value) -> FieldMask {
    let fields = patch.as_object_mut().unwrap();
    let paths = fields.keys().cloned().collect();
    fields.retain(|_, value| !value.is_null());
    fields.insert("kept_out".to_owned(), "by the mask".into());
    FieldMask { paths }
}

/// `spec.endpoints[0].address` → `endpoints/0/address`, and what has another name in messages.
pub(crate) fn field(path: &str) -> String {
    let path = path.strip_prefix("spec.").unwrap_or(path);
    let path = match path {
        "rename_to" => "name",
        "options.wait" => "timeout",
        "options.dry_run" => "dry_run",
        "options.idempotency_key" => "idempotency_key",
        "content" => "body",
        "timeout" => "timeout_ms",
        path => path,
    };
    path.replace(['.', '['], "/").replace(']', "")
}

fn json_of(value: &prost_types::Value) -> Value {
    match value.kind.as_ref().unwrap() {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(is) => json!(is),
        Kind::StringValue(text) => json!(text),
        Kind::ListValue(list) => list.values.iter().map(json_of).collect(),
        Kind::StructValue(fields) => fields_of(fields),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "all numbers of the tests are small"
        )]
        Kind::NumberValue(number) if number.fract() == 0.0 => json!(*number as i64),
        Kind::NumberValue(number) => json!(number),
    }
}

fn fields_of(fields: &Struct) -> Value {
    let fields = fields
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), json_of(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Not compared, but it has to be there.
fn time(at: Option<&Timestamp>) -> Value {
    assert!(at.unwrap().seconds > 1_700_000_000);
    json!("a time")
}

/// `APPLY_STATE_APPLIED` → `applied`.
fn word(name: &str, prefix: &str) -> Value {
    name.strip_prefix(prefix).unwrap().to_lowercase().into()
}

/// Empty is `null` in REST.
fn maybe(text: &str) -> Value {
    (!text.is_empty()).then_some(text).into()
}

pub(crate) fn page(items: impl Iterator<Item = Value>, next: &str) -> Value {
    json!({ "items": items.collect::<Vec<_>>(), "next_page_token": maybe(next) })
}

pub(crate) fn object(object: &proto::Object) -> Value {
    assert_eq!(object.id.len(), 36);
    json!({
        "name": object.name,
        "id": object.id,
        "etag": object.etag,
        "created_at": time(object.created_at.as_ref()),
        "changed_at": time(object.changed_at.as_ref()),
        "spec": fields_of(object.spec.as_ref().unwrap()),
        "secrets_set": object.secrets_set,
    })
}

pub(crate) fn object_changed(changed: &proto::ObjectChanged) -> Value {
    json!({
        "object": changed.object.as_ref().map(object),
        "generation": changed.generation,
        "applied": applied(changed.applied.as_ref()),
        "is_dry_run": changed.is_dry_run,
    })
}

fn applied(applied: Option<&proto::Applied>) -> Value {
    let applied = applied.unwrap();
    let took = applied.took.unwrap();
    json!({
        "generation": applied.generation,
        "complete": applied.complete,
        "took_ms": took.seconds.to_string(),
        "nodes": applied.nodes.iter().map(node_applied).collect::<Vec<_>>(),
        "timed_out": applied.timed_out,
    })
}

fn node_applied(node: &proto::NodeApplied) -> Value {
    json!({
        "node": node.node,
        "state": word(node.state().as_str_name(), "APPLY_STATE_"),
        "ack_us": node.ack_us,
        "refusals": node.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

fn refusal(refusal: &proto::Refusal) -> Value {
    json!({
        "object": refusal.object,
        "field": refusal.field,
        "reason": refusal.reason,
        "core": refusal.core,
    })
}

pub(crate) fn generation(generation: &proto::Generation) -> Value {
    json!({
        "number": generation.number,
        "at": time(generation.at.as_ref()),
        "who": generation.who,
        "summary": generation.summary,
        "nodes": generation.nodes.iter().map(node_applied).collect::<Vec<_>>(),
    })
}

pub(crate) fn diff(diff: &proto::DiffGenerationsResponse) -> Value {
    let items: Vec<_> = diff.differences.iter().map(difference).collect();
    json!({ "from": diff.from, "to": diff.to, "items": items })
}

fn difference(difference: &proto::Difference) -> Value {
    let field = |field: &proto::FieldChange| {
        json!({
            "pointer": field.pointer,
            "before": field.before.as_ref().map(json_of),
            "after": field.after.as_ref().map(json_of),
        })
    };
    json!({
        "kind": difference.kind,
        "name": difference.name,
        "change": word(difference.change().as_str_name(), "DIFFERENCE_CHANGE_"),
        "fields": difference.fields.iter().map(field).collect::<Vec<_>>(),
    })
}

pub(crate) fn restored(restored: &proto::GenerationRestored) -> Value {
    json!({
        "generation": restored.generation,
        "items": restored.differences.iter().map(difference).collect::<Vec<_>>(),
        "applied": applied(restored.applied.as_ref()),
        "is_dry_run": restored.is_dry_run,
    })
}

pub(crate) fn node(node: &proto::Node) -> Value {
    let core = |core: &proto::Core| json!({ "core": core.core, "prepare_us": core.prepare_us, "commit_us": core.commit_us });
    let rejection = node.rejection.as_ref().map(|rejection| {
        let refusals: Vec<_> = rejection.refusals.iter().map(refusal).collect();
        json!({ "generation": rejection.generation, "refusals": refusals })
    });
    json!({
        "name": node.name,
        "state": word(node.state().as_str_name(), "WANTED_STATE_"),
        "connection": word(node.connection().as_str_name(), "CONNECTION_"),
        "status": word(node.status().as_str_name(), "NODE_STATUS_"),
        "generation": node.generation,
        "ack_us": node.ack_us,
        "cores": node.cores.iter().map(core).collect::<Vec<_>>(),
        "rejection": rejection,
        "address": node.address,
        "balancer_address": maybe(&node.balancer_address),
        "admin_address": maybe(&node.admin_address),
        "version": node.version,
        "python": node.python,
        "weight": node.weight,
        "workers": { "ready": node.workers_ready, "total": node.workers_total },
        "node_state": word(node.lifecycle().as_str_name(), "LIFECYCLE_"),
        "connections": node.connections,
        "in_flight": node.in_flight,
        "requests_per_second": node.requests_per_second,
        "cpu_share": node.cpu_share,
        "resident_bytes": node.resident_bytes,
        "started_at": time(node.started_at.as_ref()),
        "last_seen_at": time(node.last_seen_at.as_ref()),
        "etag": node.etag,
    })
}

pub(crate) fn node_changed(changed: &proto::NodeChanged) -> Value {
    json!({
        "node": changed.node.as_ref().map(node),
        "generation": changed.generation,
        "applied": applied(changed.applied.as_ref()),
        "is_dry_run": changed.is_dry_run,
    })
}

pub(crate) fn service(service: &proto::Service) -> Value {
    let from = service.packaged.as_ref();
    let stats = service.stats.unwrap();
    json!({
        "name": service.name,
        "file": from.map(|from| &from.file),
        "package_id": from.map(|from| &from.package_id),
        "version": from.map(|from| from.version),
        "class_name": from.map(|from| &from.class_name),
        "line": from.map(|from| from.line),
        "documentation": from.map_or("", |from| &from.documentation),
        "input": from.map_or(&[][..], |from| &from.input),
        "output": from.map_or(&[][..], |from| &from.output),
        "deployed_at": from.map(|from| time(from.deployed_at.as_ref())),
        "channels": service.channels,
        "built_in": from.is_none(),
        "stats": {
            "requests_per_second": stats.requests_per_second,
            "errors_per_second": stats.errors_per_second,
            "p50_us": stats.p50_us,
            "p95_us": stats.p95_us,
            "p99_us": stats.p99_us,
        },
    })
}

pub(crate) fn package(package: &proto::Package) -> Value {
    let error = package.error.as_ref().map(|error| {
        json!({
            "node": error.node,
            "file": error.file,
            "line": error.line,
            "message": error.message,
            "traceback": error.traceback,
        })
    });
    json!({
        "id": package.id,
        "file": package.file,
        "module": package.module,
        "version": package.version,
        "state": word(package.state().as_str_name(), "PACKAGE_STATE_"),
        "bytes": package.bytes,
        "services": package.services,
        "error": error,
        "created_at": time(package.created_at.as_ref()),
    })
}

pub(crate) fn package_changed(changed: &proto::PackageChanged) -> Value {
    assert!(!changed.is_waiting, "a node is connected");
    json!({
        "package": changed.package.as_ref().map(package),
        "generation": changed.generation,
        "applied": applied(changed.applied.as_ref()),
        "is_dry_run": changed.is_dry_run,
    })
}

pub(crate) fn event(event: &proto::AuditEvent) -> Value {
    json!({
        "id": event.id,
        "at": time(event.at.as_ref()),
        "who": event.who,
        "why": event.why,
        "action": event.action,
        "object": event.object,
        "generation": event.generation,
        "before": event.before.as_ref().map(fields_of),
        "after": event.after.as_ref().map(fields_of),
    })
}

pub(crate) fn cluster(cluster: &proto::Cluster) -> Value {
    json!({
        "id": cluster.id,
        "name": cluster.name,
        "generation": cluster.generation,
        "nodes": {
            "total": cluster.nodes_total,
            "connected": cluster.nodes_connected,
            "in_sync": cluster.nodes_in_sync,
        },
        "version": cluster.version,
        "started_at": time(cluster.started_at.as_ref()),
    })
}
