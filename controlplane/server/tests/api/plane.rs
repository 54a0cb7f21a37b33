//! A control plane in this process, on a folder of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use bascule_proto::publishing::node_config_server::NodeConfigServer;
use cp_api::{Access, Api, Events};
use cp_app::{App, AppParts, NodeDispatch};
use cp_auth::TokenDigest;
use cp_model::{ClusterName, Origin};
use cp_odb::{Odb, OdbSettings, OdbUrl};
use cp_publish::{
    DeploySettings, Deploys, Fleet, NodeConfigService, Publisher, SessionParts, clock,
};
use cp_scheduler::{OdbLease, OdbStore, Ports, Scheduler, SystemClock};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tower::ServiceExt as _;

/// A test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const ADMIN: &str = "bsc_admin";
pub(crate) const CLUSTER: &str = "bsc_cluster";

pub(crate) struct Plane {
    pub(crate) router: axum::Router,
    pub(crate) access: Arc<Access>,
    /// `http://127.0.0.1:port` of the nodes' listener.
    pub(crate) grpc: String,
    pub(crate) odb: Odb,
    stop: watch::Sender<bool>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Plane {
    pub(crate) async fn new() -> (Self, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (
            Self::open(folder.path(), Duration::from_secs(30)).await,
            folder,
        )
    }

    pub(crate) async fn open(folder: &Path, trial_timeout: Duration) -> Self {
        let origin = Origin::new("system", clock::now());
        let settings = OdbSettings {
            url: OdbUrl::Sqlite(folder.join("odb.db")),
            cluster: ClusterName::parse("test").unwrap(),
        };
        let odb = Odb::open(&settings, &origin).await.unwrap();
        let (fleet, reports) = Fleet::new();
        for node in odb.node_list().await.unwrap() {
            fleet.expect(&node.seen.name);
        }
        let publisher = Publisher::start(odb.clone()).await.unwrap();
        tokio::spawn(publisher.clone().run());
        let settings = DeploySettings { trial_timeout };
        let deploys = Deploys::start(odb.clone(), fleet.clone(), publisher.clone(), settings);
        let deploys = deploys.await.unwrap();
        let (scheduler, handle) = Scheduler::new(Ports {
            store: OdbStore::new(odb.clone()),
            lease: OdbLease::new(odb.clone(), "test".into()),
            dispatch: NodeDispatch::new(odb.clone(), fleet.clone()),
            clock: SystemClock::new(),
        });
        tokio::spawn(scheduler.run());
        let app = App::new(AppParts {
            odb: odb.clone(),
            publisher: publisher.clone(),
            fleet: fleet.clone(),
            deploys: deploys.clone(),
            scheduler: handle,
            version: "test",
        });
        tokio::spawn(app.clone().ingest(reports));
        let (stop, stopping) = watch::channel(false);
        let events = Arc::new(Events::new());
        tokio::spawn(Arc::clone(&events).run(app.clone()));
        let access = Arc::new(Access::new(TokenDigest::of(ADMIN), Vec::new()));
        let router = cp_api::router(Api {
            app,
            access: Arc::clone(&access),
            events,
            stopping: stopping.clone(),
        });
        let sessions = SessionParts {
            odb: odb.clone(),
            fleet,
            publisher,
            deploys,
            stopping,
        };
        let grpc = serve_nodes(sessions).await;
        Self {
            router,
            access,
            grpc,
            odb,
            stop,
        }
    }

    /// `http://127.0.0.1:port` of the admin API, served as the binary does.
    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// Ends all sessions, as a stop of the process does.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// With the admin token; `body` is JSON unless it is null.
    pub(crate) async fn call(&self, what: &str, body: Value) -> Answer {
        self.call_with(what, &[], body).await
    }

    pub(crate) async fn call_with(
        &self,
        what: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut request = request(what)
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(self.send(request.body(body.into()).unwrap()).await).await
    }

    pub(crate) async fn deploy(&self, file: &str, source: &str, query: &str) -> Answer {
        let what = format!("POST /api/v1/packages?file={file}{query}");
        let request = request(&what).header("authorization", format!("Bearer {ADMIN}"));
        answer(
            self.send(request.body(source.to_owned().into()).unwrap())
                .await,
        )
        .await
    }

    /// Asks until `until` holds.
    pub(crate) async fn eventually(&self, path: &str, until: impl Fn(&Value) -> bool) -> Value {
        let what = format!("GET {path}");
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.call(&what, Value::Null).await.body;
                if until(&last) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, asking).await.is_ok();
        assert!(in_time, "{what} stays {last}");
        last
    }
}

pub(crate) fn request(what: &str) -> axum::http::request::Builder {
    let (method, path) = what.split_once(' ').unwrap();
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:8081")
}

pub(crate) async fn answer(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts the status and that an error is a problem document.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        if status >= 400 {
            assert_eq!(self.header("content-type"), "application/problem+json");
            assert_eq!(self.body["status"], status);
            assert_eq!(self.body["cid"], self.header("x-request-id"));
        }
        self
    }

    #[track_caller]
    pub(crate) fn detail_has(self, text: &str) -> Self {
        let detail = self.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(text), "{text:?} is not in {}", self.body);
        self
    }
}

async fn serve_nodes(sessions: SessionParts) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = NodeConfigService::new(sessions, |token: &str| token == CLUSTER);
    let serving = tonic::transport::Server::builder()
        .add_service(NodeConfigServer::new(service))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    format!("http://{address}")
}
