//! What the ODB promises, on a real database file.

use super::*;
use crate::engine::sql;
use crate::testing::{Engine, TestDatabase};
use crate::write::Write;
use cp_model::kind::CHANNEL;
use cp_model::{
    DeclaredService, FileName, Generation, NodeChange, NodeName, NodeSeen, NodeState, Object,
    PackageId, ServiceName, Spec, Timestamp, Version,
};
use serde_json::json;

struct Store {
    odb: Odb,
    database: TestDatabase,
}

/// Each promise stands on every engine: `each_engine!(a, b)` runs the tests `a` and `b` on all three.
macro_rules! each_engine {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Engine::Sqlite).await })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Engine::Postgres).await })*
        }
        mod mysql {
            $(#[tokio::test] async fn $name() { super::$name(super::Engine::MySql).await })*
        }
    };
}

mod audit;
mod deploy;
mod history;
mod kinds;
mod lease;
mod open;
mod restart;
mod schema;
mod whole;

each_engine!(
    every_channel_write_makes_a_generation_and_an_event,
    a_stale_version_changes_nothing,
    a_row_made_anew_under_its_name_has_a_version_that_nobody_saw,
    colliding_channels_and_unknown_services_are_refused_by_name,
    a_node_makes_a_generation_when_it_is_new_or_moves,
    a_write_that_is_dropped_half_way_leaves_nothing,
);

impl Store {
    async fn new(engine: Engine) -> Self {
        let database = TestDatabase::new(engine).await;
        let odb = open(&database).await.unwrap();
        Self { odb, database }
    }

    async fn generation(&self) -> u64 {
        self.odb.cluster().await.unwrap().generation.0
    }

    /// The newest audit event: action, generation, whether it has before and after.
    async fn newest_event(&self) -> (String, Option<u64>, bool, bool) {
        let event = self.odb.audit_list(u64::MAX, 1).await.unwrap().remove(0);
        let generation = event.generation.map(|generation| generation.0);
        (
            event.action,
            generation,
            event.before.is_some(),
            event.after.is_some(),
        )
    }

    async fn live(&self, file: &str, content: &str, services: &[&str]) -> LiveOutcome {
        let (file, id) = package(file, content);
        self.odb
            .package_store(&origin(), &id, &file, content.as_bytes())
            .await
            .unwrap();
        let services: Vec<_> = services.iter().map(|name| declared(name)).collect();
        self.odb
            .package_go_live(&origin(), &id, &services)
            .await
            .unwrap()
    }
}

async fn open(database: &TestDatabase) -> Result<Odb, OdbError> {
    let settings = OdbSettings {
        url: database.url(),
        cluster: ClusterName::parse("test").unwrap(),
    };
    Odb::open(&settings, &origin()).await
}

fn origin() -> Origin {
    Origin::new("tester", Timestamp::from_unix_us(1_000_000))
}

/// A channel as a change to it.
fn channel(name: &str, path: &str, service: &str, to: fn(Spec) -> Wanted) -> Change {
    let given = json!({ "name": name, "path": path, "service": service });
    let (name, spec) = CHANNEL.parse(given.as_object().unwrap().clone()).unwrap();
    Change {
        kind: &CHANNEL,
        name,
        expected: None,
        to: to(spec),
    }
}

/// Makes a channel.
async fn create(
    odb: &Odb,
    name: &str,
    path: &str,
    service: &str,
) -> Result<Written<Object>, OdbError> {
    change(odb, channel(name, path, service, Wanted::New)).await
}

/// Makes one change; the object after it, or before it when it is gone.
async fn change(odb: &Odb, change: Change) -> Result<Written<Object>, OdbError> {
    let written = odb.objects_change(&origin(), vec![change]).await?;
    Ok(Written {
        value: written.value[0].object().unwrap().clone(),
        generation: written.generation,
    })
}

async fn delete(odb: &Odb, object: &Object) -> Result<Written<Object>, OdbError> {
    let gone = Change {
        kind: object.kind,
        name: object.name.clone(),
        expected: Some(object.version),
        to: Wanted::Gone,
    };
    change(odb, gone).await
}

fn seen(name: &str, port: u16) -> NodeSeen {
    NodeSeen {
        name: NodeName::parse(name).unwrap(),
        address: ([127, 0, 0, 1], port).into(),
        balancer_address: None,
        admin_address: None,
        binary_version: "0.1.0".into(),
        python: String::new(),
    }
}

fn package(file: &str, content: &str) -> (FileName, PackageId) {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(format!("{file}\0{content}").as_bytes());
    (
        FileName::parse(file).unwrap(),
        PackageId::from_digest(&digest),
    )
}

fn declared(name: &str) -> DeclaredService {
    DeclaredService {
        name: ServiceName::parse(name).unwrap(),
        class_name: "C".into(),
        line: 3,
        documentation: String::new(),
        input: vec!["a".into(), "-b".into()],
        output: Vec::new(),
    }
}

async fn every_channel_write_makes_a_generation_and_an_event(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let start = store.generation().await;
    let made = create(odb, "a", "/a", "bascule.echo").await.unwrap();
    assert_eq!(made.generation, Generation(start + 1));
    assert_eq!(
        store.newest_event().await,
        ("channel.create".into(), Some(start + 1), false, true)
    );

    let next = || channel("a", "/b", "bascule.echo", Wanted::Either);
    let changed = change(odb, next()).await.unwrap();
    assert_eq!(changed.generation.0, start + 2);
    assert!(changed.value.version > made.value.version);
    assert_eq!(changed.value.id, made.value.id);
    assert_eq!(
        store.newest_event().await,
        ("channel.update".into(), Some(start + 2), true, true)
    );

    let same = odb.objects_change(&origin(), vec![next()]).await.unwrap();
    assert_eq!(
        (same.generation.0, same.value.len()),
        (start + 2, 0),
        "nothing changed, so nothing is made"
    );

    delete(odb, &changed.value).await.unwrap();
    assert_eq!(
        store.newest_event().await,
        ("channel.delete".into(), Some(start + 3), true, false)
    );
    let generations = odb.generation_list(u64::MAX, 100).await.unwrap();
    let numbers: Vec<_> = generations.iter().map(|row| row.number.0).collect();
    assert_eq!(
        numbers,
        (1..=start + 3).rev().collect::<Vec<_>>(),
        "no holes, newest first"
    );
}

async fn a_stale_version_changes_nothing(engine: Engine) {
    let store = Store::new(engine).await;
    let made = create(&store.odb, "a", "/a", "bascule.echo").await.unwrap();
    let before = store.generation().await;
    let stale = |to| Change {
        expected: Some(Version(777)),
        ..channel("a", "/b", "bascule.echo", to)
    };
    for attempt in [stale(Wanted::Either), stale(|_| Wanted::Gone)] {
        let error = change(&store.odb, attempt).await.unwrap_err();
        assert!(
            matches!(error, OdbError::Stale { current, .. } if current == made.value.version),
            "{error}"
        );
    }
    assert_eq!(store.generation().await, before);
}

async fn a_row_made_anew_under_its_name_has_a_version_that_nobody_saw(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let register = async |port| {
        let seen = seen("n1", port);
        odb.node_register(&origin(), &seen).await.unwrap();
        odb.node_find(&seen.name).await.unwrap()
    };
    let made = create(odb, "a", "/a", "bascule.echo").await.unwrap().value;
    let node = register(1).await;
    delete(odb, &made).await.unwrap();
    create(odb, "a", "/a", "bascule.echo").await.unwrap();
    let error = delete(odb, &made).await.unwrap_err();
    assert!(matches!(error, OdbError::Stale { .. }), "{error}");

    let name = &node.seen.name;
    let delete = async || odb.node_delete(&origin(), name, Some(node.version)).await;
    delete().await.unwrap();
    register(1).await;
    let error = delete().await.unwrap_err();
    assert!(matches!(error, OdbError::Stale { .. }), "{error}");
}

async fn colliding_channels_and_unknown_services_are_refused_by_name(engine: Engine) {
    let store = Store::new(engine).await;
    let create = async |name, path, service| create(&store.odb, name, path, service).await;
    create("a", "/x/{id}", "bascule.echo").await.unwrap();
    let error = create("b", "/x/{other}", "bascule.echo").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "channel a takes any method /x/{other} already"
    );
    let error = create("a", "/y", "bascule.echo").await.unwrap_err();
    assert!(matches!(error, OdbError::Exists { .. }), "{error}");
    for path in ["/zato/ping", "/zato/ping/", "/zato/ping/{id}"] {
        let error = create("c", path, "bascule.echo").await.unwrap_err();
        assert!(matches!(&error, OdbError::Taken { other, .. } if other == "bascule.ping"));
    }
    create("c", "/zato/pingpong", "bascule.echo").await.unwrap();
    let error = create("d", "/z", "nobody.knows").await.unwrap_err();
    assert!(
        matches!(&error, OdbError::ReferenceUnknown { place, .. } if place == "service"),
        "{error}"
    );
}

async fn a_node_makes_a_generation_when_it_is_new_or_moves(engine: Engine) {
    let store = Store::new(engine).await;
    let register = async |seen: &NodeSeen| store.odb.node_register(&origin(), seen).await.unwrap();
    let first = register(&seen("n1", 1)).await;
    assert_eq!(first, Some(Generation(store.generation().await)));
    assert_eq!(register(&seen("n1", 1)).await, None);
    let renewed = NodeSeen {
        binary_version: "0.2.0".into(),
        ..seen("n1", 1)
    };
    assert_eq!(
        register(&renewed).await,
        None,
        "nodes need not know of a version"
    );
    assert!(register(&seen("n1", 2)).await.is_some());

    let name = NodeName::parse("n1").unwrap();
    let drain = NodeChange {
        state: Some(NodeState::Draining),
        weight: None,
    };
    let version = store.odb.node_find(&name).await.unwrap().version;
    let changed = store
        .odb
        .node_update(&origin(), &name, drain, Some(version))
        .await
        .unwrap();
    assert_eq!(changed.value.state, NodeState::Draining);
    let again = store
        .odb
        .node_update(&origin(), &name, drain, None)
        .await
        .unwrap();
    assert_eq!(
        again.generation, changed.generation,
        "draining twice changes nothing"
    );
    let error = store
        .odb
        .node_update(&origin(), &name, drain, Some(version))
        .await
        .unwrap_err();
    assert!(matches!(error, OdbError::Stale { .. }), "{error}");
    register(&seen("n1", 3)).await;
    assert_eq!(
        store.odb.node_find(&name).await.unwrap().state,
        NodeState::Draining
    );
    store.odb.node_delete(&origin(), &name, None).await.unwrap();
    assert!(matches!(
        store.odb.node_find(&name).await,
        Err(OdbError::NotFound { .. })
    ));
}

async fn a_write_that_is_dropped_half_way_leaves_nothing(engine: Engine) {
    let store = Store::new(engine).await;
    let before = store.generation().await;
    let origin = origin();
    let mut write = Write::begin(&store.odb, &origin).await.unwrap();
    sql("DELETE FROM cluster")
        .execute(&mut write.tx)
        .await
        .unwrap();
    drop(write);
    let dry = Origin {
        is_dry_run: true,
        ..origin
    };
    let made = store
        .odb
        .objects_change(&dry, vec![channel("a", "/a", "bascule.echo", Wanted::New)])
        .await
        .unwrap();
    assert_eq!(made.generation.0, before + 1, "all but the commit is done");
    assert_eq!(store.generation().await, before);
    assert_ne!(store.newest_event().await.0, "channel.create");
    // The writer is free again.
    create(&store.odb, "a", "/a", "bascule.echo").await.unwrap();
}
