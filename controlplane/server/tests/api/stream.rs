//! Server-sent events: the state at once, deploys as they end.

use axum::body::BodyDataStream;
use axum::response::Response;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use crate::fake_node::{FakeNode, Manner};
use crate::plane::{ADMIN, PATIENCE, Plane, answer, request};

struct Listener(BodyDataStream, String);

async fn listen(plane: &Plane, last_seen: Option<&str>) -> Listener {
    let token = format!("Bearer {ADMIN}");
    let mut headers = vec![("authorization", token.as_str())];
    headers.extend(last_seen.map(|id| ("last-event-id", id)));
    listen_with(plane, &headers).await
}

async fn listen_with(plane: &Plane, headers: &[(&str, &str)]) -> Listener {
    let response = send(plane, "GET /api/v1/stream", headers, String::new()).await;
    assert_eq!(response.status(), 200);
    Listener(response.into_body().into_data_stream(), String::new())
}

async fn send(plane: &Plane, what: &str, headers: &[(&str, &str)], body: String) -> Response {
    let mut request = request(what);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    plane.send(request.body(body.into()).unwrap()).await
}

impl Listener {
    /// Name, id and data of the next event; `None` when the stream ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.1.clone().split_once("\n\n") {
                self.1 = rest.to_owned();
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .trim()
                };
                if field("data:").is_empty() {
                    continue;
                }
                let data = serde_json::from_str(field("data:")).unwrap();
                return Some((field("event:").to_owned(), field("id:").to_owned(), data));
            }
            let chunk = self.0.next().await?.unwrap();
            self.1.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn find(&mut self, name: &str) -> (String, Value) {
        loop {
            let (event, id, data) = self.next().await.expect("the stream goes on");
            if event == name {
                return (id, data);
            }
        }
    }
}

#[tokio::test]
async fn a_listener_sees_the_state_and_each_deploy_and_misses_none() {
    let (plane, _folder) = Plane::new().await;
    let _node = FakeNode::connect(&plane, "n1").await.run(Manner::Obedient);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["in_sync"] == 1)
        .await;
    let mut listener = listen(&plane, None).await;
    let (first_id, tick) = listener.find("tick").await;
    assert_eq!(tick["cluster"]["name"], "test");
    assert_eq!(tick["nodes"][0]["name"], "n1");
    assert!(tick["stats"]["total"]["requests_per_second"].is_number());

    plane.deploy("a.py", "service a.x", "").await.expect(200);
    let (_, deploy) = listener.find("deploy").await;
    assert_eq!(
        (
            deploy["outcome"].as_str(),
            deploy["package"]["file"].as_str()
        ),
        (Some("live"), Some("a.py"))
    );

    let mut late = listen(&plane, Some(&first_id)).await;
    let (_, missed) = late.find("deploy").await;
    assert_eq!(missed["package"]["file"], "a.py");
}

#[tokio::test]
async fn the_stream_ends_when_the_control_plane_stops() {
    let (plane, _folder) = Plane::new().await;
    let mut listener = listen(&plane, None).await;
    listener.find("tick").await;
    plane.stop();
    while listener.next().await.is_some() {}
}

#[tokio::test]
async fn the_stream_ends_with_the_session_that_opened_it() {
    let (plane, _folder) = Plane::new().await;
    let body = json!({"token": ADMIN}).to_string();
    let as_json = [("content-type", "application/json")];
    let opened = answer(send(&plane, "POST /api/v1/session", &as_json, body).await).await;
    let opened = opened.expect(204);
    let cookie = opened.header("set-cookie").split(';').next().unwrap();
    let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
    let mut listener = listen_with(&plane, &headers).await;
    listener.find("tick").await;
    // One that came with a token goes on.
    let mut other = listen(&plane, None).await;
    send(&plane, "DELETE /api/v1/session", &headers, String::new()).await;
    let ending = async { while listener.next().await.is_some() {} };
    let ended = tokio::time::timeout(PATIENCE, ending).await;
    assert!(ended.is_ok(), "the stream goes on after the log-out");
    other.find("tick").await;
    other.find("tick").await;
}
