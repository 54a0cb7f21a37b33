//! What kinds ask of the ODB beyond channels: references to a type, secrets that nobody reads.

use cp_model::kind::{GROUP, Kind, SECURITY};
use serde_json::Value;

use super::*;

each_engine!(
    a_reference_asks_for_a_type_as_long_as_it_stands,
    a_secret_is_in_no_audit_event_and_no_summary,
);

fn wanted(kind: &'static Kind, given: &Value, to: fn(Spec) -> Wanted) -> Change {
    let (name, spec) = kind.parse(given.as_object().unwrap().clone()).unwrap();
    Change {
        kind,
        name,
        expected: None,
        to: to(spec),
    }
}

async fn a_reference_asks_for_a_type_as_long_as_it_stands(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    let key = json!({"name": "key", "type": "api_key", "key": "k"});
    let client = json!({"name": "key", "type": "tls_client", "subject": "CN=a"});
    let group = json!({"name": "partners", "members": ["key"]});
    change(odb, wanted(&SECURITY, &client, Wanted::New))
        .await
        .unwrap();
    let wrong = change(odb, wanted(&GROUP, &group, Wanted::New))
        .await
        .unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "security key is of type tls_client; members/0 takes basic_auth | api_key"
    );

    change(odb, wanted(&SECURITY, &key, Wanted::Either))
        .await
        .unwrap();
    change(odb, wanted(&GROUP, &group, Wanted::New))
        .await
        .unwrap();
    let before = store.generation().await;
    let used = change(odb, wanted(&SECURITY, &client, Wanted::Either))
        .await
        .unwrap_err();
    assert_eq!(
        used.to_string(),
        "security key is used by group partners, which takes basic_auth | api_key"
    );
    assert_eq!(store.generation().await, before, "nothing was done");

    // In one change it goes, whatever is named first.
    let none = json!({"name": "partners"});
    let changes = vec![
        wanted(&SECURITY, &client, Wanted::Either),
        wanted(&GROUP, &none, Wanted::Either),
    ];
    odb.objects_change(&origin(), changes).await.unwrap();
}

async fn a_secret_is_in_no_audit_event_and_no_summary(engine: Engine) {
    let store = Store::new(engine).await;
    let odb = &store.odb;
    for (password, realm) in [("hunter2", "a"), ("hunter3", "a"), ("hunter3", "b")] {
        let account = json!({"name": "crm", "type": "basic_auth", "username": "crm",
                             "password": password, "realm": realm});
        change(odb, wanted(&SECURITY, &account, Wanted::Either))
            .await
            .unwrap();
    }
    let crm = SECURITY.parse_name("crm").unwrap();
    let kept = odb.object_find(&SECURITY, &crm).await.unwrap();
    assert_eq!(kept.spec.text("password"), "hunter3");
    delete(odb, &kept).await.unwrap();

    let events = odb.audit_list(u64::MAX, 4).await.unwrap();
    let password = |value: &Option<Value>| value.as_ref().map(|value| value["password"].clone());
    let told: Vec<_> = events
        .iter()
        .map(|event| (password(&event.before), password(&event.after)))
        .collect();
    let hidden = Some(Value::from("•••"));
    let changed = Some(Value::from("••• (changed)"));
    assert_eq!(
        told,
        [
            (hidden.clone(), None),
            (hidden.clone(), hidden.clone()),
            (hidden.clone(), changed),
            (None, hidden),
        ]
    );
    let generations = odb.generation_list(u64::MAX, 4).await.unwrap();
    assert_eq!(
        generations[2].summary,
        "security crm: password ••• → ••• (changed)"
    );
    let all = format!("{events:?} {generations:?}");
    assert!(!all.contains("hunter"), "{all}");
}
