//! Opening: migrations, damage, what a killed process leaves.

use super::*;
use crate::engine::sql;

each_engine!(
    opening_twice_migrates_once_and_keeps_the_cluster,
    ten_that_open_at_once_make_one_cluster,
    a_migration_that_was_edited_or_is_newer_is_refused,
);

async fn opening_twice_migrates_once_and_keeps_the_cluster(engine: Engine) {
    let store = Store::new(engine).await;
    let first = store.odb.cluster().await.unwrap();
    let count = async || -> i64 {
        let all = sql("SELECT COUNT(*) FROM migration");
        all.scalar(&store.odb.pools.read).await.unwrap()
    };
    let before = count().await;
    let again = open(&store.database)
        .await
        .unwrap()
        .cluster()
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(count().await, before);
}

async fn ten_that_open_at_once_make_one_cluster(engine: Engine) {
    let database = TestDatabase::new(engine).await;
    let all = (0..10).map(|_| open(&database));
    let mut opened = Vec::new();
    for odb in futures_join(all.collect()).await {
        opened.push(odb.unwrap().cluster().await.unwrap());
    }
    assert!(opened.windows(2).all(|pair| pair[0] == pair[1]));
}

async fn futures_join<F: Future + Send>(all: Vec<F>) -> Vec<F::Output>
where
    F::Output: Send,
{
    let mut pinned: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in pinned.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

async fn a_migration_that_was_edited_or_is_newer_is_refused(engine: Engine) {
    let store = Store::new(engine).await;
    sql("UPDATE migration SET checksum = ?")
        .bind(vec![0u8])
        .execute(&store.odb.pools.write)
        .await
        .unwrap();
    assert!(matches!(
        open(&store.database).await,
        Err(OdbError::MigrationChanged(1))
    ));
    sql("UPDATE migration SET number = 99 + number")
        .execute(&store.odb.pools.write)
        .await
        .unwrap();
    assert!(matches!(
        open(&store.database).await,
        Err(OdbError::TooNew(100))
    ));
}

#[tokio::test]
async fn a_full_disk_costs_the_writes_that_meet_it_and_no_later_one() {
    let store = Store::new(Engine::Sqlite).await;
    // A limit of the one connection that writes: as full as a disk can be, and gone with the connection.
    let pages: i64 = sql("PRAGMA page_count")
        .scalar(&store.odb.pools.write)
        .await
        .unwrap();
    let engine::Pool::Sqlite(writer) = &store.odb.pools.write else {
        panic!("asked for SQLite");
    };
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "PRAGMA max_page_count = {pages}"
    )))
    .execute(writer)
    .await
    .unwrap();
    let (file, id) = package("large.py", "large");
    let content = vec![b'#'; 1 << 20];
    let full = store
        .odb
        .package_store(&origin(), &id, &file, &content)
        .await;
    assert!(matches!(full, Err(OdbError::DiskFull(_))), "{full:?}");
    let before = store.generation().await;
    create(&store.odb, "a", "/a", "bascule.echo").await.unwrap();
    assert_eq!(store.generation().await, before + 1);
}

#[tokio::test]
async fn a_damaged_file_is_told_at_start() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    std::fs::write(database.folder().join("odb.db"), "garbage".repeat(1_000)).unwrap();
    assert!(matches!(open(&database).await, Err(OdbError::Corrupt(_))));
}

#[tokio::test]
async fn a_committed_write_is_there_for_the_next_process() {
    let store = Store::new(Engine::Sqlite).await;
    create(&store.odb, "a", "/a", "bascule.echo").await.unwrap();
    let copy = TestDatabase::new(Engine::Sqlite).await;
    // What a killed process leaves behind: the file and its log, nothing closed.
    for file in ["odb.db", "odb.db-wal"] {
        std::fs::copy(store.database.folder().join(file), copy.folder().join(file)).unwrap();
    }
    let reopened = open(&copy).await.unwrap();
    assert_eq!(
        reopened.object_list(&CHANNEL, "", 10).await.unwrap().len(),
        1
    );
}
