//! What a backend may say.

use serde_json::json;

use super::*;
use crate::kind::testing::{changed, refused, taken};

#[test]
fn a_pool_of_two_addresses_needs_nothing_else() {
    let spec = changed(&KIND, 0, &json!({})).unwrap();
    assert_eq!(spec.text("algorithm"), "round_robin");
    assert_eq!(spec.object("active_check").integer("interval_ms"), 2_000);
    assert_eq!(spec.object("retries").texts("on"), ["reset"]);
    assert_eq!(spec.objects("endpoints")[1].integer("weight"), 100);
    assert!(!spec.has("tls") && !spec.has("hash_on"));
    let tcp = changed(&KIND, 1, &json!({})).unwrap();
    assert!(!tcp.has("retries") && !tcp.object("active_check").has("path"));
}

#[test]
fn endpoints_are_there_once_and_not_all_backups() {
    refused(
        &KIND,
        0,
        &[
            (json!({"endpoints": null}), "endpoints: is needed"),
            (json!({"endpoints": []}), "endpoints: must not be empty"),
            (
                json!({"endpoints": [{"address": "a:1", "is_backup": true}]}),
                "endpoints: must not all be backups: the last resort needs a first one",
            ),
            (
                json!({"endpoints": [{"address": "a:1"}, {"address": "A:1"}]}),
                "endpoints/1/address: is there twice",
            ),
            (
                json!({"endpoints": [{"address": "a"}]}),
                "endpoints/0/address: must be host:port, got \"a\"",
            ),
            (
                json!({"endpoints": [{"address": "a:1", "weight": 0}]}),
                "endpoints/0/weight: must be a whole number, 1 to 1000",
            ),
            (
                json!({"endpoints": [{"address": "a:1", "backup": true}]}),
                "endpoints/0/backup: is not a field",
            ),
        ],
    );
}

#[test]
fn a_hash_says_of_what() {
    taken(
        &KIND,
        0,
        &[
            json!({"algorithm": "consistent_hash"}),
            json!({"algorithm": "consistent_hash", "hash_on": "cookie", "hash_name": "sid"}),
        ],
    );
    refused(
        &KIND,
        0,
        &[
            (
                json!({"algorithm": "consistent_hash", "hash_on": "header"}),
                "hash_name: is needed",
            ),
            (
                json!({"hash_on": "header"}),
                "hash_on: is only for algorithm consistent_hash",
            ),
            (
                json!({"algorithm": "consistent_hash", "hash_name": "sid"}),
                "hash_name: is only for hash_on header | cookie",
            ),
        ],
    );
}

#[test]
fn tcp_knows_no_requests() {
    let hash = json!({"algorithm": "consistent_hash", "hash_on": "path"});
    refused(
        &KIND,
        1,
        &[
            (
                hash,
                "hash_on: looks at requests, which the protocol tcp does not know",
            ),
            (
                json!({"retries": {"resends_max": 2}}),
                "retries: is only for protocol http",
            ),
            (json!({"sticky": {}}), "sticky: is only for protocol http"),
        ],
    );
    // A service beside the one that is balanced may well speak HTTP.
    taken(
        &KIND,
        1,
        &[json!({"active_check": {"type": "http", "port": 8_080}})],
    );
}

#[test]
fn limits_do_not_contradict_each_other() {
    refused(
        &KIND,
        0,
        &[
            (
                json!({"active_check": {"type": "http", "status_min": 400}}),
                "active_check/status_max: must not be less than status_min",
            ),
            (
                json!({"active_check": {"interval_ms": 500}}),
                "active_check/timeout_ms: must not be longer than interval_ms: checks would overtake \
                 each other",
            ),
            (
                json!({"passive_ejection": {"ejection_ms": 70_000}}),
                "passive_ejection/ejection_ms_max: must not be less than ejection_ms",
            ),
            (
                json!({"retries": {"backoff_ms": 300}}),
                "retries/backoff_ms_max: must not be less than backoff_ms",
            ),
            (
                json!({"active_check": {"type": "none", "rise": 3}}),
                "active_check/rise: is only for type tcp | http",
            ),
        ],
    );
    taken(
        &KIND,
        0,
        &[
            json!({"active_check": {"type": "none"}}),
            json!({"sticky": {}, "tls": {}, "circuit_breaker": {"error_percent_max": 50}}),
            json!({"retries": {"on": ["reset", "503"], "methods": "all"}}),
        ],
    );
}

#[test]
fn certificates_are_references() {
    let spec = changed(&KIND, 1, &json!({})).unwrap();
    let references = spec.references(&KIND);
    let places: Vec<_> = references
        .iter()
        .map(|reference| (reference.place.as_str(), reference.types))
        .collect();
    assert_eq!(
        places,
        [
            ("tls/ca", &["tls_ca"][..]),
            ("tls/certificate", &["tls_certificate"])
        ]
    );
}
