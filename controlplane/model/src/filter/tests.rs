//! What filters and orders mean.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const KNOWN: [&str; 6] = [
    "name",
    "service",
    "timeout_ms",
    "is_active",
    "groups",
    "tls",
];

fn filter(text: &str) -> Result<Filter, Invalid> {
    Filter::parse(text, &KNOWN.into_iter())
}

fn takes(text: &str) -> bool {
    let fields = json!({
        "name": "crm.get", "service": "crm.Customer", "timeout_ms": 1_500, "is_active": true,
        "groups": ["a", "b"], "tls": {"verify": false},
    });
    filter(text)
        .expect(text)
        .takes(fields.as_object().expect("an object"))
}

#[test]
fn filters_mean_what_they_say() {
    for text in [
        "",
        "crm",
        "CRM",
        "name=crm.get",
        "name=crm.*",
        "name=*get",
        "service:customer",
        "service:crm.*",
        "timeout_ms=1500",
        "timeout_ms>=1.5s",
        "timeout_ms<2s",
        "timeout_ms>100ms AND timeout_ms<1m",
        "is_active=true",
        "groups:a",
        "groups=b",
        "NOT groups:c",
        "-groups:c",
        "tls.verify=false",
        "name=x OR name=crm.get",
        "(name=x OR crm) AND is_active=true",
        "crm is_active=true",
        "name=\"crm.get\"",
        "name!=other",
        "timeout_ms!=-1",
    ] {
        assert!(takes(text), "{text}");
    }
    for text in [
        "erp",
        "name=crm",
        "name=*.x",
        "timeout_ms>1500",
        "is_active=false",
        "groups:c",
        "NOT crm",
        "tls.verify=true",
        "tls.missing=1",
        "name=crm.get name=x",
    ] {
        assert!(!takes(text), "{text}");
    }
}

#[test]
fn a_fault_is_told() {
    for (text, reason) in [
        ("a AND", "ends where a term should be"),
        ("(a", "has a ( without its )"),
        ("a)", "has ) where it should end"),
        ("servce=a", "has the unknown field servce; service?"),
        ("name=", "compares name with nothing"),
        ("a AND b OR c", "has AND and OR together"),
        ("\"a", "has a \" without its end"),
        ("= 3", "has an operator where a term should be"),
    ] {
        let error = filter(text).expect_err(text);
        assert!(error.reason.starts_with(reason), "{text}: {error}");
    }
    assert!(filter(&"(".repeat(1_000)).is_err());
    assert!(filter(&"NOT ".repeat(400)).is_err());
    assert!(filter(&"a ".repeat(2_000)).is_err());
}

#[test]
fn the_order_is_total() {
    let order = |text| Order::parse(text, KNOWN.into_iter());
    let (a, b) = (
        json!({"name": "a", "timeout_ms": 2}),
        json!({"name": "b", "timeout_ms": 2}),
    );
    let fields = |value: &Value| value.as_object().cloned().expect("an object");
    let (a, b) = (fields(&a), fields(&b));
    let down = order("timeout_ms desc").expect("valid");
    assert_eq!(
        down.compare(&a, &b),
        Ordering::Less,
        "equals are in order of name"
    );
    assert_eq!(
        order("name desc").expect("valid").compare(&a, &b),
        Ordering::Greater
    );
    for bad in ["timeout", "name up", "name desc desc"] {
        assert!(order(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z_.():=!<>\"\\\\* -]{0,60}|.{0,40}") {
        if let Ok(filter) = filter(&text) {
            filter.takes(&Map::new());
        }
    }
}
