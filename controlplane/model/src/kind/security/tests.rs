//! What a security definition may say.

use serde_json::json;

use super::*;
use crate::kind::testing::{changed, refused, taken};

const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n";

#[test]
fn a_type_has_its_own_fields_and_no_others() {
    refused(
        &KIND,
        0,
        &[
            (json!({"password": null}), "password: is needed"),
            (json!({"username": null}), "username: is needed"),
            (json!({"key": "k"}), "key: is only for type api_key"),
            (
                json!({"username": "a:b"}),
                "username: must not hold a colon",
            ),
            (json!({"username": " "}), "username: must not be empty"),
            (json!({"ttl_s": 5}), "ttl_s: is only for type jwt"),
        ],
    );
    refused(
        &KIND,
        1,
        &[
            (json!({"key": null}), "key: is needed"),
            (
                json!({"header": "X Key"}),
                "header: must be a name of letters, digits and -_., got \"X Key\"",
            ),
        ],
    );
    refused(
        &KIND,
        5,
        &[
            (json!({"client_secret": null}), "client_secret: is needed"),
            (
                json!({"token_url": "a"}),
                "token_url: must be an http(s) URL, got \"a\"",
            ),
        ],
    );
    let spec = changed(&KIND, 1, &json!({})).unwrap();
    assert_eq!(spec.text("header"), "X-API-Key");
    assert!(!spec.has("realm") && !spec.has("ttl_s"));
}

#[test]
fn an_issuer_has_one_source_of_keys_and_algorithms_that_go_with_it() {
    let needed = "is one of three, exactly one of which is needed: jwks_url | public_key | secret";
    refused(
        &KIND,
        3,
        &[
            (json!({"jwks_url": null}), &format!("jwks_url: {needed}")),
            (json!({"secret": "s"}), &format!("secret: {needed}")),
            (json!({"algorithms": []}), "algorithms: must not be empty"),
            (
                json!({"algorithms": ["RS256", "HS256"]}),
                "algorithms: has HS256, which does not go with jwks_url",
            ),
            (
                json!({"public_key": "MIIB", "jwks_url": null}),
                "public_key: must be a public key or certificate in PEM",
            ),
        ],
    );
    refused(
        &KIND,
        4,
        &[(
            json!({"algorithms": ["RS256"]}),
            "algorithms: has RS256, which does not go with secret",
        )],
    );
    taken(
        &KIND,
        3,
        &[json!({"jwks_url": null, "public_key": KEY, "algorithms": ["EdDSA"]})],
    );
    let errors = changed(&KIND, 3, &json!({"algorithms": ["none"]})).unwrap_err();
    assert!(
        errors[0].starts_with("algorithms/0: must be HS256 | "),
        "{errors:?}"
    );
}

#[test]
fn a_private_key_is_pem_or_stands_elsewhere_and_is_not_repeated() {
    let reason = "private_key: must be a private key in PEM, $NAME of a variable, or file:PATH";
    refused(&KIND, 6, &[(json!({"private_key": "hunter2"}), reason)]);
    let pem = "-----BEGIN EC PRIVATE KEY-----\nMIIB\n-----END EC PRIVATE KEY-----\n";
    taken(
        &KIND,
        6,
        &[json!({"private_key": pem}), json!({"private_key": "$KEY"})],
    );
    let errors = changed(&KIND, 6, &json!({"certificate": "MIIB"})).unwrap_err();
    assert!(
        errors[0].starts_with("certificate: must be certificates in PEM"),
        "{errors:?}"
    );
}

#[test]
fn a_client_certificate_is_told_by_something() {
    refused(
        &KIND,
        8,
        &[
            (
                json!({"subject": null}),
                "fingerprint_sha256: is one of three, any of which is needed: fingerprint_sha256 | \
                 subject | san",
            ),
            (
                json!({"fingerprint_sha256": "ab:cd"}),
                "fingerprint_sha256: must be 64 hexadecimal digits",
            ),
        ],
    );
    let colons = vec!["aB"; 32].join(":");
    taken(
        &KIND,
        8,
        &[
            json!({"fingerprint_sha256": "0".repeat(64)}),
            json!({"fingerprint_sha256": colons}),
            json!({"subject": null, "san": "spiffe://example.com/warehouse"}),
        ],
    );
}
