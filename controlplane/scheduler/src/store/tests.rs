//! The ODB keeps what the scheduler's store and lease promise.

use cp_model::kind::JOB;
use cp_model::{ClusterName, Object};
use cp_odb::testing::{Engine, TestDatabase};
use cp_odb::{Change, OdbSettings, Wanted};
use serde_json::json;

use super::*;
use crate::port::{Ask, Lease as _};
use crate::state::JobState;

async fn odb(database: &TestDatabase) -> Odb {
    let settings = OdbSettings {
        url: database.url(),
        cluster: ClusterName::parse("test").unwrap(),
    };
    Odb::open(&settings, &origin()).await.unwrap()
}

async fn put(odb: &Odb, name: &str, seconds: u32) -> Object {
    let given =
        json!({ "name": name, "service": "bascule.echo", "type": "interval", "seconds": seconds });
    let (name, spec) = JOB.parse(given.as_object().unwrap().clone()).unwrap();
    let change = Change {
        kind: &JOB,
        name,
        expected: None,
        to: Wanted::Either(spec),
    };
    let by = Origin::new("t", Timestamp::from_unix_us(1_800_000_000_000_000));
    let written = odb.objects_change(&by, vec![change]).await.unwrap();
    written.value[0].object().unwrap().clone()
}

#[tokio::test]
async fn changes_removals_and_commands_are_loaded_once_they_are_there() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let odb = odb(&database).await;
    let (a, b) = (put(&odb, "a", 5).await, put(&odb, "b", 5).await);
    let store = OdbStore::new(odb.clone());
    let first = store.load(Revision(0)).await.unwrap();
    assert_eq!((first.jobs.len(), first.removed.len()), (2, 0));

    put(&odb, "b", 7).await;
    let gone = Change {
        kind: &JOB,
        name: a.name.clone(),
        expected: None,
        to: Wanted::Gone,
    };
    odb.objects_change(&origin(), vec![gone]).await.unwrap();
    let ask = Ask::RunNow { extra: None };
    let ask_json = serde_json::to_value(&ask).unwrap();
    odb.job_command(&origin(), (b.id, "b"), &ask_json)
        .await
        .unwrap();
    let second = store.load(first.revision).await.unwrap();
    assert!(second.revision > first.revision);
    assert_eq!(second.jobs.len(), 1, "the one that changed");
    assert_eq!(second.jobs[0].spec.id, JobId(b.id));
    assert_eq!(second.removed, [JobId(a.id)]);
    assert_eq!(second.commands[0].ask, ask);
}

#[tokio::test]
async fn a_state_reads_back_and_an_old_fence_writes_nothing() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let odb = odb(&database).await;
    let job = JobId(put(&odb, "a", 5).await.id);
    let store = OdbStore::new(odb.clone());
    let lease = OdbLease::new(odb.clone(), "one".into());
    let fence = lease.acquire(1).await.unwrap().unwrap();
    let loaded = store.load(Revision(0)).await.unwrap();
    let state = JobState::new(&loaded.jobs[0].spec, Moment::from_unix_s(1_800_000_000));
    let batch = Batch {
        states: vec![(job, state.clone())],
        ..Batch::default()
    };
    store.commit(fence, &batch).await.unwrap();
    let loaded = store.load(Revision(0)).await.unwrap();
    assert_eq!(loaded.jobs[0].state, Some(state));
    let stale = store.commit(Fence(fence.0 - 1), &batch).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
}

#[tokio::test]
async fn a_lease_is_taken_when_its_beat_stands_still_for_its_length() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let odb = odb(&database).await;
    let one = OdbLease::new(odb.clone(), "one".into());
    let two = OdbLease::new(odb.clone(), "two".into());
    let first = one.acquire(60_000).await.unwrap().unwrap();
    assert_eq!(two.acquire(60_000).await.unwrap(), None, "just seen");
    assert!(one.renew(first, 60_000).await.unwrap());
    assert_eq!(two.acquire(0).await.unwrap(), None, "it has beaten since");
    let second = two.acquire(0).await.unwrap().unwrap();
    assert!(second > first);
    assert!(!one.renew(first, 60_000).await.unwrap());
    two.release(second).await.unwrap();
    assert!(one.acquire(60_000).await.unwrap().is_some(), "given back");
}
