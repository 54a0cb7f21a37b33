//! "What a file says is what there is": one request, one generation, or nothing.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::fake_node::{FakeNode, Manner};
use crate::plane::{Answer, Plane};

fn channel(name: &str, path: &str) -> Value {
    json!({"name": name, "path": path, "service": "bascule.echo", "method": "GET"})
}

async fn apply(plane: &Plane, query: &str, channels: Value) -> Answer {
    let what = format!("POST /api/v1/config{query}");
    plane.call(&what, json!({"channels": channels})).await
}

async fn show(plane: &Plane) -> Answer {
    plane
        .call("GET /api/v1/config", Value::Null)
        .await
        .expect(200)
}

async fn generation(plane: &Plane) -> Value {
    let cluster = plane
        .call("GET /api/v1/cluster", Value::Null)
        .await
        .expect(200);
    cluster.body["generation"].clone()
}

fn names(document: &Value) -> Vec<&str> {
    let channels = document["channels"].as_array().unwrap().iter();
    channels.map(|one| one["name"].as_str().unwrap()).collect()
}

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["pointer"].as_str().unwrap())
        .collect()
}

fn effects(answer: &Answer) -> Vec<String> {
    let effects = answer.body["effects"].as_array().unwrap().iter();
    let text = |effect: &Value| {
        let part = |name: &str| effect[name].as_str().unwrap().to_owned();
        format!("{} {} {}", part("kind"), part("name"), part("text"))
    };
    effects.map(text).collect()
}

#[tokio::test]
async fn what_is_read_can_be_written_and_changes_nothing() {
    let (plane, _folder) = Plane::new().await;
    let wanted = json!([channel("b", "/b"), channel("a", "/a/{x}")]);
    let made = apply(&plane, "", wanted).await.expect(200);
    assert_eq!(made.body["items"].as_array().unwrap().len(), 2);

    let shown = show(&plane).await;
    assert_eq!(names(&shown.body), ["a", "b"]);
    for own in ["id", "etag", "created_at", "changed_at", "secrets_set"] {
        assert_eq!(shown.body["channels"][0][own], Value::Null, "{own}");
    }
    let again = plane
        .call("POST /api/v1/config", shown.body.clone())
        .await
        .expect(200);
    assert_eq!(again.body["items"], json!([]));
    assert_eq!(again.body["effects"], json!([]));
    assert_eq!(again.body["generation"], made.body["generation"]);
    let tag = format!("\"{}\"", made.body["generation"]);
    assert_eq!(shown.header("etag"), tag);
}

#[tokio::test]
async fn all_of_it_is_one_generation_and_every_difference_is_told() {
    let (plane, _folder) = Plane::new().await;
    apply(&plane, "", json!([channel("a", "/a"), channel("b", "/b")]))
        .await
        .expect(200);
    let before = generation(&plane).await.as_u64().unwrap();

    let mut a = channel("a", "/a");
    a["service"] = "bascule.ping".into();
    a["timeout_ms"] = 5.into();
    let changed = apply(&plane, "", json!([a, channel("c", "/c")]))
        .await
        .expect(200);
    assert_eq!(changed.body["generation"], before + 1);
    let items = changed.body["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["change"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("a", "changed"), ("c", "created")]);
    let fields = json!([
        {"pointer": "/service", "before": "bascule.echo", "after": "bascule.ping"},
        {"pointer": "/timeout_ms", "before": 30_000, "after": 5},
    ]);
    assert_eq!(items[0]["fields"], fields);
    assert_eq!(
        effects(&changed),
        ["channel a service is bascule.ping instead of bascule.echo"]
    );
    // What is not mentioned stays.
    assert_eq!(names(&show(&plane).await.body), ["a", "b", "c"]);
    let what = format!("GET /api/v1/generations/{}/diff", before + 1);
    let diff = plane.call(&what, Value::Null).await.expect(200);
    assert_eq!(diff.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn one_bad_object_keeps_all_out_and_every_fault_has_its_place() {
    let (plane, _folder) = Plane::new().await;
    let before = generation(&plane).await;
    let mut late = channel("late", "/late");
    late["timeot_ms"] = 5.into();
    late["timeout_ms"] = 0.into();
    let wanted = json!([
        channel("good", "/good"),
        channel("bad", "no slash"),
        late,
        {}
    ]);
    let refused = apply(&plane, "", wanted).await.expect(400);
    let wanted = [
        "/channels/1/path",
        "/channels/2/timeot_ms",
        "/channels/2/timeout_ms",
        "/channels/3/path",
        "/channels/3/service",
        "/channels/3/name",
    ];
    assert_eq!(pointers(&refused), wanted);
    assert!(
        refused.body["errors"][1]["detail"]
            .as_str()
            .unwrap()
            .contains("timeout_ms?")
    );
    assert!(names(&show(&plane).await.body).is_empty());
    assert_eq!(generation(&plane).await, before);
}

#[tokio::test]
async fn what_does_not_fit_what_there_is_has_its_place_too() {
    let (plane, _folder) = Plane::new().await;
    apply(&plane, "", json!([channel("old", "/old")]))
        .await
        .expect(200);
    let mut lost = channel("lost", "/lost");
    lost["service"] = "not.there".into();
    let mut gone = channel("gone", "/gone");
    gone["service"] = "not.here".into();
    let both = json!([channel("good", "/good"), lost, gone]);
    let dangling = apply(&plane, "", both).await.expect(422);
    assert_eq!(
        pointers(&dangling),
        ["/channels/1/service", "/channels/2/service"]
    );

    let wanted = json!([channel("x", "/x"), channel("y", "/old"), channel("z", "/x")]);
    let taken = apply(&plane, "", wanted).await.expect(409);
    assert_eq!(pointers(&taken), ["/channels/1/path", "/channels/2/path"]);
    assert_eq!(names(&show(&plane).await.body), ["old"]);

    let twice = json!([channel("x", "/x"), channel("x", "/y")]);
    let twice = apply(&plane, "", twice).await.expect(400);
    assert_eq!(pointers(&twice), ["/channels/1/name"]);
}

#[tokio::test]
async fn paths_may_change_hands_within_one_change() {
    let (plane, _folder) = Plane::new().await;
    apply(&plane, "", json!([channel("a", "/a"), channel("b", "/b")]))
        .await
        .expect(200);
    let swapped = apply(&plane, "", json!([channel("a", "/b"), channel("b", "/a")]))
        .await
        .expect(200);
    let wanted = [
        "channel a no longer takes GET /a: b does",
        "channel b no longer takes GET /b: a does",
    ];
    assert_eq!(effects(&swapped), wanted);
}

#[tokio::test]
async fn pruning_takes_away_inside_its_scope_alone() {
    let (plane, _folder) = Plane::new().await;
    let three = json!([
        channel("crm.a", "/a"),
        channel("crm.b", "/b"),
        channel("erp.c", "/c")
    ]);
    apply(&plane, "", three).await.expect(200);
    let wanted = json!([channel("crm.a", "/a")]);

    let dry = apply(
        &plane,
        "?dry_run=true&prune=true&scope=crm.",
        wanted.clone(),
    )
    .await
    .expect(200);
    assert_eq!(dry.body["is_dry_run"], true);
    assert_eq!(dry.header("etag"), show(&plane).await.header("etag"));
    assert_eq!(
        (
            &dry.body["items"][0]["name"],
            &dry.body["items"][0]["change"]
        ),
        (&json!("crm.b"), &json!("deleted"))
    );
    assert_eq!(
        effects(&dry),
        [
            "channel crm.b goes away",
            "channel crm.b no longer takes GET /b"
        ]
    );
    assert_eq!(names(&show(&plane).await.body), ["crm.a", "crm.b", "erp.c"]);

    apply(&plane, "?prune=true&scope=crm.", wanted.clone())
        .await
        .expect(200);
    assert_eq!(names(&show(&plane).await.body), ["crm.a", "erp.c"]);
    apply(&plane, "?prune=true&scope=*", wanted)
        .await
        .expect(200);
    assert_eq!(names(&show(&plane).await.body), ["crm.a"]);
}

#[tokio::test]
async fn a_scope_has_to_be_named() {
    let (plane, _folder) = Plane::new().await;
    for query in [
        "?prune=true",
        "?prune=true&scope=",
        "?scope=a",
        "?prune=yes&scope=a",
        "?dry_run=1",
        "?prun=true",
    ] {
        apply(&plane, query, json!([])).await.expect(400);
    }
}

#[tokio::test]
async fn who_has_seen_an_older_configuration_changes_nothing() {
    let (plane, _folder) = Plane::new().await;
    let seen = show(&plane).await.header("etag").to_owned();
    apply(&plane, "", json!([channel("a", "/a")]))
        .await
        .expect(200);
    let body = json!({"channels": [channel("b", "/b")]});
    let stale = plane
        .call_with("POST /api/v1/config", &[("if-match", &seen)], body.clone())
        .await;
    stale
        .expect(412)
        .detail_has("the configuration has been changed");
    assert_eq!(names(&show(&plane).await.body), ["a"]);
    let seen = show(&plane).await.header("etag").to_owned();
    plane
        .call_with("POST /api/v1/config", &[("if-match", &seen)], body)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_request_sent_twice_is_done_once() {
    let (plane, _folder) = Plane::new().await;
    let body = json!({"channels": [channel("a", "/a")]});
    let key = [("idempotency-key", "k")];
    let one = plane
        .call_with("POST /api/v1/config", &key, body.clone())
        .await
        .expect(200);
    let two = plane
        .call_with("POST /api/v1/config", &key, body)
        .await
        .expect(200);
    assert_eq!(one.body["generation"], two.body["generation"]);
    assert_eq!(two.body["items"], json!([]));
}

#[tokio::test]
async fn a_document_of_another_shape_is_refused_with_its_place() {
    let (plane, _folder) = Plane::new().await;
    for (body, pointer, detail) in [
        (json!({"chanels": []}), "/chanels", "channels?"),
        (json!({"channel": []}), "/channel", "channels?"),
        (json!({"channels": {}}), "/channels", "list"),
        (json!({"channels": [1]}), "/channels/0", "object"),
    ] {
        let refused = plane
            .call("POST /api/v1/config", body)
            .await
            .expect(400)
            .detail_has(detail);
        assert_eq!(pointers(&refused), [pointer]);
    }
    apply(&plane, "", Value::Null).await.expect(200);
}

#[tokio::test]
async fn waiting_tells_when_every_node_runs_it() {
    let (plane, _folder) = Plane::new().await;
    let _node = FakeNode::connect(&plane, "n1").await.run(Manner::Obedient);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["in_sync"] == 1)
        .await;
    let made = apply(&plane, "?wait=applied", json!([channel("a", "/a")]))
        .await
        .expect(200);
    assert_eq!(made.body["applied"]["complete"], true);
    assert_eq!(made.body["applied"]["generation"], made.body["generation"]);
}

#[tokio::test]
async fn the_tables_of_fields_are_told() {
    let (plane, _folder) = Plane::new().await;
    let kinds = plane
        .call("GET /api/v1/kinds", Value::Null)
        .await
        .expect(200)
        .body;
    let kinds = kinds["kinds"].as_array().unwrap();
    let channel = kinds.iter().find(|kind| kind["name"] == "channel").unwrap();
    assert_eq!(
        (&channel["plural"], &channel["names"]),
        (&json!("channels"), &json!("strict"))
    );
    let fields = channel["fields"].as_array().unwrap();
    let timeout = fields
        .iter()
        .find(|field| field["name"] == "timeout_ms")
        .unwrap();
    assert_eq!(
        (&timeout["presence"], &timeout["default"]),
        (&json!("default"), &json!(30_000))
    );
    assert_eq!(
        (&timeout["type"], &timeout["min"]),
        (&json!("integer"), &json!(1))
    );
}

/// How long it takes is printed, and asserted nowhere: `cargo nextest run … --no-capture`.
#[tokio::test]
async fn ten_thousand_channels_are_one_request() {
    let (plane, _folder) = Plane::new().await;
    let channels = |timeout_ms: i64| -> Value {
        let one = |index: i64| {
            let mut one = channel(
                &format!("load.c{index:05}"),
                &format!("/load/{index}/{{id}}"),
            );
            one["timeout_ms"] = timeout_ms.into();
            one["method"] = "".into();
            one
        };
        (0..10_000).map(one).collect()
    };
    for (what, query, timeout_ms, differences) in [
        ("made, dry", "?dry_run=true", 1_000, 10_000),
        ("made", "", 1_000, 10_000),
        ("the same", "", 1_000, 0),
        ("changed", "", 2_000, 10_000),
        ("taken away", "?prune=true&scope=load.", 0, 10_000),
    ] {
        let wanted = if timeout_ms == 0 {
            json!([])
        } else {
            channels(timeout_ms)
        };
        let bytes = wanted.to_string().len();
        let started = std::time::Instant::now();
        let answer = apply(&plane, query, wanted).await.expect(200);
        let took = started.elapsed();
        writeln!(std::io::stderr(), "{what}: {bytes} bytes in {took:?}").unwrap();
        assert_eq!(
            answer.body["items"].as_array().unwrap().len(),
            differences,
            "{what}"
        );
    }
}
