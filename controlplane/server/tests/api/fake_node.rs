//! A node that does as it is told: it speaks the real protocol and runs nothing.
//!
//! Its "Python": each line `service NAME` declares a service, a line `raise` does not import.

use std::collections::BTreeMap;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use bascule_proto::{Encoded, apply};
use proto::control_message::Message as FromPlane;
use proto::node_config_client::NodeConfigClient;
use proto::node_message::Message as ToPlane;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

use crate::plane::{CLUSTER, PATIENCE, Plane};

const WINDOW_BYTES: u32 = 65_535;

pub(crate) struct FakeNode {
    client: NodeConfigClient<Channel>,
    to_plane: mpsc::Sender<proto::NodeMessage>,
    from_plane: Streaming<proto::ControlMessage>,
    /// The newest snapshot, which deltas are applied to.
    held: Option<Encoded>,
    /// What it got: generation → hash.
    hashes: BTreeMap<u64, Vec<u8>>,
}

/// How a node that runs by itself answers.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    Obedient,
    /// As `Obedient`, and reports each second, so that it stays connected however long a test takes.
    Steady,
    /// Refuses every snapshot but the first.
    Refusing,
    /// Takes everything and answers nothing.
    Mute,
}

/// As nodes do.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

fn ready() -> proto::Report {
    proto::Report {
        state: proto::NodeState::Ready.into(),
        ..Default::default()
    }
}

pub(crate) fn hello(name: &str) -> proto::Hello {
    let port = 20_000 + name.bytes().map(u16::from).sum::<u16>();
    proto::Hello {
        node: name.into(),
        boot_id: "boot".into(),
        address: format!("127.0.0.1:{port}"),
        version: "0.1.0".into(),
        cores: 1,
        workers: 1,
        ..Default::default()
    }
}

impl FakeNode {
    pub(crate) async fn connect(plane: &Plane, name: &str) -> Self {
        Self::open(plane, CLUSTER, ToPlane::Hello(hello(name)))
            .await
            .unwrap()
    }

    pub(crate) async fn open(plane: &Plane, token: &str, first: ToPlane) -> Result<Self, Status> {
        let endpoint = Endpoint::from_shared(plane.grpc.clone()).unwrap();
        // The least that there is, so that a node that reads nothing is soon one that is sent nothing.
        let endpoint = endpoint
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let mut client = NodeConfigClient::new(endpoint.connect().await.unwrap());
        let (to_plane, receiver) = mpsc::channel(16);
        to_plane
            .send(proto::NodeMessage {
                message: Some(first),
            })
            .await
            .unwrap();
        let mut request = Request::new(ReceiverStream::new(receiver));
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        let from_plane = client.session(request).await?.into_inner();
        Ok(Self {
            client,
            to_plane,
            from_plane,
            held: None,
            hashes: BTreeMap::new(),
        })
    }

    /// The next message, or how the session ended.
    pub(crate) async fn next(&mut self) -> Result<Option<FromPlane>, Status> {
        let next = tokio::time::timeout(PATIENCE, self.from_plane.message()).await;
        let message = next.expect("the control plane says nothing")?;
        Ok(message.and_then(|message| message.message))
    }

    pub(crate) async fn snapshot(&mut self) -> proto::Snapshot {
        match self.next().await.unwrap() {
            Some(FromPlane::Snapshot(snapshot)) => {
                self.hold(Encoded::of(&snapshot).unwrap());
                snapshot
            }
            other => panic!("a snapshot was due, not {other:?}"),
        }
    }

    /// The delta that comes next, applied.
    pub(crate) async fn delta(&mut self) -> (proto::Delta, proto::Snapshot) {
        match self.next().await.unwrap() {
            Some(FromPlane::Delta(delta)) => {
                let made = apply(self.held.as_ref().unwrap(), &delta).unwrap();
                self.hold(made.clone());
                (delta, made.decode().unwrap())
            }
            other => panic!("a delta was due, not {other:?}"),
        }
    }

    /// From now on this is what it has.
    pub(crate) fn hold(&mut self, snapshot: Encoded) {
        assert!(snapshot.is_sound());
        let hash = snapshot.hash().to_vec();
        self.hashes.insert(snapshot.generation(), hash);
        self.held = Some(snapshot);
    }

    pub(crate) async fn say(&self, message: ToPlane) {
        self.to_plane
            .send(proto::NodeMessage {
                message: Some(message),
            })
            .await
            .unwrap();
    }

    pub(crate) async fn ack(&self, generation: u64) {
        let core = proto::CoreAck {
            core: 0,
            prepare_us: 11,
            commit_us: 7,
        };
        let hash = self.hashes.get(&generation).cloned().unwrap_or_default();
        let ack = proto::Ack {
            generation,
            hash: hash.into(),
            cores: vec![core],
            total_us: 42,
        };
        self.say(ToPlane::Ack(ack)).await;
    }

    /// Answers by itself from now on; aborting the task ends the session.
    pub(crate) fn run(mut self, manner: Manner) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut serving = 0;
            let mut reports = tokio::time::interval(REPORT_INTERVAL);
            loop {
                let message = tokio::select! {
                    message = self.next() => message,
                    _ = reports.tick(), if matches!(manner, Manner::Steady) => {
                        self.say(ToPlane::Report(ready())).await;
                        continue;
                    }
                };
                let Ok(Some(message)) = message else {
                    return;
                };
                match (message, manner) {
                    (_, Manner::Mute) => {}
                    (FromPlane::Snapshot(snapshot), Manner::Refusing) if serving > 0 => {
                        self.nack(snapshot.generation, serving).await;
                    }
                    (FromPlane::Snapshot(snapshot), _) => {
                        serving = snapshot.generation;
                        self.hold(Encoded::of(&snapshot).unwrap());
                        self.ack(serving).await;
                    }
                    (FromPlane::Delta(delta), _) => {
                        serving = delta.generation;
                        self.hold(apply(self.held.as_ref().unwrap(), &delta).unwrap());
                        self.ack(serving).await;
                    }
                    (FromPlane::Trial(trial), _) => self.try_package(trial).await,
                    (FromPlane::Invoke(invoke), _) => self.answer(invoke).await,
                }
            }
        })
    }

    pub(crate) async fn nack(&self, generation: u64, serving: u64) {
        let refusal = proto::Refusal {
            object: "channel x".into(),
            field: "path".into(),
            reason: "not to my taste".into(),
            core: 0,
        };
        let nack = proto::Nack {
            generation,
            refusals: vec![refusal],
            serving,
        };
        self.say(ToPlane::Nack(nack)).await;
    }

    pub(crate) async fn try_package(&mut self, trial: proto::Trial) {
        let package_id = trial.package.unwrap().id;
        let mut request = Request::new(proto::FetchPackageRequest {
            package_id: package_id.clone(),
        });
        let value = format!("Bearer {CLUSTER}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        let fetched = self
            .client
            .fetch_package(request)
            .await
            .unwrap()
            .into_inner();
        let source = String::from_utf8(fetched.content.to_vec()).unwrap();
        let mut report = proto::TrialReport {
            package_id,
            ..Default::default()
        };
        for (line, text) in (1..).zip(source.lines()) {
            if let Some(name) = text.strip_prefix("service ") {
                let service = proto::DeclaredService {
                    name: name.into(),
                    line,
                    ..Default::default()
                };
                report.services.push(service);
            }
            if text == "raise" {
                report.error = Some(proto::ImportError {
                    file: fetched.package.as_ref().unwrap().file.clone(),
                    line,
                    message: "RuntimeError: raised".into(),
                    traceback: "Traceback (most recent call last): …".into(),
                });
            }
        }
        self.say(ToPlane::TrialReport(report)).await;
    }

    async fn answer(&self, invoke: proto::Invoke) {
        let result = proto::InvokeResult {
            id: invoke.id,
            status: 418,
            content_type: "text/html".into(),
            body: invoke.body,
            total_us: 5,
        };
        self.say(ToPlane::InvokeResult(result)).await;
    }
}
