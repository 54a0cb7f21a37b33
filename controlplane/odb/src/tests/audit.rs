//! The audit trail's chain: whatever is done to it by other hands is found.

use cp_model::audit_chain::{ChainHash, verify};

use super::*;
use crate::engine::sql;

each_engine!(
    every_event_is_in_the_chain,
    an_event_that_was_changed_is_found,
    an_event_that_was_cut_out_is_found,
    events_that_were_swapped_are_found,
    a_hash_that_was_taken_away_is_found_and_stops_no_change,
    a_chain_of_several_pages_is_read_to_its_end,
);

/// A database with some changes of all sorts.
async fn changed(engine: Engine) -> Store {
    let store = Store::new(engine).await;
    for (name, path) in [("a", "/a"), ("b", "/b/ü"), ("c", "/c")] {
        create(&store.odb, name, path, "bascule.echo")
            .await
            .unwrap();
    }
    store.live("a.py", "1", &["a.one"]).await;
    store
}

/// The first broken event's id.
async fn broken(store: &Store) -> Option<u64> {
    let verdict = store.odb.audit_verify().await.unwrap();
    verdict.err().map(|broken| broken.id)
}

async fn run(store: &Store, statements: &[&'static str]) {
    for statement in statements {
        let statement = sql(statement);
        statement.execute(&store.odb.pools.write).await.unwrap();
    }
}

async fn every_event_is_in_the_chain(engine: Engine) {
    let store = changed(engine).await;
    let events = store.odb.audit_page(0).await.unwrap();
    let linked: Vec<_> = events
        .iter()
        .map(|one| {
            let hash = one.hash.as_deref().expect("a hash");
            (&one.event, ChainHash::parse(hash).unwrap())
        })
        .collect();
    let verified = verify(ChainHash::START, linked).unwrap();
    assert_eq!(verified.events, u64::try_from(events.len()).unwrap());
    assert!(verified.events > 4, "{verified:?}");
    assert_eq!(store.odb.audit_verify().await.unwrap(), Ok(verified));
}

async fn an_event_that_was_changed_is_found(engine: Engine) {
    for statement in [
        "UPDATE audit SET who = 'another' WHERE id = 3",
        "UPDATE audit SET why = 'because' WHERE id = 3",
        "UPDATE audit SET at = at + 1 WHERE id = 3",
        "UPDATE audit SET generation = NULL WHERE id = 3",
        "UPDATE audit SET after_value = '{}' WHERE id = 3",
        "UPDATE audit SET after_value = 'no JSON' WHERE id = 3",
        "UPDATE audit SET hash = 'no hash' WHERE id = 3",
    ] {
        let store = changed(engine).await;
        assert_eq!(broken(&store).await, None);
        run(&store, &[statement]).await;
        assert_eq!(broken(&store).await, Some(3), "{statement}");
    }
}

async fn an_event_that_was_cut_out_is_found(engine: Engine) {
    let store = changed(engine).await;
    run(&store, &["DELETE FROM audit WHERE id = 3"]).await;
    assert_eq!(broken(&store).await, Some(4), "the one after it");
    // Nor does it help to close the gap.
    let close = [
        "UPDATE audit SET id = 3 WHERE id = 4",
        "UPDATE audit SET id = 4 WHERE id = 5",
    ];
    run(&store, &close).await;
    assert_eq!(broken(&store).await, Some(3));
    let store = changed(engine).await;
    run(&store, &["DELETE FROM audit WHERE id = 1"]).await;
    assert_eq!(broken(&store).await, Some(2), "the first one too");
}

async fn events_that_were_swapped_are_found(engine: Engine) {
    let store = changed(engine).await;
    let swap = [
        "UPDATE audit SET id = 1000 WHERE id = 2",
        "UPDATE audit SET id = 2 WHERE id = 3",
        "UPDATE audit SET id = 3 WHERE id = 1000",
    ];
    run(&store, &swap).await;
    assert_eq!(broken(&store).await, Some(2));
}

async fn a_hash_that_was_taken_away_is_found_and_stops_no_change(engine: Engine) {
    let store = changed(engine).await;
    run(&store, &["UPDATE audit SET hash = NULL"]).await;
    assert_eq!(broken(&store).await, Some(1));
    create(&store.odb, "d", "/d", "bascule.echo").await.unwrap();
    run(&store, &["UPDATE audit SET hash = 'no hash'"]).await;
    create(&store.odb, "e", "/e", "bascule.echo").await.unwrap();
    assert_eq!(broken(&store).await, Some(1));
}

async fn a_chain_of_several_pages_is_read_to_its_end(engine: Engine) {
    let store = Store::new(engine).await;
    let many = 0..1_100;
    let changes = many.map(|number| {
        let (name, path) = (format!("c{number}"), format!("/c{number}"));
        channel(&name, &path, "bascule.echo", Wanted::New)
    });
    let changes = changes.collect();
    store.odb.objects_change(&origin(), changes).await.unwrap();
    let verified = store.odb.audit_verify().await.unwrap().unwrap();
    assert!(verified.events > 1_100, "{verified:?}");
    let (mut after, mut events) = (0, 0);
    loop {
        let page = store.odb.audit_page(after).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.event.id;
        events += u64::try_from(page.len()).unwrap();
        assert!(page.len() <= 500);
    }
    assert_eq!(events, verified.events);
    run(
        &store,
        &["UPDATE audit SET who = 'another' WHERE id = 1090"],
    )
    .await;
    assert_eq!(broken(&store).await, Some(1090));
}

/// What was there before has no hash and is not vouched for; what comes after is.
#[tokio::test]
async fn the_chain_of_an_older_odb_begins_after_its_events() {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let old = super::schema::first_version(&database).await;
    let event = "INSERT INTO audit (at, who, action, object) VALUES (1, 'ana', 'a', 'b')";
    sqlx::query(event).execute(&old).await.unwrap();
    let newest: i64 = sqlx::query_scalar("SELECT MAX(id) FROM audit")
        .fetch_one(&old)
        .await
        .unwrap();
    old.close().await;
    let odb = open(&database).await.unwrap();
    create(&odb, "new", "/new", "bascule.echo").await.unwrap();
    let verified = odb.audit_verify().await.unwrap().unwrap();
    assert_eq!(verified.events, 1);
    let store = Store { odb, database };
    run(&store, &["UPDATE audit SET why = 'x' WHERE hash IS NULL"]).await;
    assert_eq!(broken(&store).await, None);
    run(&store, &["UPDATE audit SET hash = NULL"]).await;
    let first = u64::try_from(newest).unwrap() + 1;
    assert_eq!(broken(&store).await, Some(first));
}
