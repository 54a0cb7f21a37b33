//! Following the history by gRPC.

use bascule_proto::admin::v1 as proto;
use proto::generations_client::GenerationsClient;
use proto::objects_client::ObjectsClient;
use serde_json::{Value, json};
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::grpc::{admin, connect, raw, reason};
use crate::plane::{PATIENCE, Plane};

struct Watched(Streaming<proto::WatchGenerationsResponse>);

async fn watch(plane: &Plane, after: u64) -> Watched {
    let mut client = GenerationsClient::new(connect(plane).await);
    let asked = proto::WatchGenerationsRequest { after };
    Watched(client.watch(admin(asked)).await.unwrap().into_inner())
}

impl Watched {
    async fn next(&mut self) -> Result<proto::WatchGenerationsResponse, Status> {
        let next = tokio::time::timeout(PATIENCE, self.0.message()).await;
        Ok(next
            .expect("nothing comes")?
            .expect("it ended without a reason"))
    }

    /// The status that ends it.
    async fn end(&mut self) -> (u64, Status) {
        let mut last = 0;
        loop {
            match self.next().await {
                Ok(message) => last = message.after,
                Err(status) => return (last, status),
            }
        }
    }
}

async fn create(plane: &Plane, name: &str) -> u64 {
    let body = json!({"name": name, "path": format!("/{name}"), "service": "bascule.echo"});
    let made = plane.call("POST /api/v1/channels", body).await.expect(201);
    made.body["generation"].as_u64().unwrap()
}

/// `created channel a`
fn shown(message: &proto::WatchGenerationsResponse) -> Vec<String> {
    let difference = |one: &proto::Difference| {
        let change = one
            .change()
            .as_str_name()
            .rsplit_once('_')
            .unwrap()
            .1
            .to_lowercase();
        format!("{change} {} {}", one.kind, one.name)
    };
    message.differences.iter().map(difference).collect()
}

#[tokio::test]
async fn each_generation_is_told_with_what_it_changed() {
    let (plane, _folder) = Plane::new().await;
    let first = create(&plane, "a").await;
    let mut watched = watch(&plane, 0).await;
    let start = watched.next().await.unwrap();
    assert_eq!(
        (start.after, start.generation),
        (first, None),
        "a sign of life"
    );
    let second = create(&plane, "b").await;
    let told = watched.next().await.unwrap();
    let generation = told.generation.clone().unwrap();
    assert_eq!((told.after, generation.number), (second, second));
    assert_eq!(
        (&*generation.who, &*generation.summary),
        ("admin", "channel.create channel b")
    );
    assert_eq!(shown(&told), ["created channel b"]);
    let field = told.differences[0]
        .fields
        .iter()
        .find(|field| field.pointer == "/path");
    let after = field.unwrap().after.as_ref().unwrap().kind.clone();
    assert_eq!(
        after,
        Some(prost_types::value::Kind::StringValue("/b".into()))
    );
    let seen = [("if-match", "*")];
    let gone = plane
        .call_with("DELETE /api/v1/channels/a", &seen, Value::Null)
        .await;
    gone.expect(200);
    assert_eq!(shown(&watched.next().await.unwrap()), ["deleted channel a"]);
}

#[tokio::test]
async fn a_watcher_goes_on_where_it_was() {
    let (plane, _folder) = Plane::new().await;
    let mut made = Vec::new();
    for number in 0..40 {
        made.push(create(&plane, &format!("c{number}")).await);
    }
    let mut watched = watch(&plane, made[0]).await;
    assert_eq!(watched.next().await.unwrap().after, made[0]);
    for (index, number) in made.iter().enumerate().skip(1) {
        let told = watched.next().await.unwrap();
        assert_eq!(told.after, *number);
        assert_eq!(shown(&told), [format!("created channel c{index}")]);
    }
}

#[tokio::test]
async fn what_is_not_kept_or_not_there_yet_has_to_begin_anew() {
    let (plane, _folder) = Plane::new().await;
    let newest = create(&plane, "a").await;
    let mut client = GenerationsClient::new(connect(&plane).await);
    let asked = proto::WatchGenerationsRequest { after: newest + 1 };
    let refused = client.watch(admin(asked)).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::OutOfRange, "NOT_KEPT")
    );
}

#[tokio::test]
async fn a_stop_ends_the_stream_with_where_to_go_on() {
    let (plane, _folder) = Plane::new().await;
    let newest = create(&plane, "a").await;
    let mut watched = watch(&plane, 0).await;
    watched.next().await.unwrap();
    plane.stop();
    let (_, end) = watched.end().await;
    assert_eq!(
        (end.code(), &*reason(&end)),
        (Code::Unavailable, "STOPPING")
    );
    let info = end.get_details_error_info().unwrap();
    assert_eq!(info.metadata["after"], newest.to_string());
}

#[tokio::test]
async fn a_deadline_ends_the_stream() {
    use http_body_util::BodyExt as _;
    let (plane, _folder) = Plane::new().await;
    let asked = proto::WatchGenerationsRequest { after: 0 };
    let watched = raw(&plane, "Generations/Watch", "50m", &asked).await;
    assert!(watched.headers().get("grpc-status").is_none(), "it begins");
    let body = tokio::time::timeout(PATIENCE, watched.into_body().collect()).await;
    let collected = body.expect("it does not end").unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "4");
}

/// Changes of twenty channels in one generation, whose differences are some 40 KiB.
fn large(number: u64) -> proto::ApplyObjectsRequest {
    let text = |text: String| prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue(text)),
    };
    let change = |channel: u64| {
        let path = format!("/{channel}/{number}/{}", "p".repeat(1_000));
        let fields = [
            ("path", text(path)),
            ("service", text("bascule.echo".into())),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        proto::ObjectChange {
            kind: "channel".into(),
            name: format!("c{channel}"),
            to: Some(proto::object_change::To::Put(prost_types::Struct {
                fields,
            })),
        }
    };
    proto::ApplyObjectsRequest {
        changes: (0..20).map(change).collect(),
        options: None,
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_ended_and_misses_nothing() {
    let (plane, _folder) = Plane::new().await;
    let first = create(&plane, "a").await;
    let endpoint = Endpoint::from_shared(plane.serve().await).unwrap();
    // The least that HTTP/2 allows to be on the way.
    let endpoint = endpoint.initial_stream_window_size(65_535);
    let channel = endpoint.connect().await.unwrap();
    let mut client = GenerationsClient::new(channel);
    let asked = proto::WatchGenerationsRequest { after: first };
    let mut watched = Watched(client.watch(admin(asked)).await.unwrap().into_inner());
    assert_eq!(watched.next().await.unwrap().after, first);
    // First what fills all buffers between us and the client, then as many as may be missed, and more.
    let mut objects = ObjectsClient::new(connect(&plane).await);
    for number in 0..40 {
        objects.apply(admin(large(number))).await.unwrap();
    }
    let mut newest = 0;
    for number in 0..300 {
        newest = create(&plane, &format!("n{number}")).await;
    }
    let (last, end) = watched.end().await;
    assert_eq!(
        (end.code(), &*reason(&end)),
        (Code::ResourceExhausted, "SLOW")
    );
    let after: u64 = end.get_details_error_info().unwrap().metadata["after"]
        .parse()
        .unwrap();
    assert_eq!(after, last, "what was queued is told before the end");
    assert!((first..newest).contains(&last));
    let mut again = watch(&plane, after).await;
    for number in after..=newest {
        assert_eq!(again.next().await.unwrap().after, number);
    }
}
