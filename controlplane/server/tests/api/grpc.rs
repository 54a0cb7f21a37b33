//! The gRPC face as its clients meet it: over HTTP/2, on the port of REST.

use std::time::Duration;

use bascule_proto::admin::v1 as proto;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use proto::generations_client::GenerationsClient;
use proto::objects_client::ObjectsClient;
use proto::packages_client::PackagesClient;
use proto::services_client::ServicesClient;
use serde_json::{Value, json};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1 as reflection;
use tonic_types::StatusExt as _;

use crate::plane::{ADMIN, Plane, answer, request};

pub(crate) async fn connect(plane: &Plane) -> Channel {
    let address = plane.serve().await;
    let endpoint = Endpoint::from_shared(address).unwrap();
    endpoint.connect().await.unwrap()
}

/// With the admin token.
pub(crate) fn admin<T>(message: T) -> Request<T> {
    with_token(message, &format!("Bearer {ADMIN}"))
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(token).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// Calls a method by its path alone, with an empty message.
async fn call(channel: &Channel, path: &str, request: Request<()>) -> Result<Response<()>, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::try_from(path).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    client.unary(request, path, codec).await
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

/// Every method that is served, as the descriptors have it.
fn methods() -> Vec<String> {
    let sets = [
        proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        reflection::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut paths = Vec::new();
    for set in sets {
        for file in FileDescriptorSet::decode(set).unwrap().file {
            for service in &file.service {
                for method in &service.method {
                    let (service, method) = (service.name(), method.name());
                    paths.push(format!("/{}.{service}/{method}", file.package()));
                }
            }
        }
    }
    paths
}

#[tokio::test]
async fn every_method_but_the_health_check_needs_the_token() {
    let (plane, _folder) = Plane::new().await;
    let channel = connect(&plane).await;
    let methods = methods();
    assert!(methods.len() >= 30, "{methods:?}");
    let mut open = Vec::new();
    for path in &methods {
        let bare = call(&channel, path, Request::new(())).await;
        let Err(refused) = bare else {
            open.push(path.as_str());
            continue;
        };
        assert_eq!(refused.code(), Code::Unauthenticated, "{path}");
        for wrong in [
            "Bearer bsc_wrong",
            "Bearer ",
            "Basic YWRtaW46YWRtaW4=",
            ADMIN,
        ] {
            let refused = call(&channel, path, with_token((), wrong))
                .await
                .unwrap_err();
            assert_eq!(refused.code(), Code::Unauthenticated, "{path}");
        }
        // A session is for browsers.
        let code = plane.access.setup_code().unwrap();
        let opened = request("POST /api/v1/session").header("content-type", "application/json");
        let body = json!({"code": code.expose()}).to_string();
        let opened = answer(plane.send(opened.body(body.into()).unwrap()).await).await;
        let cookie = opened
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let mut with_cookie = Request::new(());
        with_cookie
            .metadata_mut()
            .insert("cookie", cookie.parse().unwrap());
        let refused = call(&channel, path, with_cookie).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{path}");
    }
    assert_eq!(open, ["/grpc.health.v1.Health/Check"]);
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_told_to_those_who_are_let_in() {
    let (plane, _folder) = Plane::new().await;
    let channel = connect(&plane).await;
    for path in [
        "/bascule.admin.v1.Objects/Explode",
        "/bascule.config.v1.NodeConfig/Session",
        "/api/v1/nodes",
    ] {
        let bare = call(&channel, path, Request::new(())).await.unwrap_err();
        assert_eq!(bare.code(), Code::Unauthenticated, "{path}");
        let unknown = call(&channel, path, admin(())).await.unwrap_err();
        assert_eq!(unknown.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let (plane, _folder) = Plane::new().await;
    let address = plane.serve().await;
    let endpoint = Endpoint::from_shared(address).unwrap();
    let endpoint = endpoint.origin("http://evil.example:8081".parse().unwrap());
    let channel = endpoint.connect().await.unwrap();
    let path = "/grpc.health.v1.Health/Check";
    let refused = call(&channel, path, admin(())).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::PermissionDenied, "HOST")
    );
}

#[tokio::test]
async fn grpc_over_http_1_is_told_what_it_needs() {
    let (plane, _folder) = Plane::new().await;
    let call = request("POST /bascule.admin.v1.Objects/List")
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("content-type", "application/grpc");
    let refused = answer(plane.send(call.body(Vec::new().into()).unwrap()).await).await;
    refused.expect(505).detail_has("HTTP/2");
}

#[tokio::test]
async fn the_correlation_id_comes_back_and_stands_in_no_browsers_header() {
    let (plane, _folder) = Plane::new().await;
    let channel = connect(&plane).await;
    let mut asked = admin(());
    asked
        .metadata_mut()
        .insert("x-request-id", "my-cid.1".parse().unwrap());
    let path = "/bascule.admin.v1.Clusters/Get";
    let answered = call(&channel, path, asked).await.unwrap();
    assert_eq!(answered.metadata().get("x-request-id").unwrap(), "my-cid.1");
    assert!(answered.metadata().get("content-security-policy").is_none());
    let refused = call(&channel, path, Request::new(())).await.unwrap_err();
    let made = refused.metadata().get("x-request-id").unwrap();
    assert_eq!(made.len(), 32, "{made:?}");
}

#[tokio::test]
async fn health_is_that_of_the_odb() {
    let (plane, _folder) = Plane::new().await;
    let mut client = HealthClient::new(connect(&plane).await);
    let asked = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    for service in ["", "bascule.admin.v1.Objects"] {
        let answered = client.check(asked(service)).await.unwrap().into_inner();
        assert_eq!(answered.status(), ServingStatus::Serving);
    }
    let unknown = client.check(asked("a.b.C")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let mut watched = client.watch(admin(asked(""))).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    plane.odb.close().await;
    let answered = client.check(asked("")).await.unwrap().into_inner();
    assert_eq!(answered.status(), ServingStatus::NotServing);
    let next = watched.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    plane.stop();
    while let Some(last) = watched.message().await.unwrap() {
        assert_eq!(last.status(), ServingStatus::NotServing);
    }
}

#[tokio::test]
async fn reflection_describes_what_is_served() {
    use reflection::server_reflection_client::ServerReflectionClient;
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;
    let (plane, _folder) = Plane::new().await;
    let channel = connect(&plane).await;
    let mut client = ServerReflectionClient::new(channel);
    let mut ask = async |asked: MessageRequest| {
        let asked = reflection::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(asked),
        };
        let answers = client
            .server_reflection_info(admin(tokio_stream::once(asked)))
            .await;
        let answered = answers
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap()
            .unwrap();
        answered.message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(services) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list of services was due");
    };
    let names: Vec<_> = services
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for served in [
        "bascule.admin.v1.Objects",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ] {
        assert!(
            names.iter().any(|name| name == served),
            "{served} is not in {names:?}"
        );
    }
    let symbol = MessageRequest::FileContainingSymbol("bascule.admin.v1.Objects.Apply".into());
    let MessageResponse::FileDescriptorResponse(files) = ask(symbol).await else {
        panic!("a file was due");
    };
    assert!(!files.file_descriptor_proto.is_empty());
}

fn create(
    name: &str,
    options: Option<proto::ChangeOptions>,
) -> Request<proto::CreateObjectRequest> {
    let text = |text: &str| prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue(text.to_owned())),
    };
    let fields = [
        ("path", text(&format!("/{name}"))),
        ("service", text("bascule.echo")),
    ];
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    admin(proto::CreateObjectRequest {
        kind: "channel".into(),
        name: name.into(),
        spec: Some(prost_types::Struct {
            fields: fields.collect(),
        }),
        options,
    })
}

#[tokio::test]
async fn deadlines_are_honoured_and_waits_fit_into_them() {
    use crate::fake_node::{FakeNode, Manner};
    let (plane, _folder) = Plane::new().await;
    let _mute = FakeNode::connect(&plane, "mute").await.run(Manner::Mute);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["connected"] == 1)
        .await;
    let mut client = ObjectsClient::new(connect(&plane).await);
    let mut bad = create("a", None);
    bad.metadata_mut()
        .insert("grpc-timeout", "soon".parse().unwrap());
    let refused = client.create(bad).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let violations = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "grpc-timeout");

    // The node never answers: a wait of a minute has to end with what the deadline leaves.
    let options = proto::ChangeOptions {
        wait: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        ..Default::default()
    };
    let mut patient = create("a", Some(options));
    patient.set_timeout(Duration::from_secs(2));
    let made = client.create(patient).await.unwrap().into_inner();
    let applied = made.applied.unwrap();
    assert!(applied.timed_out && !applied.complete);
    assert_eq!(applied.nodes[0].state(), proto::ApplyState::Pending);

    // The server ends a call by itself, whatever the client's own timer does.
    let late = proto::InvokeServiceRequest {
        name: "bascule.echo".into(),
        ..Default::default()
    };
    let late = raw(&plane, "Services/Invoke", "1m", &late).await;
    assert_eq!(late.headers()["grpc-status"], "4");
}

/// A call without a client, whose own timer would end it.
pub(crate) async fn raw(
    plane: &Plane,
    method: &str,
    timeout: &str,
    message: &impl prost::Message,
) -> axum::response::Response {
    let mut body = vec![0];
    body.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    body.extend(message.encode_to_vec());
    let call = request(&format!("POST /bascule.admin.v1.{method}"))
        .version(axum::http::Version::HTTP_2)
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", timeout);
    plane.send(call.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn messages_have_limits() {
    let (plane, _folder) = Plane::new().await;
    let channel = connect(&plane).await;
    let mut generations = GenerationsClient::new(channel.clone());
    let large = proto::ListGenerationsRequest {
        page_size: 1,
        page_token: "a".repeat(70_000),
    };
    let refused = generations.list(admin(large)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "tonic's own");
    let mut packages = PackagesClient::new(channel.clone());
    let large = proto::DeployPackageRequest {
        file: "a.py".into(),
        content: vec![b'#'; 4 * 1024 * 1024 + 1].into(),
        options: None,
    };
    let refused = packages.deploy(admin(large)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let mut services = ServicesClient::new(channel.clone());
    let large = proto::InvokeServiceRequest {
        name: "bascule.echo".into(),
        body: vec![0; 3 * 1024 * 1024 + 1].into(),
        ..Default::default()
    };
    let refused = services.invoke(admin(large)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let mut objects = ObjectsClient::new(channel);
    let mut large = create("a", None);
    let spec = large.get_mut().spec.as_mut().unwrap();
    let text = prost_types::value::Kind::StringValue("x".repeat(1_100_000));
    spec.fields
        .insert("path".into(), prost_types::Value { kind: Some(text) });
    let refused = objects.create(large).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let many = proto::ApplyObjectsRequest {
        changes: vec![proto::ObjectChange::default(); 10_001],
        options: None,
    };
    let refused = objects.apply(admin(many)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        plane.call("GET /api/v1/channels", Value::Null).await.body["items"],
        json!([])
    );
}
