//! Opening: migrations, damage, what a killed process leaves.

use super::*;

#[tokio::test]
async fn opening_twice_migrates_once_and_keeps_the_cluster() {
    let store = Store::new().await;
    let first = store.odb.cluster().await.unwrap();
    let again = open(&store.folder).await.unwrap().cluster().await.unwrap();
    assert_eq!(first, again);
    let all: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM migration")
        .fetch_one(&store.odb.read)
        .await
        .unwrap();
    assert_eq!(all, 1);
}

#[tokio::test]
async fn ten_that_open_at_once_make_one_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let all = (0..10).map(|_| open(&folder));
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

#[tokio::test]
async fn a_migration_that_was_edited_or_is_newer_is_refused() {
    let store = Store::new().await;
    sqlx::query("UPDATE migration SET checksum = x'00'")
        .execute(&store.odb.write)
        .await
        .unwrap();
    assert!(matches!(
        open(&store.folder).await,
        Err(OdbError::MigrationChanged(1))
    ));
    sqlx::query("INSERT INTO migration VALUES (9, x'00', 0)")
        .execute(&store.odb.write)
        .await
        .unwrap();
    assert!(matches!(
        open(&store.folder).await,
        Err(OdbError::TooNew(9))
    ));
}

#[tokio::test]
async fn a_full_disk_costs_the_writes_that_meet_it_and_no_later_one() {
    let store = Store::new().await;
    // A limit of the one connection that writes: as full as a disk can be, and gone with the connection.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&store.odb.write)
        .await
        .unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "PRAGMA max_page_count = {pages}"
    )))
    .execute(&store.odb.write)
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
    store
        .odb
        .channel_create(&origin(), spec("a", "/a", "bascule.echo"))
        .await
        .unwrap();
    assert_eq!(store.generation().await, before + 1);
}

#[tokio::test]
async fn a_damaged_file_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("odb.db"), "garbage".repeat(1_000)).unwrap();
    assert!(matches!(open(&folder).await, Err(OdbError::Corrupt(_))));
}

#[tokio::test]
async fn a_committed_write_is_there_for_the_next_process() {
    let store = Store::new().await;
    store
        .odb
        .channel_create(&origin(), spec("a", "/a", "bascule.echo"))
        .await
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    // What a killed process leaves behind: the file and its log, nothing closed.
    for file in ["odb.db", "odb.db-wal"] {
        std::fs::copy(store.folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let reopened = open(&copy).await.unwrap();
    assert_eq!(reopened.channel_list("", 10).await.unwrap().len(), 1);
}
