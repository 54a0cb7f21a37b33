//! What bad input gets: each status that the API promises.

use axum::body::Body;
use serde_json::{Value, json};

use crate::plane::{ADMIN, Plane, answer, request};

fn channel(name: &str, path: &str) -> Value {
    json!({"name": name, "path": path, "service": "bascule.echo"})
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let (plane, _folder) = Plane::new().await;
    let refused = plane
        .call("PUT /api/v1/cluster", Value::Null)
        .await
        .expect(405);
    assert!(refused.header("allow").contains("GET"));
    let refused = plane
        .call("POST /api/v1/nodes/x", Value::Null)
        .await
        .expect(405);
    assert!(refused.header("allow").contains("PATCH"));
    plane
        .call("POST /api/v1/nodes/x:explode", Value::Null)
        .await
        .expect(405);
    plane.call("POST /some/page", Value::Null).await.expect(405);
}

#[tokio::test]
async fn what_does_not_exist_is_404() {
    let (plane, _folder) = Plane::new().await;
    let id = "0".repeat(64);
    for path in [
        "nodes/x",
        "services/x",
        "channels/x",
        "generations/99",
        "failures/x",
        &format!("packages/{id}"),
        &format!("packages/{id}/source"),
    ] {
        plane
            .call(&format!("GET /api/v1/{path}"), Value::Null)
            .await
            .expect(404);
    }
    plane
        .call("GET /assets/missing.js", Value::Null)
        .await
        .expect(404);
}

#[tokio::test]
async fn bad_json_is_told_with_its_place() {
    let (plane, _folder) = Plane::new().await;
    let post = async |body: &'static str, content_type: &str| {
        let request = request("POST /api/v1/channels")
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", content_type);
        answer(plane.send(request.body(Body::from(body)).unwrap()).await).await
    };
    let json = "application/json";
    let syntax = post("{\"name\": \"a\",\n oops}", json).await.expect(400);
    assert_eq!(syntax.body["errors"][0]["pointer"], "line 2 column 2");
    post("", json).await.expect(400);
    post("{} trailing", json).await.expect(400);
    let kind = post("{\"name\":1}", json).await.expect(400);
    let errors = kind.body["errors"].as_array().unwrap();
    assert!(errors.iter().any(|error| error["pointer"] == "/name"));
    let unknown = post("{\"nmae\":\"a\"}", json).await.expect(400);
    assert_eq!(unknown.body["errors"][0]["pointer"], "/nmae");
    post("{}", "text/plain").await.expect(415);
    let large = Box::leak(" ".repeat(1_100_000).into_boxed_str());
    post(large, json).await.expect(413);
}

#[tokio::test]
async fn every_bad_field_has_its_pointer() {
    let (plane, _folder) = Plane::new().await;
    let bad = json!({"name": "A", "path": "x", "service": "bascule.echo", "timeout_ms": 0});
    let refused = plane.call("POST /api/v1/channels", bad).await.expect(400);
    let pointers: Vec<_> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["pointer"])
        .collect();
    assert_eq!(pointers, ["/path", "/timeout_ms", "/name"]);
    let unknown = json!({"name": "a", "path": "/a", "service": "nobody"});
    let refused = plane
        .call("POST /api/v1/channels", unknown)
        .await
        .expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/service");
    for query in [
        "page_size=0",
        "page_size=1001",
        "page_token=xyz",
        "page_size=many",
    ] {
        plane
            .call(&format!("GET /api/v1/channels?{query}"), Value::Null)
            .await
            .expect(400);
    }
    for query in [
        "wait=forever",
        "wait=applied&timeout=1h",
        "wait=applied&timeout=61s",
    ] {
        let what = format!("POST /api/v1/channels?{query}");
        plane.call(&what, channel("a", "/a")).await.expect(400);
    }
    let nobody = plane
        .call("GET /api/v1/channels", Value::Null)
        .await
        .expect(200);
    assert_eq!(nobody.body["items"], json!([]), "nothing of it was done");
}

#[tokio::test]
async fn a_taken_pattern_names_the_other_channel() {
    let (plane, _folder) = Plane::new().await;
    plane
        .call("POST /api/v1/channels", channel("first", "/a/{x}"))
        .await
        .expect(201);
    let second = plane
        .call("POST /api/v1/channels", channel("second", "/a/{y}"))
        .await;
    second.expect(409).detail_has("first");
    plane
        .call("POST /api/v1/channels", channel("first", "/b"))
        .await
        .expect(409);
    let ping = plane
        .call("POST /api/v1/channels", channel("p", "/zato/ping"))
        .await;
    ping.expect(409).detail_has("channel bascule.ping");
    let named = plane
        .call("POST /api/v1/channels", channel("bascule.ping", "/b"))
        .await;
    assert_eq!(named.expect(400).body["errors"][0]["pointer"], "/name");
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_seen() {
    let (plane, _folder) = Plane::new().await;
    plane
        .call("POST /api/v1/channels", channel("a", "/a"))
        .await
        .expect(201);
    let shown = plane
        .call("GET /api/v1/channels/a", Value::Null)
        .await
        .expect(200);
    let etag = shown.header("etag").to_owned();
    assert_eq!(shown.body["etag"], etag);
    let one = "PATCH /api/v1/channels/a";
    let patch = || json!({"timeout_ms": 7});
    plane.call(one, patch()).await.expect(428);
    let seen = [("if-match", etag.as_str())];
    let changed = plane.call_with(one, &seen, patch()).await.expect(200);
    assert_eq!(changed.body["channel"]["timeout_ms"], 7);
    assert_eq!(changed.body["channel"]["path"], "/a", "the rest stays");
    for what in [one, "PUT /api/v1/channels/a", "DELETE /api/v1/channels/a"] {
        let body = if what.starts_with("PUT") {
            channel("a", "/b")
        } else {
            patch()
        };
        plane.call(what, body.clone()).await.expect(428);
        let stale = plane.call_with(what, &seen, body).await.expect(412);
        assert_eq!(stale.body["current"]["timeout_ms"], 7, "{what}");
        assert_eq!(stale.body["etag"], changed.header("etag"));
        assert_eq!(stale.header("etag"), changed.header("etag"));
    }
    plane
        .call_with(one, &[("if-match", "\"garbage\"")], patch())
        .await
        .expect(412);
    let current = changed.header("etag");
    let delete = "DELETE /api/v1/channels/a";
    plane
        .call_with(delete, &[("if-match", current)], Value::Null)
        .await
        .expect(200);
    plane
        .call("GET /api/v1/channels/a", Value::Null)
        .await
        .expect(404);
    let anew = plane
        .call("POST /api/v1/channels", channel("a", "/a"))
        .await;
    let anew = anew.expect(201);
    for old in [etag.as_str(), current] {
        let stale = plane.call_with(one, &[("if-match", old)], patch()).await;
        assert_eq!(stale.expect(412).header("etag"), anew.header("etag"));
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let (plane, _folder) = Plane::new().await;
    for number in 0..5 {
        let made = channel(&format!("c{number}"), &format!("/c{number}"));
        plane.call("POST /api/v1/channels", made).await.expect(201);
    }
    for (list, key) in [
        ("channels", "name"),
        ("generations", "number"),
        ("audit", "id"),
    ] {
        let all = plane
            .call(&format!("GET /api/v1/{list}"), Value::Null)
            .await
            .expect(200)
            .body;
        let mut paged = Vec::new();
        let mut token = String::new();
        loop {
            let what = format!("GET /api/v1/{list}?page_size=2{token}");
            let page = plane.call(&what, Value::Null).await.expect(200).body;
            paged.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item[key].clone()),
            );
            let Some(next) = page["next_page_token"].as_str() else {
                break;
            };
            token = format!("&page_token={next}");
        }
        let whole: Vec<_> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[key].clone())
            .collect();
        assert_eq!(paged, whole, "{list}");
    }
}

#[tokio::test]
async fn packages_have_names_and_limits() {
    let (plane, _folder) = Plane::new().await;
    for file in [
        "",
        "../etc/x.py",
        "x.txt",
        "%2Fetc%2Fx.py",
        "a%00.py",
        "2x.py",
    ] {
        let refused = plane.deploy(file, "service a", "").await.expect(400);
        assert_eq!(refused.body["errors"][0]["pointer"], "/file", "{file}");
    }
    plane.deploy("a.py", "", "").await.expect(400);
    plane
        .deploy("a.py", &"#".repeat(4 * 1024 * 1024 + 1), "")
        .await
        .expect(413);
}

#[tokio::test]
async fn nobody_to_invoke_on_is_503() {
    let (plane, _folder) = Plane::new().await;
    let refused = plane
        .call("POST /api/v1/services/bascule.echo:invoke", json!({}))
        .await;
    assert_eq!(refused.expect(503).header("retry-after"), "1");
    plane
        .call("POST /api/v1/services/nobody:invoke", json!({}))
        .await
        .expect(404);
}
