//! Jobs from the API to a node and back. The fake node answers every call with 418 and what it was sent, so
//! each run fails, and says with what.

use serde_json::{Value, json};

use crate::fake_node::{FakeNode, Manner};
use crate::plane::Plane;

fn every_second(name: &str) -> Value {
    json!({"name": name, "service": "bascule.echo", "type": "interval", "seconds": 1, "extra": "hello"})
}

fn outcomes(page: &Value, of: &str) -> usize {
    let items = page["items"].as_array().unwrap();
    let is = |item: &&Value| item["record"]["outcome"].get(of).is_some();
    items.iter().filter(is).count()
}

#[tokio::test]
async fn a_job_fires_on_a_node_and_its_history_says_so() {
    let (plane, _folder) = Plane::new().await;
    let node = FakeNode::connect(&plane, "n1").await;
    node.run(Manner::Obedient);
    plane
        .call("POST /api/v1/jobs", every_second("heartbeat"))
        .await
        .expect(201);
    let runs = plane
        .eventually("/api/v1/jobs/heartbeat/runs", |page| {
            outcomes(page, "failed") >= 2
        })
        .await;
    assert!(runs.to_string().contains("418 hello"), "{runs}");
    let status = plane
        .call("GET /api/v1/jobs/heartbeat/status", Value::Null)
        .await
        .expect(200);
    assert_eq!(status.body["next_fires"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_paused_job_runs_when_a_person_says_so() {
    let (plane, _folder) = Plane::new().await;
    let node = FakeNode::connect(&plane, "n1").await;
    node.run(Manner::Obedient);
    let yearly =
        json!({"name": "report", "service": "bascule.echo", "type": "cron", "cron": "@yearly"});
    plane.call("POST /api/v1/jobs", yearly).await.expect(201);
    plane
        .call("POST /api/v1/jobs/report/run", json!({"extra": "now"}))
        .await
        .expect(202);
    plane
        .eventually("/api/v1/jobs/report/runs", |page| {
            outcomes(page, "failed") == 1
        })
        .await;
    for ask in ["pause", "resume", "skip-next"] {
        let what = format!("POST /api/v1/jobs/report/{ask}");
        plane.call(&what, Value::Null).await.expect(202);
    }
    plane
        .call("POST /api/v1/jobs/nobody/run", json!({}))
        .await
        .expect(404);
    let events = plane
        .call("GET /api/v1/audit", Value::Null)
        .await
        .expect(200);
    assert_eq!(events.body["items"][0]["action"], "job.command");
}

#[tokio::test]
async fn what_never_fires_is_refused_before_it_is_saved() {
    let (plane, _folder) = Plane::new().await;
    let cron = |cron: &str, zone: &str| json!({"name": "j", "service": "bascule.echo", "type": "cron", "cron": cron, "time_zone": zone});
    for (bad, pointer) in [
        (cron("0 0 30 2 *", "UTC"), "/cron"),
        (cron("0 0 * * *", "Mars/Olympus"), "/time_zone"),
    ] {
        let refused = plane
            .call("POST /api/v1/jobs", bad.clone())
            .await
            .expect(400);
        assert_eq!(
            refused.body["errors"][0]["pointer"], pointer,
            "{}",
            refused.body
        );
        plane
            .call("POST /api/v1/job-preview", bad)
            .await
            .expect(400);
    }
    let preview = plane
        .call(
            "POST /api/v1/job-preview",
            cron("0 6 * * mon", "Europe/Berlin"),
        )
        .await
        .expect(200);
    assert_eq!(preview.body["next_fires"].as_array().unwrap().len(), 5);
}
