//! States, differences, restoring; requests that are done once.

use cp_model::RequestKey;

use super::*;

each_engine!(
    any_generation_can_be_compared_and_restored,
    a_restored_generation_brings_its_code_back,
    a_set_of_changes_is_one_generation_or_none,
    a_request_with_a_key_is_done_once,
    generations_follow_each_other_over_holes,
    what_came_before_the_history_is_not_kept,
    what_is_named_cannot_go_nor_be_renamed,
);

async fn names(odb: &Odb) -> Vec<String> {
    let channels = odb.object_list(&CHANNEL, "", 100).await.unwrap();
    channels
        .iter()
        .map(|channel| format!("{} {}", channel.name, channel.spec.text("path")))
        .collect()
}

async fn any_generation_can_be_compared_and_restored(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let empty = store.generation().await;
    let a = create(odb, "a", "/a", "bascule.echo").await.unwrap().value;
    create(odb, "b", "/b", "bascule.echo").await.unwrap();
    let both = store.generation().await;
    change(odb, channel("b", "/b2", "bascule.echo", Wanted::Either))
        .await
        .unwrap();
    delete(odb, &a).await.unwrap();
    // Its name, with another id, so that restoring has to bring the old one back.
    create(odb, "a", "/a3", "bascule.echo").await.unwrap();

    let differences = odb
        .history_diff(Generation(both), Generation(store.generation().await))
        .await
        .unwrap();
    let path = |kept: &Option<Kept>| kept.as_ref().unwrap().fields["path"].clone();
    let shown: Vec<_> = differences
        .iter()
        .map(|one| (one.name.as_str(), path(&one.before), path(&one.after)))
        .collect();
    assert_eq!(
        shown,
        [
            ("a", "/a".into(), "/a3".into()),
            ("b", "/b".into(), "/b2".into())
        ]
    );

    let before = store.generation().await;
    let restored = odb
        .history_restore(&origin(), Generation(both))
        .await
        .unwrap();
    assert_eq!(restored.generation.0, before + 1);
    assert_eq!(names(odb).await, ["a /a", "b /b"]);
    assert_eq!(odb.object_find(&CHANNEL, &a.name).await.unwrap().id, a.id);
    let none = odb
        .history_diff(Generation(both), restored.generation)
        .await;
    assert_eq!(none.unwrap(), []);
    let again = odb
        .history_restore(&origin(), Generation(both))
        .await
        .unwrap();
    assert_eq!(again.generation, restored.generation, "nothing to do");

    odb.history_restore(&origin(), Generation(empty))
        .await
        .unwrap();
    assert!(names(odb).await.is_empty());
    for unknown in [0, before + 9] {
        let error = odb.history_restore(&origin(), Generation(unknown)).await;
        assert!(matches!(error, Err(OdbError::NotFound { .. })));
    }
}

async fn a_restored_generation_brings_its_code_back(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    store.live("a.py", "1", &["a.x", "a.y"]).await;
    create(odb, "c", "/c", "a.x").await.unwrap();
    let good = store.generation().await;
    change(odb, channel("c", "/c", "a.y", Wanted::Either))
        .await
        .unwrap();
    // The service moves to another file, which the way back has to undo first.
    store.live("a.py", "2", &["a.y"]).await;
    store.live("b.py", "1", &["a.x"]).await;
    odb.history_restore(&origin(), Generation(good))
        .await
        .unwrap();
    let services = odb.service_list().await.unwrap();
    let shown: Vec<_> = services
        .iter()
        .map(|service| {
            format!(
                "{} {} {}",
                service.declared.name, service.file, service.version
            )
        })
        .collect();
    assert_eq!(shown, ["a.x a.py 1", "a.y a.py 1"]);
    assert_eq!(services[0].declared, declared("a.x"));
    let rows = odb.rows().await.unwrap();
    assert_eq!(rows.packages.len(), 1);
    assert_eq!(rows.objects[0].spec.text("service"), "a.x");
}

async fn a_set_of_changes_is_one_generation_or_none(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    create(odb, "a", "/a", "bascule.echo").await.unwrap();
    create(odb, "b", "/b", "bascule.echo").await.unwrap();
    let before = store.generation().await;
    let set = |paths: [&str; 2], last: &str| {
        let mut set: Vec<_> = ["a", "b"]
            .into_iter()
            .zip(paths)
            .map(|(name, path)| channel(name, path, "bascule.echo", Wanted::Either))
            .collect();
        set.push(channel("c", last, "bascule.echo", Wanted::New));
        set
    };
    let error = odb.objects_change(&origin(), set(["/b", "/a"], "/a")).await;
    assert!(matches!(error, Err(OdbError::Taken { .. })), "{error:?}");
    assert_eq!(store.generation().await, before);
    assert_eq!(names(odb).await, ["a /a", "b /b"]);
    // Paths are swapped: neither half could stand alone.
    odb.objects_change(&origin(), set(["/b", "/a"], "/c"))
        .await
        .unwrap();
    assert_eq!(store.generation().await, before + 1);
    assert_eq!(names(odb).await, ["a /b", "b /a", "c /c"]);
}

async fn a_request_with_a_key_is_done_once(engine: Engine) {
    let store = Store::new(engine).await;
    let keyed = |fingerprint: &str| Origin {
        key: Some(RequestKey {
            key: "k".into(),
            fingerprint: fingerprint.into(),
        }),
        ..origin()
    };
    let make = || vec![channel("a", "/a", "bascule.echo", Wanted::New)];
    let first = store.odb.objects_change(&keyed("f"), make()).await.unwrap();
    create(&store.odb, "b", "/b", "bascule.echo").await.unwrap();
    let again = store.odb.objects_change(&keyed("f"), make()).await.unwrap();
    assert_eq!(again.generation, first.generation);
    let id = |written: &Written<Vec<ChangedObject>>| written.value[0].object().unwrap().id;
    assert_eq!(id(&again), id(&first));
    let other = store.odb.objects_change(&keyed("g"), make()).await;
    assert!(matches!(other, Err(OdbError::KeyReused)), "{other:?}");
}

async fn what_is_named_cannot_go_nor_be_renamed(engine: Engine) {
    let store = Store::new(engine).await;
    store.live("a.py", "1", &["a.x"]).await;
    create(&store.odb, "c", "/c", "a.x").await.unwrap();
    let (_, id) = package("a.py", "1");
    let error = store
        .odb
        .package_undeploy(&origin(), &id)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "service a.x is used by channel c");
}

async fn generations_follow_each_other_over_holes(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    create(odb, "a", "/a", "bascule.echo").await.unwrap();
    let made = store.generation().await;
    odb.cluster_overtake(&origin(), Generation(made + 40))
        .await
        .unwrap();
    create(odb, "b", "/b", "bascule.echo").await.unwrap();
    let mut followed = Vec::new();
    let mut after = Generation(0);
    while let Some(row) = odb.generation_after(after).await.unwrap() {
        after = row.number;
        followed.push(after.0);
    }
    let mut listed: Vec<_> = odb.generation_list(u64::MAX, 100).await.unwrap();
    listed.reverse();
    let listed: Vec<_> = listed.into_iter().map(|row| row.number.0).collect();
    assert_eq!(followed, listed);
    assert_eq!(listed[listed.len() - 3..], [made, made + 41, made + 42]);
}

async fn what_came_before_the_history_is_not_kept(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    create(odb, "a", "/a", "bascule.echo").await.unwrap();
    let oldest = store.generation().await;
    create(odb, "b", "/b", "bascule.echo").await.unwrap();
    sql("UPDATE cluster SET history_from = ?")
        .bind(i64::try_from(oldest).unwrap())
        .execute(&odb.pools.write)
        .await
        .unwrap();
    let diff = async |from, to| odb.history_diff(Generation(from), Generation(to)).await;
    assert_eq!(diff(oldest, oldest + 1).await.unwrap().len(), 1);
    let error = diff(oldest - 1, oldest + 1).await;
    assert!(matches!(error, Err(OdbError::NotKept { .. })), "{error:?}");
}
