//! The configuration read and changed as a whole, with more rows than one statement takes.

use super::*;

each_engine!(
    more_objects_than_a_statement_holds_come_and_go_as_one_generation,
    what_was_decided_on_is_what_is_changed,
);

/// With eight claims each, several statements of claims; one of objects.
const MANY: usize = 700;

async fn decide(
    odb: &Odb,
    expected: Option<Generation>,
    changes: impl FnOnce(&[Object]) -> Vec<Change>,
) -> Result<Written<Decided>, OdbError> {
    let change = WholeChange {
        origin: &origin(),
        expected,
    };
    odb.objects_decide(change, |before| Ok(changes(before)))
        .await
}

fn many(path: &str) -> Vec<Change> {
    let one = |index: usize| {
        let path = format!("/{path}/{index}");
        channel(
            &format!("c{index:04}"),
            &path,
            "bascule.echo",
            Wanted::Either,
        )
    };
    (0..MANY).map(one).collect()
}

async fn more_objects_than_a_statement_holds_come_and_go_as_one_generation(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let before = store.generation().await;
    let made = decide(odb, None, |_| many("a")).await.unwrap();
    assert_eq!(
        (made.generation.0, made.value.changed.len()),
        (before + 1, MANY)
    );
    let (generation, objects) = odb.object_list_whole().await.unwrap();
    assert_eq!((generation.0, objects.len()), (before + 1, MANY));

    assert!(
        decide(odb, None, |_| many("a"))
            .await
            .unwrap()
            .value
            .changed
            .is_empty()
    );
    let changed = decide(odb, None, |_| many("b")).await.unwrap();
    assert_eq!(
        (changed.generation.0, changed.value.changed.len()),
        (before + 2, MANY)
    );
    // The claims of the old paths are gone and those of the new ones are there.
    create(odb, "x", "/a/7", "bascule.echo").await.unwrap();
    let taken = create(odb, "y", "/b/7", "bascule.echo").await;
    assert!(matches!(taken, Err(OdbError::Taken { other, .. }) if other == "c0007"));

    let gone = |before: &[Object]| {
        let gone = |object: &Object| Change {
            kind: object.kind,
            name: object.name.clone(),
            expected: None,
            to: Wanted::Gone,
        };
        before.iter().map(gone).collect()
    };
    let gone = decide(odb, None, gone).await.unwrap();
    assert_eq!(gone.value.before.len(), MANY + 1);
    assert!(odb.object_list_whole().await.unwrap().1.is_empty());
    let events = odb.audit_list(u64::MAX, 10_000).await.unwrap();
    let of_channels = events
        .iter()
        .filter(|event| event.action.starts_with("channel."));
    assert_eq!(of_channels.count(), 3 * MANY + 2);
    let differences = odb
        .history_diff(Generation(before + 1), Generation(before + 2))
        .await;
    assert_eq!(differences.unwrap().len(), MANY);
}

async fn what_was_decided_on_is_what_is_changed(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let seen = Generation(store.generation().await);
    create(odb, "a", "/a", "bascule.echo").await.unwrap();
    let stale = decide(odb, Some(seen), |_| many("a")).await;
    assert!(matches!(stale, Err(OdbError::Stale { .. })), "{stale:?}");
    let now = Generation(store.generation().await);
    let taken = || {
        vec![
            channel("b", "/a", "bascule.echo", Wanted::Either),
            channel("c", "/c", "not.there", Wanted::Either),
        ]
    };
    let Err(OdbError::Objects(faults)) = decide(odb, Some(now), |_| taken()).await else {
        panic!("both are wrong");
    };
    let names: Vec<_> = faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(store.generation().await, now.0);
}
