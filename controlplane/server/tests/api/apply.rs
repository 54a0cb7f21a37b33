//! Sets of changes, masks and names by gRPC: what REST has no words for.

use bascule_proto::admin::v1 as proto;
use prost_types::value::Kind;
use prost_types::{FieldMask, Struct};
use proto::object_change::To;
use proto::objects_client::ObjectsClient;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::grpc::{admin, connect, reason};
use crate::plane::Plane;

async fn client(plane: &Plane) -> ObjectsClient<Channel> {
    ObjectsClient::new(connect(plane).await)
}

/// A channel's fields; numbers as doubles, as they travel.
fn spec(fields: &Value) -> Struct {
    let fields = fields.as_object().unwrap().iter().map(|(name, value)| {
        let kind = match value {
            Value::String(text) => Kind::StringValue(text.clone()),
            Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
            value => panic!("{value} is not of these tests"),
        };
        (name.clone(), prost_types::Value { kind: Some(kind) })
    });
    Struct {
        fields: fields.collect(),
    }
}

fn change(name: &str, to: To) -> proto::ObjectChange {
    proto::ObjectChange {
        kind: "channel".into(),
        name: name.into(),
        to: Some(to),
    }
}

fn put(name: &str, path: &str) -> proto::ObjectChange {
    let fields = json!({"path": path, "service": "bascule.echo"});
    change(name, To::Put(spec(&fields)))
}

fn apply(changes: Vec<proto::ObjectChange>) -> proto::ApplyObjectsRequest {
    proto::ApplyObjectsRequest {
        changes,
        options: None,
    }
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().unwrap();
    bad.field_violations
        .into_iter()
        .map(|one| one.field)
        .collect()
}

async fn channels(plane: &Plane) -> Vec<String> {
    let listed = plane.call("GET /api/v1/channels", Value::Null).await.body;
    let shown = |channel: &Value| {
        format!(
            "{} {}",
            channel["name"].as_str().unwrap(),
            channel["path"].as_str().unwrap()
        )
    };
    listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(shown)
        .collect()
}

#[tokio::test]
async fn a_set_of_changes_is_one_generation_or_none() {
    let (plane, _folder) = Plane::new().await;
    let mut client = client(&plane).await;
    let first = client
        .apply(admin(apply(vec![put("a", "/a"), put("b", "/b")])))
        .await;
    let first = first.unwrap().into_inner();
    assert_eq!(first.objects.len(), 2);
    assert!(first.objects.iter().all(|one| one.before.is_none()));
    // Paths are swapped and one goes: no half of it could stand alone.
    let set = [
        put("a", "/b"),
        put("b", "/a"),
        change(
            "c",
            To::Create(spec(&json!({"path": "/c", "service": "bascule.echo"}))),
        ),
    ];
    let swapped = client
        .apply(admin(apply(set.to_vec())))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(swapped.generation, first.generation + 1);
    assert_eq!(channels(&plane).await, ["a /b", "b /a", "c /c"]);
    let before = swapped.objects[0].before.as_ref().unwrap();
    assert_eq!(
        before.spec.as_ref().unwrap().fields["path"].kind,
        Some(Kind::StringValue("/a".into()))
    );
    let same = client
        .apply(admin(apply(set[..2].to_vec())))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (same.generation, same.objects.len()),
        (swapped.generation, 0),
        "nothing is different"
    );
    let gone = client
        .apply(admin(apply(vec![
            change("c", To::Delete(())),
            put("d", "/c"),
        ])))
        .await;
    assert!(gone.unwrap().into_inner().objects[0].after.is_none());
    let taken = client
        .apply(admin(apply(vec![put("e", "/e"), put("f", "/e")])))
        .await
        .unwrap_err();
    assert_eq!(
        (taken.code(), &*reason(&taken)),
        (Code::AlreadyExists, "TAKEN")
    );
    assert_eq!(channels(&plane).await, ["a /b", "b /a", "d /c"]);
}

#[tokio::test]
async fn a_bad_change_is_told_with_its_place_in_the_set() {
    let (plane, _folder) = Plane::new().await;
    let mut client = client(&plane).await;
    let of = |change: proto::ObjectChange| apply(vec![put("a", "/a"), change]);
    let unknown = proto::ObjectChange {
        kind: "nonsense".into(),
        ..put("b", "/b")
    };
    let empty = proto::ObjectChange {
        to: None,
        ..put("b", "/b")
    };
    let spec = |fields| To::Put(spec(&fields));
    for (bad, wanted) in [
        (put("b", "x"), &["changes[1].spec.path"][..]),
        (put("NO", "/b"), &["changes[1].name"]),
        (change("NO", To::Delete(())), &["changes[1].name"]),
        (unknown, &["changes[1].kind"]),
        (empty, &["changes[1]"]),
        (
            change(
                "b",
                spec(json!({"path": "x", "service": "s", "timeout_ms": 0.5})),
            ),
            &["changes[1].spec.path", "changes[1].spec.timeout_ms"],
        ),
        (
            change("b", spec(json!({"name": "c", "path": "/b"}))),
            &["changes[1].name"],
        ),
        (
            change(
                "b",
                spec(json!({"path": "/b", "timeout_ms": f64::MAX, "service": "s"})),
            ),
            &["changes[1].spec.timeout_ms"],
        ),
    ] {
        let refused = client.apply(admin(of(bad.clone()))).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{bad:?}");
        assert_eq!(fields(&refused), wanted, "{bad:?}");
    }
    assert!(channels(&plane).await.is_empty(), "nothing of it was done");
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names() {
    let (plane, _folder) = Plane::new().await;
    let mut client = client(&plane).await;
    client
        .apply(admin(apply(vec![put("a", "/a")])))
        .await
        .unwrap();
    let update = |fields: Value, paths: &[&str]| proto::UpdateObjectRequest {
        kind: "channels".into(),
        name: "a".into(),
        etag: "*".into(),
        spec: Some(spec(&fields)),
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..Default::default()
    };
    let given = json!({"timeout_ms": 7, "method": "GET"});
    for (paths, timeout_ms, method) in [
        (&["timeout_ms"][..], 7, ""),
        (&["method", "path"], 7, "GET"),
        (&["data_format", "timeout_ms"], 7, "GET"),
    ] {
        let mut asked = update(given.clone(), paths);
        // Needed, so it cannot go back to a default: it has to be given.
        asked
            .spec
            .as_mut()
            .unwrap()
            .fields
            .extend(spec(&json!({"path": "/a"})).fields);
        client.update(admin(asked)).await.unwrap();
        let shown = plane.call("GET /api/v1/channels/a", Value::Null).await.body;
        assert_eq!(
            (&shown["timeout_ms"], &shown["method"]),
            (&json!(timeout_ms), &json!(method))
        );
    }
    client
        .update(admin(update(json!({}), &["timeout_ms"])))
        .await
        .unwrap();
    let shown = plane.call("GET /api/v1/channels/a", Value::Null).await.body;
    assert_eq!(
        (&shown["timeout_ms"], &shown["method"]),
        (&json!(30_000), &json!("GET"))
    );
    for (bad, field) in [
        (&["pth"][..], "update_mask"),
        (&["*", "path"], "update_mask"),
        (&["name"], "update_mask"),
        (&["path"], "spec.path"),
    ] {
        let refused = client
            .update(admin(update(json!({}), bad)))
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code(), fields(&refused)),
            (Code::InvalidArgument, vec![field.to_owned()])
        );
    }
    let renamed = proto::UpdateObjectRequest {
        rename_to: "b".into(),
        ..update(json!({}), &["*"])
    };
    let renamed = client.update(admin(renamed)).await.unwrap().into_inner();
    assert_eq!(renamed.object.unwrap().name, "b");
    assert_eq!(channels(&plane).await, ["b /a"]);
}

#[tokio::test]
async fn keys_are_refused_where_they_would_mean_nothing() {
    let (plane, _folder) = Plane::new().await;
    let mut client = client(&plane).await;
    let keyed = || {
        Some(proto::ChangeOptions {
            idempotency_key: "k".into(),
            ..Default::default()
        })
    };
    let set = proto::ApplyObjectsRequest {
        options: keyed(),
        ..apply(vec![put("a", "/a")])
    };
    let first = client.apply(admin(set.clone())).await.unwrap().into_inner();
    client
        .apply(admin(apply(vec![put("b", "/b")])))
        .await
        .unwrap();
    let again = client.apply(admin(set)).await.unwrap().into_inner();
    assert_eq!(again.generation, first.generation, "it was done once");
    let delete = proto::DeleteObjectRequest {
        kind: "channel".into(),
        name: "a".into(),
        etag: "*".into(),
        options: keyed(),
    };
    let refused = client.delete(admin(delete)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["options.idempotency_key"]);
    assert_eq!(channels(&plane).await, ["a /a", "b /b"]);
}

#[tokio::test]
async fn a_kind_that_does_not_exist_is_told_with_those_that_do() {
    let (plane, _folder) = Plane::new().await;
    let mut client = client(&plane).await;
    let asked = proto::ListObjectsRequest {
        kind: "nonsense".into(),
        ..Default::default()
    };
    let refused = client.list(admin(asked)).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["kind".to_owned()])
    );
    assert!(refused.message().contains("channel"), "{refused:?}");
}

#[tokio::test]
async fn whoever_was_too_late_is_told_the_newest_etag() {
    let (plane, _folder) = Plane::new().await;
    let mut client = client(&plane).await;
    let made = client
        .apply(admin(apply(vec![put("a", "/a")])))
        .await
        .unwrap()
        .into_inner();
    let newest = made.objects[0].after.as_ref().unwrap().etag.clone();
    let delete = |etag: &str| {
        admin(proto::DeleteObjectRequest {
            kind: "channel".into(),
            name: "a".into(),
            etag: etag.into(),
            options: None,
        })
    };
    let missing = client.delete(delete("")).await.unwrap_err();
    assert_eq!(
        (missing.code(), &*reason(&missing)),
        (Code::FailedPrecondition, "PRECONDITION_REQUIRED")
    );
    let stale = client.delete(delete("\"1\"")).await.unwrap_err();
    assert_eq!((stale.code(), &*reason(&stale)), (Code::Aborted, "STALE"));
    assert_eq!(
        stale.get_details_error_info().unwrap().metadata["etag"],
        newest
    );
    client.delete(delete(&newest)).await.unwrap();
}
