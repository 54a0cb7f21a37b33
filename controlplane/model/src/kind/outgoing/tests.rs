//! What an outgoing connection may say.

use serde_json::json;

use super::*;
use crate::kind::testing::{changed, refused, taken};

#[test]
fn a_type_has_its_own_fields_and_no_others() {
    let rest = changed(&KIND, 0, &json!({})).unwrap();
    assert_eq!(
        (rest.text("ping_method"), rest.integer("pool_size")),
        ("HEAD", 10)
    );
    assert!(!rest.has("db") && !rest.has("tls_mode"));
    let redis = changed(&KIND, 3, &json!({})).unwrap();
    assert!(!redis.has("retries") && !redis.has("path"));
    refused(
        &KIND,
        0,
        &[
            (
                json!({"username": "a"}),
                "username: is only for type sql | redis | smtp",
            ),
            (json!({"engine": "mysql"}), "engine: is only for type sql"),
        ],
    );
    refused(
        &KIND,
        4,
        &[
            (
                json!({"security": "CRM account"}),
                "security: is only for type rest",
            ),
            (
                json!({"pool_size": 5}),
                "pool_size: is only for type rest | sql | redis",
            ),
        ],
    );
}

#[test]
fn a_rest_connection_has_an_origin_and_a_path() {
    let origin = "host: must be http(s)://host[:port] without a path, got";
    refused(
        &KIND,
        0,
        &[
            (json!({"host": null}), "host: is needed"),
            (
                json!({"host": "crm.example.com"}),
                &format!("{origin} \"crm.example.com\""),
            ),
            (
                json!({"host": "https://a/b"}),
                &format!("{origin} \"https://a/b\""),
            ),
            (
                json!({"path": "/{a"}),
                "path: has a brace that is not closed",
            ),
            (
                json!({"path": "/a}"}),
                "path: has a brace that is not opened",
            ),
            (
                json!({"path": "/{}"}),
                "path: must have parameters such as {customer_id}",
            ),
            (
                json!({"path": "/}{a}"}),
                "path: must have parameters such as {customer_id}",
            ),
            (
                json!({"headers": {"a b": "c"}}),
                "headers/a b: must be a name of letters, digits and -_., got \"a b\"",
            ),
            (
                json!({"retries": {"backoff_ms": 3_000}}),
                "retries/backoff_ms_max: must not be less than backoff_ms",
            ),
            (
                json!({"timeout_ms": 1_000}),
                "connect_timeout_ms: must not be longer than timeout_ms, of which it is a part",
            ),
        ],
    );
    taken(
        &KIND,
        0,
        &[
            json!({"path": "/a/{b}/v{c}.json", "retries": {"on": ["503"], "methods": "all"}}),
            json!({"host": "http://[::1]:80", "headers": {"Accept": "text/xml"}}),
        ],
    );
}

#[test]
fn a_database_says_where_it_is() {
    refused(
        &KIND,
        2,
        &[
            (json!({"host": null}), "host: is needed"),
            (
                json!({"host": "https://a"}),
                "host: must be a host name or IP address, got \"https://a\"",
            ),
            (json!({"db_name": null}), "db_name: is needed"),
            (json!({"engine": null}), "engine: is needed"),
            (
                json!({"engine": "sqlite"}),
                "host: has no meaning for SQLite, a file",
            ),
            (
                json!({"username": null}),
                "username: is needed with password",
            ),
            (
                json!({"tls_mode": "starttls"}),
                "tls_mode: is starttls, which is only for type smtp",
            ),
        ],
    );
    let file = json!({"engine": "sqlite", "host": null, "username": null, "password": null,
                      "db_name": "/var/lib/orders.db"});
    taken(
        &KIND,
        2,
        &[
            file,
            json!({"password": null}),
            json!({"port": 5_433, "tls_mode": "on"}),
        ],
    );
}

#[test]
fn redis_is_at_a_host_or_behind_sentinels() {
    let sentinels = ["a:26379", "b:26379"];
    refused(
        &KIND,
        3,
        &[
            (
                json!({"sentinel_master": "m"}),
                "sentinels: is needed with sentinel_master",
            ),
            (
                json!({"sentinels": sentinels, "host": null}),
                "sentinel_master: is needed with sentinels",
            ),
            (
                json!({"sentinels": sentinels, "sentinel_master": "m"}),
                "host: must be left out: the sentinels tell it",
            ),
        ],
    );
    taken(
        &KIND,
        3,
        &[
            json!({"sentinels": sentinels, "sentinel_master": "m", "host": null}),
            json!({"password": "p", "db": 5}),
        ],
    );
}

#[test]
fn a_mail_server_knows_us_by_name_and_password() {
    refused(
        &KIND,
        4,
        &[
            (
                json!({"password": null}),
                "password: is needed with username",
            ),
            (
                json!({"username": null}),
                "username: is needed with password",
            ),
            (
                json!({"from_address": "a"}),
                "from_address: must be a mail address such as bascule@example.com",
            ),
            (
                json!({"ping_address": "a b@c"}),
                "ping_address: must be a mail address such as bascule@example.com",
            ),
        ],
    );
    taken(
        &KIND,
        4,
        &[json!({"username": null, "password": null, "tls_mode": "off"})],
    );
}
