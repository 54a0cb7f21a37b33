//! The database server killed and started again under writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::testing::MortalServer;

/// Writes that must be committed before the kill, and again after the start.
const ENOUGH: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_under_writes_loses_none_that_was_acknowledged() {
    killed_under_writes(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_killed_under_writes_loses_none_that_was_acknowledged() {
    killed_under_writes(Engine::MySql).await;
}

async fn killed_under_writes(engine: Engine) {
    let mut server = MortalServer::start(engine);
    let settings = OdbSettings {
        url: server.url(),
        cluster: ClusterName::parse("test").unwrap(),
    };
    let odb = Odb::open(&settings, &origin()).await.unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let writer = tokio::spawn(write_until_told(odb.clone(), Arc::clone(&done)));
    for _ in 0..2 {
        reached(&done, done.load(Ordering::SeqCst) + ENOUGH).await;
        server.signal("KILL");
        tokio::task::block_in_place(|| server.start_again());
    }
    reached(&done, done.load(Ordering::SeqCst) + ENOUGH).await;
    writer.abort();
    // A write that was on its way is done or not; wait for its transaction's end.
    writer.await.unwrap_err();
    let generation = odb.cluster().await.unwrap().generation.0;
    let channels = odb.object_list(&CHANNEL, "", u32::MAX).await.unwrap();
    let written = done.load(Ordering::SeqCst);
    for number in 0..written {
        let name = format!("c{number}");
        assert!(
            channels.iter().any(|channel| channel.name.as_str() == name),
            "{name} was acknowledged"
        );
    }
    // Whole or not at all: rows, generations and events agree.
    let generations = odb.generation_list(u64::MAX, u32::MAX).await.unwrap();
    assert_eq!(generations.len() as u64, generation);
    let events = odb.audit_list(u64::MAX, u32::MAX).await.unwrap();
    let made = |action: &str| events.iter().filter(|event| event.action == action).count();
    assert_eq!(made("channel.create"), channels.len());
    assert_eq!(events.len() as u64, generation);
}

/// Makes the channels c0, c1, …, each again until it is acknowledged or turns out to be there.
async fn write_until_told(odb: Odb, done: Arc<AtomicU64>) {
    for number in 0.. {
        let (name, path) = (format!("c{number}"), format!("/{number}"));
        loop {
            match create(&odb, &name, &path, "bascule.echo").await {
                Ok(_) | Err(OdbError::Exists { .. }) => break,
                Err(OdbError::Unreachable(_) | OdbError::Busy(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        done.store(number + 1, Ordering::SeqCst);
    }
}

async fn reached(done: &AtomicU64, wanted: u64) {
    while done.load(Ordering::SeqCst) < wanted {
        tokio::task::yield_now().await;
    }
}
