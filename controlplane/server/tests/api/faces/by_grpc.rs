//! The table's requests, put to gRPC.

mod change;

use std::collections::BTreeSet;

use bascule_proto::admin::v1 as proto;
use proto::audit_client::AuditClient;
use proto::clusters_client::ClustersClient;
use proto::generations_client::GenerationsClient;
use proto::nodes_client::NodesClient;
use proto::objects_client::ObjectsClient;
use proto::packages_client::PackagesClient;
use proto::services_client::ServicesClient;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Response, Status};
use tonic_types::StatusExt as _;

use super::ask::{Ask, Etag, How, Id, List, Page, Show, What};
use super::outcome::Outcome;
use super::shapes;
use crate::grpc::{admin, connect};
use crate::plane::Plane;

pub(crate) struct ByGrpc {
    channel: Channel,
    etag: String,
    next_page_token: String,
    package_id: String,
}

type Answered = Result<Value, Status>;

impl ByGrpc {
    pub(crate) async fn new(plane: &Plane) -> Self {
        Self {
            channel: connect(plane).await,
            etag: String::new(),
            next_page_token: String::new(),
            package_id: String::new(),
        }
    }

    pub(crate) async fn ask(&mut self, ask: &Ask) -> Outcome {
        let answered = match &ask.what {
            What::List(list, page) => self.list(*list, *page).await,
            What::Show(show) => self.show(*show).await,
            What::Diff { from, to } => {
                let asked = proto::DiffGenerationsRequest {
                    from: *from,
                    to: *to,
                };
                let answered = self.generations().diff(admin(asked)).await;
                told(answered, |answer| shapes::diff(&answer))
            }
            What::Invoke {
                name,
                body,
                timeout_ms,
            } => self.invoke(name, body, *timeout_ms).await,
            What::Create { .. }
            | What::Update { .. }
            | What::Replace { .. }
            | What::Delete { .. } => self.change_object(&ask.what, ask.how).await,
            what => self.change(what, ask.how).await,
        };
        match answered {
            Ok(value) => self.outcome(&ask.what, ask.how, value),
            Err(status) => error(&status),
        }
    }

    async fn list(&self, list: List, page: Page) -> Answered {
        let (page_size, page_token) = match page {
            Page::First => (0, String::new()),
            Page::Size(size) => (size, String::new()),
            Page::Next(size) => (size, self.next_page_token.clone()),
            Page::Token(token) => (0, token.to_owned()),
        };
        let channel = self.channel.clone();
        macro_rules! list {
            ($client:expr, $request:ident, $items:ident, $shape:expr) => {{
                let asked = proto::$request {
                    page_size,
                    page_token,
                };
                told($client.list(admin(asked)).await, |answer| {
                    shapes::page(answer.$items.iter().map($shape), &answer.next_page_token)
                })
            }};
        }
        match list {
            List::Objects(kind) => {
                let asked = proto::ListObjectsRequest {
                    kind: kind.to_owned(),
                    page_size,
                    page_token,
                };
                told(
                    ObjectsClient::new(channel).list(admin(asked)).await,
                    |answer| {
                        shapes::page(
                            answer.objects.iter().map(shapes::object),
                            &answer.next_page_token,
                        )
                    },
                )
            }
            List::Generations => {
                list!(
                    self.generations(),
                    ListGenerationsRequest,
                    generations,
                    shapes::generation
                )
            }
            List::Nodes => list!(self.nodes(), ListNodesRequest, nodes, shapes::node),
            List::Services => {
                list!(
                    ServicesClient::new(channel),
                    ListServicesRequest,
                    services,
                    shapes::service
                )
            }
            List::Packages => list!(
                self.packages(),
                ListPackagesRequest,
                packages,
                shapes::package
            ),
            List::Audit => list!(
                AuditClient::new(channel),
                ListAuditRequest,
                events,
                shapes::event
            ),
        }
    }

    async fn show(&self, show: Show) -> Answered {
        let channel = self.channel.clone();
        match show {
            Show::Cluster => {
                let asked = admin(proto::GetClusterRequest {});
                told(ClustersClient::new(channel).get(asked).await, |one| {
                    shapes::cluster(&one)
                })
            }
            Show::Object(kind, name) => {
                let asked = admin(proto::GetObjectRequest {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                });
                told(ObjectsClient::new(channel).get(asked).await, |one| {
                    shapes::object(&one)
                })
            }
            Show::Generation(number) => {
                let asked = admin(proto::GetGenerationRequest { number });
                told(self.generations().get(asked).await, |one| {
                    shapes::generation(&one)
                })
            }
            Show::Node(name) => {
                let asked = admin(proto::GetNodeRequest {
                    name: name.to_owned(),
                });
                told(self.nodes().get(asked).await, |one| shapes::node(&one))
            }
            Show::Service(name) => {
                let asked = admin(proto::GetServiceRequest {
                    name: name.to_owned(),
                });
                told(ServicesClient::new(channel).get(asked).await, |one| {
                    shapes::service(&one)
                })
            }
            Show::Package(id) => {
                let asked = admin(proto::GetPackageRequest { id: self.id(id) });
                told(self.packages().get(asked).await, |one| {
                    shapes::package(&one)
                })
            }
            Show::Source(id) => {
                let asked = admin(proto::GetPackageSourceRequest { id: self.id(id) });
                told(self.packages().get_source(asked).await, |one| {
                    String::from_utf8(one.content.to_vec()).unwrap().into()
                })
            }
        }
    }

    async fn invoke(&self, name: &str, body: &str, timeout_ms: Option<u64>) -> Answered {
        let timeout = timeout_ms.map(std::time::Duration::from_millis);
        let asked = proto::InvokeServiceRequest {
            name: name.to_owned(),
            body: body.to_owned().into_bytes().into(),
            content_type: "text/plain".to_owned(),
            timeout: timeout.map(|timeout| timeout.try_into().unwrap()),
        };
        let answered = ServicesClient::new(self.channel.clone())
            .invoke(admin(asked))
            .await;
        told(answered, |answer| {
            json!({
                "status": answer.status,
                "content_type": answer.content_type,
                "body": String::from_utf8(answer.body.to_vec()).unwrap(),
                "node": answer.node,
                "duration_us": answer.duration_us,
            })
        })
    }

    fn outcome(&mut self, what: &What, how: How, mut value: Value) -> Outcome {
        for place in ["/etag", "/object/etag", "/node/etag"] {
            if let (Some(Value::String(etag)), false) = (value.pointer(place), is_gone(what)) {
                etag.clone_into(&mut self.etag);
            }
        }
        if let What::List(..) = what {
            let next = value["next_page_token"].as_str().unwrap_or_default();
            next.clone_into(&mut self.next_page_token);
        }
        if let What::Deploy { .. } = what {
            value["package"]["id"]
                .as_str()
                .unwrap()
                .clone_into(&mut self.package_id);
        }
        if let (Some(applied), None) = (value.get_mut("applied"), how.wait_s) {
            applied["nodes"] = Value::Null;
        }
        Outcome::ok(value)
    }

    fn id(&self, id: Id) -> String {
        match id {
            Id::Last => self.package_id.clone(),
            Id::Text(text) => text.to_owned(),
        }
    }

    fn etag(&self, etag: Etag) -> String {
        match etag {
            Etag::Missing => String::new(),
            Etag::Any => "*".to_owned(),
            Etag::Last => self.etag.clone(),
            Etag::Text(text) => text.to_owned(),
        }
    }

    fn generations(&self) -> GenerationsClient<Channel> {
        GenerationsClient::new(self.channel.clone())
    }

    fn nodes(&self) -> NodesClient<Channel> {
        NodesClient::new(self.channel.clone())
    }

    fn packages(&self) -> PackagesClient<Channel> {
        PackagesClient::new(self.channel.clone())
    }
}

/// What REST sends no new `ETag` with.
fn is_gone(what: &What) -> bool {
    matches!(what, What::Delete { .. })
}

fn told<T>(answered: Result<Response<T>, Status>, shape: impl FnOnce(T) -> Value) -> Answered {
    answered.map(|answer| shape(answer.into_inner()))
}

fn error(status: &Status) -> Outcome {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "bascule", "{status:?}");
    let violations = details.bad_request().map(|bad| &bad.field_violations[..]);
    let fields = violations
        .unwrap_or_default()
        .iter()
        .map(|one| shapes::field(&one.field));
    let fields: BTreeSet<_> = fields.collect();
    Outcome::error(info.reason.clone(), fields, status.message().into())
}
