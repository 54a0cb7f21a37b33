//! What a route may say, and which two cannot both be.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::kind::testing::{changed, collide, refused, taken};

fn route(patch: &Value) -> Spec {
    changed(&KIND, 0, patch).unwrap()
}

#[test]
fn a_backend_is_enough() {
    let spec = route(&json!({}));
    assert_eq!(
        (spec.text("path_match"), spec.text("path")),
        ("prefix", "/")
    );
    assert_eq!(spec.integer("priority"), 0);
    assert!(!spec.has("redirect"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    refused(
        &KIND,
        0,
        &[
            (json!({"backend": null}), "backend: is needed"),
            (
                json!({"redirect": {"path": "/"}}),
                "redirect: is only for action redirect",
            ),
            (
                json!({"path": "/{id}"}),
                "path: has braces, which are only for path_match pattern",
            ),
            (
                json!({"path": "/a/../b"}),
                "path: must not have the segments . and ..",
            ),
            (
                json!({"path": "/{a}/{a}", "path_match": "pattern"}),
                "path: has the parameter {a} twice",
            ),
            (
                json!({"path": "a"}),
                "path: must be a path such as /a/b, got \"a\"",
            ),
            (
                json!({"host": "API.example.com"}),
                "host: must be a host in lower case, or *. and one, got \"API.example.com\"",
            ),
            (
                json!({"methods": ["GET", "GET"]}),
                "methods/1: is there twice: \"GET\"",
            ),
            (
                json!({"headers": [{"name": "A"}, {"name": "a", "value": "1"}]}),
                "headers/1/name: is there twice",
            ),
        ],
    );
}

#[test]
fn a_rewrite_frames_no_message() {
    refused(
        &KIND,
        0,
        &[
            (
                json!({"rewrite": {"path_prefix": "/b"}, "path_match": "exact"}),
                "rewrite/path_prefix: is only for path_match prefix",
            ),
            (
                json!({"rewrite": {"headers": {"Content-Length": "1"}}}),
                "rewrite/headers/Content-Length: must not be set: it frames the message",
            ),
            (
                json!({"response_headers": {"A": "b\nc: d"}}),
                "response_headers/A: must be one line of at most 4096 bytes",
            ),
            (
                json!({"response_headers": {"A b": "c"}}),
                "response_headers/A b: must be a name of letters, digits and -_., got \"A b\"",
            ),
        ],
    );
    taken(
        &KIND,
        0,
        &[
            json!({"path": "/a/{b}", "path_match": "pattern"}),
            json!({"response_headers": {"Server": ""}, "host": "*.example.com"}),
        ],
    );
}

#[test]
fn a_redirect_leads_elsewhere() {
    refused(
        &KIND,
        2,
        &[
            (json!({"redirect": null}), "redirect: is needed"),
            (
                json!({"backend": "crm"}),
                "backend: is only for action backend",
            ),
            (
                json!({"redirect": {"scheme": null}}),
                "redirect: must say scheme, host or path, else it leads to itself",
            ),
        ],
    );
}

#[test]
fn routes_that_take_the_same_collide() {
    let any = route(&json!({}));
    assert!(collide(&KIND, &any, &route(&json!({"methods": ["GET"]}))));
    assert!(collide(
        &KIND,
        &any,
        &route(&json!({"priority": 9, "is_active": false}))
    ));
    assert!(collide(
        &KIND,
        &route(&json!({"path": "/a"})),
        &route(&json!({"path": "/a/"})),
    ));
    assert!(collide(
        &KIND,
        &route(&json!({"path": "/{a}", "path_match": "pattern"})),
        &route(&json!({"path": "/{b}", "path_match": "pattern"})),
    ));
    assert!(collide(
        &KIND,
        &route(&json!({"headers": [{"name": "A", "value": "1"}, {"name": "B"}]})),
        &route(&json!({"headers": [{"name": "b"}, {"name": "a", "value": "1"}]})),
    ));
    assert!(collide(
        &KIND,
        &route(&json!({"listeners": ["a", "b"]})),
        &route(&json!({"listeners": ["b", "c"]})),
    ));
}

#[test]
fn routes_that_differ_do_not_collide() {
    let any = route(&json!({}));
    for other in [
        json!({"host": "a"}),
        json!({"path": "/a"}),
        json!({"path_match": "exact"}),
        json!({"listeners": ["public"]}),
        json!({"headers": [{"name": "A"}]}),
    ] {
        assert!(!collide(&KIND, &any, &route(&other)), "{other}");
    }
    let exact = |path: &str| route(&json!({"path": path, "path_match": "exact"}));
    assert!(!collide(&KIND, &exact("/a"), &exact("/a/")));
    let methods = |methods: &[&str]| route(&json!({"methods": methods}));
    assert!(!collide(
        &KIND,
        &methods(&["GET"]),
        &methods(&["POST", "PUT"])
    ));
    let header = |value: &Value| route(&json!({"headers": [{"name": "A", "value": value}]}));
    assert!(!collide(&KIND, &header(&json!("1")), &header(&json!("2"))));
    assert!(!collide(&KIND, &header(&json!("")), &header(&Value::Null)));
}

#[test]
fn the_claim_says_what_is_taken() {
    let spec = route(&json!({"path": "/a", "host": "a.example.com"}));
    assert_eq!(claims(&spec)[0].text, "takes prefix /a of a.example.com");
}

proptest! {
    /// A key stands in a column of 1100 bytes.
    #[test]
    fn a_key_is_never_too_long(path in "/[a-z/{}]{0,511}", value in "[a-z]{1,1024}", exact: bool) {
        let host = format!("{}.example.com", "a".repeat(63));
        let listener = "l".repeat(63);
        let path_match = if exact { "exact" } else { "pattern" };
        let patch = json!({"path": path, "path_match": path_match, "host": host,
                           "listeners": [listener], "headers": [{"name": "A", "value": value}]});
        if let Ok(spec) = changed(&KIND, 0, &patch) {
            for claim in claims(&spec) {
                prop_assert!(claim.key.len() <= 1_100, "{}", claim.key.len());
            }
        }
    }
}
