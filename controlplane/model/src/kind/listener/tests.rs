//! What a listener may say, and which two cannot both be.

use serde_json::json;

use super::*;
use crate::kind::testing::{changed, collide, refused, taken};

#[test]
fn an_address_is_enough() {
    let spec = changed(&KIND, 0, &json!({})).unwrap();
    assert_eq!(spec.text("purpose"), "http");
    assert_eq!(spec.texts("protocols"), ["http/1.1"]);
    assert_eq!(spec.object("limits").integer("headers_max"), 100);
    assert_eq!(spec.object("timeouts").integer("keep_alive_ms"), 65_000);
    let tcp = changed(&KIND, 2, &json!({})).unwrap();
    assert!(!tcp.has("protocols") && !tcp.has("limits"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    refused(
        &KIND,
        0,
        &[
            (
                json!({"address": "localhost:80"}),
                "address: must be ip:port, got \"localhost:80\"",
            ),
            (json!({"protocols": []}), "protocols: must not be empty"),
            (
                json!({"protocols": ["h2"]}),
                "protocols: has h2, which needs tls",
            ),
            (
                json!({"backend": "crm"}),
                "backend: is only for purpose tcp",
            ),
            (json!({"purpose": "tcp"}), "backend: is needed"),
            (json!({"tls": {}}), "tls/certificates: is needed"),
            (
                json!({"tls": {"certificates": []}}),
                "tls/certificates: must not be empty",
            ),
            (
                json!({"tls": {"certificates": ["a"], "client_certificate": "required"}}),
                "tls/client_ca: is needed",
            ),
            (
                json!({"proxy_protocol": "required"}),
                "trusted_proxies: is needed: only these may write PROXY lines",
            ),
            (
                json!({"trusted_proxies": ["10.0.0.1/8"]}),
                "trusted_proxies/0: must have no bits behind its length, got \"10.0.0.1/8\"",
            ),
            (
                json!({"limits": {"head_bytes_max": 1024}}),
                "limits/head_bytes_max: must not be less than line_bytes_max",
            ),
        ],
    );
    refused(
        &KIND,
        2,
        &[
            (json!({"backend": null}), "backend: is needed"),
            (
                json!({"protocols": ["h2"]}),
                "protocols: is only for purpose http | routes | channels",
            ),
        ],
    );
    taken(
        &KIND,
        1,
        &[
            json!({"tls": {"client_certificate": "required", "client_ca": "company CA"}}),
            json!({"proxy_protocol": "required", "trusted_proxies": ["10.0.0.0/8"]}),
        ],
    );
}

#[test]
fn one_address_is_one_listener_s() {
    let at = |address: &str| changed(&KIND, 0, &json!({"address": address})).unwrap();
    assert!(collide(&KIND, &at("0.0.0.0:80"), &at("0.0.0.0:80")));
    assert!(collide(&KIND, &at("[::1]:80"), &at("[0:0::1]:80")));
    assert!(collide(&KIND, &at("[::]:80"), &at("0.0.0.0:80")));
    assert!(!collide(&KIND, &at("0.0.0.0:80"), &at("0.0.0.0:81")));
    assert!(!collide(&KIND, &at("[::]:80"), &at("10.0.0.1:80")));
    assert_eq!(
        claims(&at("127.0.0.1:80"))[0].text,
        "listens at 127.0.0.1:80"
    );
}
