//! The door: who is let in, on every route.

use axum::body::Body;
use serde_json::{Value, json};

use crate::plane::{ADMIN, Answer, Plane, answer, request};

/// The routes that need no credentials; this list may only shrink.
const OPEN: [&str; 4] = [
    "GET /livez",
    "GET /readyz",
    "GET /version",
    "POST /api/v1/session",
];

/// `GET /path` of every documented operation, parameters filled in.
async fn operations(plane: &Plane) -> Vec<String> {
    let document = plane
        .call("GET /api/v1/openapi.json", Value::Null)
        .await
        .expect(200)
        .body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{id}", &"0".repeat(64))
            .replace("{number}", "1");
        let path = path.replace("{name}", "x").replace("{cid}", "x");
        for method in item.as_object().unwrap().keys() {
            operations.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    operations
}

async fn bare(plane: &Plane, what: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = request(what);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(plane.send(request.body(Body::empty()).unwrap()).await).await
}

#[tokio::test]
async fn every_documented_route_needs_credentials() {
    let (plane, _folder) = Plane::new().await;
    let operations = operations(&plane).await;
    assert!(operations.len() > 30, "{operations:?}");
    let mut open = Vec::new();
    for what in &operations {
        if OPEN.contains(&what.as_str()) {
            open.push(what.as_str());
            continue;
        }
        bare(&plane, what, &[]).await.expect(401);
        for wrong in [
            "Bearer bsc_wrong",
            "Bearer ",
            "Basic YWRtaW46YWRtaW4=",
            ADMIN,
        ] {
            bare(&plane, what, &[("authorization", wrong)])
                .await
                .expect(401);
        }
        bare(
            &plane,
            what,
            &[("cookie", "bascule_session_8081=bss_guess")],
        )
        .await
        .expect(401);
    }
    open.sort_unstable();
    assert_eq!(open, OPEN, "every open route is on the list");
}

#[tokio::test]
async fn every_documented_route_exists() {
    let (plane, _folder) = Plane::new().await;
    for what in operations(&plane).await {
        if what.ends_with("/stream") {
            continue;
        }
        let answer = plane.call(&what, Value::Null).await;
        assert_ne!(answer.status, 405, "{what}");
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(!detail.contains("there is nothing at"), "{what}");
    }
}

#[tokio::test]
async fn unknown_paths_of_the_api_are_closed_too() {
    let (plane, _folder) = Plane::new().await;
    bare(&plane, "GET /api/v1/nothing", &[]).await.expect(401);
    plane
        .call("GET /api/v1/nothing", Value::Null)
        .await
        .expect(404);
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_anything_else() {
    let (plane, _folder) = Plane::new().await;
    let request = axum::http::Request::get("/livez").header("host", "evil.example:8081");
    answer(plane.send(request.body(Body::empty()).unwrap()).await)
        .await
        .expect(421);
    let request = axum::http::Request::get("/livez");
    answer(plane.send(request.body(Body::empty()).unwrap()).await)
        .await
        .expect(421);
}

async fn log_in(plane: &Plane, body: Value) -> Answer {
    let request = request("POST /api/v1/session").header("content-type", "application/json");
    answer(
        plane
            .send(request.body(body.to_string().into()).unwrap())
            .await,
    )
    .await
}

fn cookie(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_setup_code_opens_one_session_whose_cookie_is_kept_close() {
    let (plane, _folder) = Plane::new().await;
    let code = plane.access.setup_code().unwrap();
    let opened = log_in(&plane, json!({"code": code.expose()}))
        .await
        .expect(204);
    let set = opened.header("set-cookie");
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    // Other ports of the host get no cookie of the console with what user code answers there.
    assert!(set.contains("; Path=/api/v1;"), "{set}");
    log_in(&plane, json!({"code": code.expose()}))
        .await
        .expect(401);
    log_in(&plane, json!({"token": "wrong"})).await.expect(401);
    log_in(&plane, json!({})).await.expect(400);

    let cookie = cookie(&opened);
    let shown = bare(&plane, "GET /api/v1/session", &[("cookie", &cookie)])
        .await
        .expect(200);
    assert_eq!(shown.body, json!({"user": "admin"}));
    let same = ("sec-fetch-site", "same-origin");
    bare(
        &plane,
        "DELETE /api/v1/session",
        &[("cookie", &cookie), same],
    )
    .await
    .expect(204);
    bare(&plane, "GET /api/v1/session", &[("cookie", &cookie)])
        .await
        .expect(401);
}

#[tokio::test]
async fn each_log_in_makes_a_new_session() {
    let (plane, _folder) = Plane::new().await;
    let first = log_in(&plane, json!({"token": ADMIN})).await.expect(204);
    let second = log_in(&plane, json!({"token": ADMIN})).await.expect(204);
    assert_ne!(cookie(&first), cookie(&second));
}

#[tokio::test]
async fn consoles_on_one_host_keep_their_sessions_apart() {
    let (plane, _folder) = Plane::new().await;
    let cookie = cookie(&log_in(&plane, json!({"token": ADMIN})).await);
    assert!(cookie.starts_with("bascule_session_8081="), "{cookie}");
    for (host, status) in [("127.0.0.1:8081", 200), ("127.0.0.1:9081", 401)] {
        let request = axum::http::Request::get("/api/v1/session")
            .header("host", host)
            .header("cookie", &cookie);
        answer(plane.send(request.body(Body::empty()).unwrap()).await)
            .await
            .expect(status);
    }
}

#[tokio::test]
async fn a_change_with_a_cookie_must_come_from_our_own_pages() {
    let (plane, _folder) = Plane::new().await;
    let cookie = cookie(&log_in(&plane, json!({"token": ADMIN})).await);
    let cookie = ("cookie", cookie.as_str());
    let what = "POST /api/v1/nodes/x:drain";
    for foreign in [
        None,
        Some(("sec-fetch-site", "cross-site")),
        Some(("sec-fetch-site", "same-site")),
        Some(("sec-fetch-site", "none")),
        Some(("origin", "http://evil.example")),
        Some(("origin", "http://127.0.0.1:9999")),
        Some(("origin", "null")),
    ] {
        let headers: Vec<_> = [Some(cookie), foreign].into_iter().flatten().collect();
        bare(&plane, what, &headers).await.expect(403);
    }
    for ours in [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://127.0.0.1:8081"),
    ] {
        bare(&plane, what, &[cookie, ours]).await.expect(404);
    }
    bare(&plane, "GET /api/v1/nodes", &[cookie])
        .await
        .expect(200);
}

#[tokio::test]
async fn a_foreign_page_cannot_log_anyone_in() {
    let (plane, _folder) = Plane::new().await;
    let request = request("POST /api/v1/session")
        .header("content-type", "application/json")
        .header("sec-fetch-site", "cross-site");
    let body = json!({"token": ADMIN}).to_string();
    answer(plane.send(request.body(body.into()).unwrap()).await)
        .await
        .expect(403);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (plane, _folder) = Plane::new().await;
    for what in [
        "GET /",
        "GET /livez",
        "GET /api/v1/cluster",
        "GET /api/v1/nothing",
    ] {
        let answer = bare(&plane, what, &[]).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{what}: {policy}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    }
}

#[tokio::test]
async fn an_id_of_the_caller_is_taken_when_nodes_would_take_it() {
    let (plane, _folder) = Plane::new().await;
    let longest = "x".repeat(64);
    for (given, is_taken) in [
        ("a-_.:+/=@Z9", true),
        (longest.as_str(), true),
        (&format!("{longest}x"), false),
        ("a b", false),
        ("a\"b", false),
    ] {
        let headers = [("x-request-id", given)];
        let answer = plane
            .call_with("GET /api/v1/cluster", &headers, Value::Null)
            .await;
        assert_eq!(answer.header("x-request-id") == given, is_taken, "{given}");
    }
}
