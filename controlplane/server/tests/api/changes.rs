//! Lists, dry runs, requests that are done once, generations compared and restored.

use serde_json::{Value, json};

use crate::plane::Plane;

fn channel(name: &str, path: &str) -> Value {
    json!({"name": name, "path": path, "service": "bascule.echo"})
}

#[tokio::test]
async fn a_list_is_filtered_ordered_and_paged_alike() {
    let (plane, _folder) = Plane::new().await;
    for (name, timeout) in [("a", 30), ("b", 10), ("c", 20), ("other", 5)] {
        let mut body = channel(name, &format!("/{name}"));
        body["timeout_ms"] = timeout.into();
        plane.call("POST /api/v1/channels", body).await.expect(201);
    }
    let names = async |query: &str| {
        let what = format!("GET /api/v1/channels?{query}");
        let page = plane.call(&what, Value::Null).await.expect(200).body;
        let items = page["items"].as_array().unwrap().clone();
        let names: Vec<_> = items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect();
        let token = page["next_page_token"].as_str().unwrap_or_default();
        (names.join(" "), token.to_owned())
    };
    assert_eq!(names("filter=timeout_ms%3E5ms").await.0, "a b c");
    assert_eq!(
        names("filter=NOT%20other&order_by=timeout_ms%20desc")
            .await
            .0,
        "a c b"
    );
    let query = "order_by=timeout_ms&page_size=3";
    let (first, token) = names(query).await;
    assert_eq!(first, "other b c");
    // What comes before the token's place meanwhile is not on the next page.
    let mut late = channel("late", "/late");
    late["timeout_ms"] = 1.into();
    plane.call("POST /api/v1/channels", late).await.expect(201);
    let (rest, token) = names(&format!("{query}&page_token={token}")).await;
    assert_eq!((rest.as_str(), token.as_str()), ("a", ""));
    for bad in [
        "filter=nmae:a",
        "order_by=size",
        "page_token=zz",
        "pgae_size=1",
        "filter=(",
    ] {
        let what = format!("GET /api/v1/channels?{bad}");
        plane.call(&what, Value::Null).await.expect(400);
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_key_does_once() {
    let (plane, _folder) = Plane::new().await;
    let make = "POST /api/v1/channels";
    let dry = plane
        .call("POST /api/v1/channels?dry_run=true", channel("a", "/a"))
        .await
        .expect(200);
    assert_eq!(dry.body["is_dry_run"], true);
    assert_eq!(dry.body["channel"]["path"], "/a");
    plane
        .call("GET /api/v1/channels/a", Value::Null)
        .await
        .expect(404);
    plane
        .call("POST /api/v1/channels?dry_run=perhaps", channel("a", "/a"))
        .await
        .expect(400);
    let key = [("idempotency-key", "k1"), ("bascule-why", "ticket 7")];
    let first = plane
        .call_with(make, &key, channel("a", "/a"))
        .await
        .expect(201);
    let again = plane
        .call_with(make, &key, channel("a", "/a"))
        .await
        .expect(201);
    assert_eq!(again.body["generation"], first.body["generation"]);
    assert_eq!(again.body["channel"]["id"], first.body["channel"]["id"]);
    plane
        .call_with(make, &key, channel("a", "/b"))
        .await
        .expect(422);
    let events = plane
        .call("GET /api/v1/audit", Value::Null)
        .await
        .expect(200);
    assert_eq!(events.body["items"][0]["why"], "ticket 7");
}

#[tokio::test]
async fn a_generation_is_compared_and_restored() {
    let (plane, _folder) = Plane::new().await;
    let made = plane
        .call("POST /api/v1/channels", channel("a", "/a"))
        .await
        .expect(201);
    let good = made.body["generation"].as_u64().unwrap();
    let seen = [("if-match", made.header("etag"))];
    plane
        .call_with("PATCH /api/v1/channels/a", &seen, json!({"timeout_ms": 7}))
        .await
        .expect(200);
    let diff = format!("GET /api/v1/generations/{}/diff", good + 1);
    let diff = plane.call(&diff, Value::Null).await.expect(200);
    let fields = json!([{"pointer": "/timeout_ms", "before": 30_000, "after": 7}]);
    assert_eq!(diff.body["items"][0]["fields"], fields);
    let restore = format!("POST /api/v1/generations/{good}/restore");
    let dry = plane
        .call(&format!("{restore}?dry_run=true"), Value::Null)
        .await;
    assert_eq!(dry.expect(200).body["items"][0]["name"], "a");
    let restored = plane.call(&restore, Value::Null).await.expect(200);
    assert_eq!(restored.body["generation"], good + 2);
    let shown = plane
        .call("GET /api/v1/channels/a", Value::Null)
        .await
        .expect(200);
    assert_eq!(shown.body["timeout_ms"], 30_000);
    plane
        .call("POST /api/v1/generations/99/restore", Value::Null)
        .await
        .expect(404);
}
