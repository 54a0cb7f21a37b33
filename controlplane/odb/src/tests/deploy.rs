//! What a deploy does to rows.

use cp_model::{ImportFault, PackageState};

use super::*;

each_engine!(
    a_package_replaces_the_one_before_it,
    the_same_content_makes_no_new_generation_and_an_old_one_comes_back,
    a_name_of_another_file_is_refused_naming_both,
    a_service_that_channels_use_cannot_go,
    a_refused_package_can_be_tried_again_and_the_newest_trial_wins,
    going_back_to_what_is_live_ends_the_trial_that_is_on,
);

async fn a_package_replaces_the_one_before_it(engine: Engine) {
    let store = Store::new(engine).await;
    let LiveOutcome::Live(first) = store.live("a.py", "1", &["a.x", "a.y"]).await else {
        panic!("no conflict")
    };
    assert_eq!((first.value.version, first.value.services.len()), (1, 2));
    let event = store.newest_event().await;
    assert_eq!(
        event,
        (
            "package.deploy".into(),
            Some(first.generation.0),
            false,
            true
        )
    );

    let LiveOutcome::Live(second) = store.live("a.py", "2", &["a.x"]).await else {
        panic!("no conflict")
    };
    assert_eq!(
        (second.value.version, second.generation.0),
        (2, first.generation.0 + 1)
    );
    let rows = store.odb.rows().await.unwrap();
    assert_eq!(rows.packages.len(), 1);
    assert_eq!(rows.services.len(), 1);
    assert_eq!(rows.services[0].declared.input, ["a", "-b"]);
    let old = store.odb.package_find(&first.value.id).await.unwrap();
    assert_eq!(old.state, PackageState::Retired);
}

async fn the_same_content_makes_no_new_generation_and_an_old_one_comes_back(engine: Engine) {
    let store = Store::new(engine).await;
    store.live("a.py", "1", &["a.x"]).await;
    let before = store.generation().await;
    let (file, id) = package("a.py", "1");
    let stored = store
        .odb
        .package_store(&origin(), &id, &file, b"1")
        .await
        .unwrap();
    assert!(matches!(stored, Stored::Live { superseded, .. } if superseded.is_empty()));
    assert_eq!(store.generation().await, before);
    store.live("a.py", "2", &["a.x"]).await;
    let LiveOutcome::Live(back) = store.live("a.py", "1", &["a.x"]).await else {
        panic!("no conflict")
    };
    assert_eq!(back.value.version, 1, "it is the same immutable package");
}

async fn a_name_of_another_file_is_refused_naming_both(engine: Engine) {
    let store = Store::new(engine).await;
    store.live("a.py", "1", &["shared"]).await;
    let before = store.generation().await;
    let LiveOutcome::Refused(package, error) = store.live("b.py", "1", &["shared"]).await else {
        panic!("it is taken")
    };
    assert!(matches!(error, OdbError::ServiceTaken { file, .. } if file.as_str() == "a.py"));
    assert_eq!(package.state, PackageState::Refused);
    assert_eq!(package.error.unwrap().line, 3);
    assert_eq!(store.generation().await, before);
}

async fn a_service_that_channels_use_cannot_go(engine: Engine) {
    let store = Store::new(engine).await;
    store.live("a.py", "1", &["a.x", "a.y"]).await;
    let channel = create(&store.odb, "c1", "/c", "a.x").await.unwrap().value;
    let LiveOutcome::Refused(_, error) = store.live("a.py", "2", &["a.y"]).await else {
        panic!("it is used")
    };
    assert!(error.to_string().contains("channel c1"), "{error}");
    let (_, id) = package("a.py", "1");
    let error = store
        .odb
        .package_undeploy(&origin(), &id)
        .await
        .unwrap_err();
    assert!(matches!(error, OdbError::InUse { .. }), "{error}");
    delete(&store.odb, &channel).await.unwrap();
    store.odb.package_undeploy(&origin(), &id).await.unwrap();
    assert!(store.odb.service_list().await.unwrap().is_empty());
}

async fn a_refused_package_can_be_tried_again_and_the_newest_trial_wins(engine: Engine) {
    let store = Store::new(engine).await;
    let (file, id) = package("a.py", "broken");
    store
        .odb
        .package_store(&origin(), &id, &file, b"broken")
        .await
        .unwrap();
    let fault = ImportFault {
        node: "n1".into(),
        file: "a.py".into(),
        line: 7,
        message: "SyntaxError".into(),
        traceback: "…".into(),
    };
    let refused = store
        .odb
        .package_refuse(&origin(), &id, &fault)
        .await
        .unwrap();
    assert_eq!(refused.error, Some(fault.clone()));
    let late = store
        .odb
        .package_refuse(&origin(), &id, &fault)
        .await
        .unwrap_err();
    assert!(
        matches!(late, OdbError::PackageState { .. }),
        "a late verdict changes nothing"
    );

    let again = store
        .odb
        .package_store(&origin(), &id, &file, b"broken")
        .await
        .unwrap();
    assert!(matches!(again, Stored::Checking(package) if package.error.is_none()));
    let (_, newer) = package("a.py", "newer");
    store
        .odb
        .package_store(&origin(), &newer, &file, b"newer")
        .await
        .unwrap();
    let checking = store.odb.packages_checking().await.unwrap();
    assert_eq!(
        checking
            .iter()
            .map(|package| &package.id)
            .collect::<Vec<_>>(),
        [&newer]
    );
}

async fn going_back_to_what_is_live_ends_the_trial_that_is_on(engine: Engine) {
    let store = Store::new(engine).await;
    store.live("a.py", "1", &["a.x"]).await;
    let before = store.generation().await;
    let store_one = async |content: &str| {
        let (file, id) = package("a.py", content);
        store
            .odb
            .package_store(&origin(), &id, &file, content.as_bytes())
            .await
            .unwrap()
    };
    store_one("2").await;
    let Stored::Live { superseded, .. } = store_one("1").await else {
        panic!("it is live")
    };
    let (_, second) = package("a.py", "2");
    assert_eq!(superseded[0].id, second);
    let error = store
        .odb
        .package_go_live(&origin(), &second, &[declared("a.x")])
        .await
        .unwrap_err();
    assert!(matches!(error, OdbError::PackageState { .. }), "{error}");
    assert_eq!(store.generation().await, before);
}
