//! Whatever order events come in, and whoever hangs up, the rows decide.

use bascule_proto::config::v1 as proto;
use bascule_proto::publishing::Payload;
use cp_model::{ClusterName, FileName, Generation, PackageState};
use cp_odb::{OdbSettings, OdbUrl, Stored};
use tempfile::TempDir;

use super::*;
use crate::fleet::SessionTicket;

struct Stage {
    coordinator: Coordinator,
    results: broadcast::Receiver<DeployResult>,
    odb: Odb,
    /// The only node, which says what a test lets it say.
    node: SessionTicket,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let odb = open(&folder).await;
        let (fleet, _reports) = Fleet::new();
        let node = fleet.connect(
            &name(),
            &proto::Hello::default(),
            (Generation(0), clock::now()),
        );
        let publisher = Publisher::start(odb.clone()).await.unwrap();
        let (sender, results) = broadcast::channel(16);
        let settings = DeploySettings::default();
        let coordinator = Coordinator::new(odb.clone(), fleet, publisher, sender, settings);
        Self {
            coordinator,
            results,
            odb,
            node,
            folder,
        }
    }

    async fn store(&self, content: &str) -> PackageId {
        let id = PackageId::parse(&content.repeat(64)).unwrap();
        let file = FileName::parse("a.py").unwrap();
        let (odb, origin) = (&self.odb, origin());
        let stored = odb.package_store(&origin, &id, &file, content.as_bytes());
        assert!(matches!(stored.await.unwrap(), Stored::Checking(_)));
        id
    }

    async fn state(&self, id: &PackageId) -> PackageState {
        self.odb.package_find(id).await.unwrap().state
    }

    async fn submit(&mut self, id: &PackageId) {
        self.coordinator.on(Event::Submitted(id.clone())).await;
    }

    /// The node imports the package.
    async fn pass(&mut self, id: &PackageId) {
        let report = proto::TrialReport {
            services: vec![proto::DeclaredService {
                name: "a.x".into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let id = id.clone();
        let node = name();
        let event = Event::Reported { node, id, report };
        self.coordinator.on(event).await;
    }

    fn asked(&mut self) -> Vec<String> {
        let mut asked = Vec::new();
        while let Ok(message) = self.node.outbox.try_recv() {
            if let Some(Payload::Trial(trial)) = message.payload {
                asked.push(trial.package.unwrap().id);
            }
        }
        asked
    }

    /// What was told: which package, and one word.
    fn told(&mut self) -> Vec<(PackageId, &'static str)> {
        let mut told = Vec::new();
        while let Ok(result) = self.results.try_recv() {
            let word = match result.outcome {
                DeployOutcome::Live(_) => "live",
                DeployOutcome::Refused(_) => "refused",
                DeployOutcome::Superseded => "superseded",
            };
            told.push((result.package.id, word));
        }
        told
    }
}

async fn open(folder: &TempDir) -> Odb {
    let settings = OdbSettings {
        url: OdbUrl::Sqlite(folder.path().join("odb.db")),
        cluster: ClusterName::parse("test").unwrap(),
    };
    Odb::open(&settings, &origin()).await.unwrap()
}

fn name() -> NodeName {
    NodeName::parse("n1").unwrap()
}

#[tokio::test]
async fn the_newest_row_goes_live_though_its_deploy_is_heard_of_first() {
    let mut stage = Stage::new().await;
    let first = stage.store("a").await;
    let second = stage.store("b").await;
    stage.submit(&second).await;
    stage.submit(&first).await;
    assert_eq!(stage.told(), [(first, "superseded")]);
    stage.pass(&second).await;
    assert_eq!(stage.told(), [(second.clone(), "live")]);
    assert_eq!(stage.state(&second).await, PackageState::Live);
}

#[tokio::test]
async fn an_older_trial_ends_when_a_newer_package_is_stored() {
    let mut stage = Stage::new().await;
    let first = stage.store("a").await;
    stage.submit(&first).await;
    let second = stage.store("b").await;
    stage.submit(&second).await;
    assert_eq!(stage.told(), [(first.clone(), "superseded")]);
    stage.pass(&first).await;
    assert_eq!(stage.told(), [], "a word that comes too late");
}

#[tokio::test]
async fn a_withdrawal_that_is_heard_of_late_ends_no_newer_trial() {
    let mut stage = Stage::new().await;
    let id = stage.store("a").await;
    stage.submit(&id).await;
    stage.odb.package_undeploy(&origin(), &id).await.unwrap();
    stage.store("a").await;
    stage.submit(&id).await;
    stage.coordinator.on(Event::Woken).await;
    stage.pass(&id).await;
    assert_eq!(stage.told(), [(id.clone(), "live")]);
}

#[tokio::test]
async fn rows_that_nobody_tells_of_are_tried_and_let_go() {
    let mut stage = Stage::new().await;
    let id = stage.store("a").await;
    stage.coordinator.look().await;
    assert_eq!(stage.asked(), [id.to_string()]);
    let soon = Instant::now() + LOOK_AGAIN;
    assert!(stage.coordinator.next_look() <= soon);

    stage.odb.package_undeploy(&origin(), &id).await.unwrap();
    stage.coordinator.look().await;
    assert_eq!(stage.told(), [(id, "superseded")]);
    assert!(stage.coordinator.trials.is_empty());
    let in_time = Instant::now() + RECONCILE_INTERVAL;
    assert!(stage.coordinator.next_look() <= in_time);
}

#[tokio::test]
async fn a_verdict_that_cannot_be_written_is_written_later_and_never_told_as_failed() {
    let mut stage = Stage::new().await;
    let id = stage.store("a").await;
    stage.submit(&id).await;
    stage.odb.close().await;
    stage.pass(&id).await;
    assert_eq!(stage.told(), []);
    assert!(stage.coordinator.next_look() > Instant::now());

    stage.odb = open(&stage.folder).await;
    stage.coordinator.odb = stage.odb.clone();
    stage.coordinator.look().await;
    assert_eq!(stage.told(), [(id.clone(), "live")]);
    assert_eq!(stage.state(&id).await, PackageState::Live);
}

#[tokio::test]
async fn a_node_that_comes_before_the_verdict_is_written_has_a_word_too() {
    let mut stage = Stage::new().await;
    let id = stage.store("a").await;
    stage.submit(&id).await;
    stage.odb.close().await;
    stage.pass(&id).await;
    let late = NodeName::parse("late").unwrap();
    let fleet = stage.coordinator.fleet.clone();
    let _late = fleet.connect(
        &late,
        &proto::Hello::default(),
        (Generation(0), clock::now()),
    );
    stage.coordinator.on(Event::Connected(late)).await;

    stage.odb = open(&stage.folder).await;
    stage.coordinator.odb = stage.odb.clone();
    stage.coordinator.look().await;
    assert_eq!(stage.told(), []);
    assert_eq!(stage.state(&id).await, PackageState::Checking);
}
