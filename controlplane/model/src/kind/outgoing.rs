//! Outgoing connections: what services call by name.
//!
//! Invariant: what a type needs to connect is there; what it needs to prove who we are may stand
//! elsewhere, as a secret or a security definition.

mod rest;
mod server;

use super::backend::{CA, CERTIFICATE};
use super::{Kind, NameGrammar, Rules};
use crate::object::Spec;
use crate::schema::{Field, Type, check};
use crate::{Invalid, ObjectName};

const TYPES: &[&str] = &["rest", "sql", "redis", "smtp"];
const SERVERS: &[&str] = &["sql", "redis", "smtp"];
const POOLED: &[&str] = &["rest", "sql", "redis"];
const REST: &[&str] = &["rest"];
const SQL: &[&str] = &["sql"];
const REDIS: &[&str] = &["redis"];
const SMTP: &[&str] = &["smtp"];

const HOST_BYTES_MAX: usize = 300;
const TEXT_BYTES_MAX: usize = 1_024;
const SECRET_BYTES_MAX: usize = 8 * 1024;
const HOUR_MS: i64 = 3_600_000;
/// As Zato has it, and well below the half minute of a channel, so that a service can still answer.
const TIMEOUT_MS_DEFAULT: i64 = 10_000;
const CONNECT_TIMEOUT_MS_DEFAULT: i64 = 2_000;
/// Ten calls of 100 ms each at the same time are a hundred a second.
const POOL_SIZE_DEFAULT: i64 = 10;
const POOL_SIZE_MAX: i64 = 10_000;

const TEXT: Type = Type::text(TEXT_BYTES_MAX, check::not_empty);
const SECRET: Type = Type::Secret {
    bytes_max: SECRET_BYTES_MAX,
};
const MAP: Type = Type::Map { len_max: 64 };

pub static KIND: Kind = Kind {
    name: "outgoing",
    plural: "outgoing",
    about: concat!(
        "A connection to another system that services use by its name, `self.out.rest[\"CRM\"]`. ",
        not_yet!()
    ),
    names: NameGrammar::Wide,
    fields: FIELDS,
    rules: Rules {
        check,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[
    Field::new("type", Type::Choice(TYPES), "What the other side speaks."),
    Field::new(
        "host",
        Type::text(HOST_BYTES_MAX, check::not_empty),
        "Of `rest` scheme, host and port (`https://crm.example.com:8443`), else a host alone. A SQLite \
         database and Redis behind sentinels have none.",
    )
    .optional(),
    Field::new("port", Type::integer(1, 65_535), "Missing: the usual one of the engine or protocol.")
        .optional()
        .only_for("type", SERVERS),
    rest::PATH,
    rest::METHOD,
    rest::DATA_FORMAT,
    rest::CONTENT_TYPE,
    Field::new("headers", MAP, "Of every call. Not a place for secrets: they are shown.")
        .or_empty()
        .only_for("type", REST),
    Field::new("query", MAP, "Of every call, in the query string. Not a place for secrets either.")
        .or_empty()
        .only_for("type", REST),
    rest::PING_METHOD,
    rest::PING_PATH,
    Field::new("security", rest::SECURITY, "Who we are there; missing: nobody.")
        .optional()
        .only_for("type", REST),
    server::ENGINE,
    server::DB_NAME,
    Field::new("username", TEXT, "Who we are there; missing: nobody.")
        .optional()
        .only_for("type", SERVERS),
    Field::new("password", SECRET, "Of `username`, or Redis's own.")
        .optional()
        .only_for("type", SERVERS),
    Field::new(
        "extra",
        MAP,
        "Options of the database driver, by name. Not a place for secrets: they are shown.",
    )
    .or_empty()
    .only_for("type", SQL),
    server::PING_QUERY,
    server::POOL_RECYCLE,
    Field::new("db", Type::integer(0, 65_535), "Redis's numbered database.")
        .or_integer(0)
        .only_for("type", REDIS),
    server::SENTINELS,
    server::SENTINEL_MASTER,
    server::FROM_ADDRESS,
    server::PING_ADDRESS,
    Field::new(
        "tls_mode",
        Type::Choice(&["off", "on", "starttls"]),
        "Whether the connection is encrypted from its first byte, or after asking (mail only). Off, as \
         most servers of a private network are set up.",
    )
    .or_text("off")
    .only_for("type", SERVERS),
    Field::new(
        "tls_verify",
        Type::Bool,
        "Whether the other side must prove who it is; without that, anybody in between reads along.",
    )
    .or_bool(true),
    Field::new("tls_ca", CA, "Whom to believe; missing: the authorities that the system trusts.")
        .optional(),
    Field::new("tls_certificate", CERTIFICATE, "What we show when asked who we are.").optional(),
    Field::new(
        "connect_timeout_ms",
        Type::integer(1, 60_000),
        "To connect, in milliseconds; far more than a healthy network needs.",
    )
    .or_integer(CONNECT_TIMEOUT_MS_DEFAULT),
    Field::new(
        "timeout_ms",
        Type::integer(1, HOUR_MS),
        "For one call, in milliseconds; below the 30 seconds of a channel, so that the service can \
         still answer.",
    )
    .or_integer(TIMEOUT_MS_DEFAULT),
    Field::new(
        "pool_size",
        Type::integer(1, POOL_SIZE_MAX),
        "Connections of one node; ten calls of 100 ms at a time are a hundred a second.",
    )
    .or_integer(POOL_SIZE_DEFAULT)
    .only_for("type", POOLED),
    Field::new(
        "pool_timeout_ms",
        Type::integer(0, 600_000),
        "How long a call waits for a free connection, in milliseconds, before it fails; a second is \
         less than people bear.",
    )
    .or_integer(1_000)
    .only_for("type", POOLED),
    Field::new("retries", Type::Object(rest::RETRIES), "Calling again when a call fails.")
        .or_defaults()
        .only_for("type", REST),
    rest::RESPONSE_BYTES_MAX,
    Field::new(
        "is_active",
        Type::Bool,
        "A service that uses an inactive connection gets an error at once.",
    )
    .or_bool(true),
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "CRM", "type": "rest", "host": "https://crm.example.com"}"#,
    r#"{"name": "CRM customers", "type": "rest", "host": "https://crm.example.com",
        "path": "/customers/{id}", "method": "GET", "data_format": "json", "security": "CRM account",
        "tls_ca": "company CA", "timeout_ms": 5000}"#,
    r#"{"name": "orders", "type": "sql", "engine": "postgresql", "host": "db.example.com",
        "db_name": "orders", "username": "bascule", "password": "$ORDERS_PASSWORD"}"#,
    r#"{"name": "default", "type": "redis", "host": "127.0.0.1"}"#,
    r#"{"name": "mail", "type": "smtp", "host": "smtp.example.com", "port": 587,
        "tls_mode": "starttls", "username": "bascule", "password": "file:/etc/bascule/mail",
        "from_address": "bascule@example.com"}"#,
];

fn check(_name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let mut faults = match spec.text("type") {
        "rest" => rest::faults(spec),
        _ => server::faults(spec),
    };
    if spec.integer("connect_timeout_ms") > spec.integer("timeout_ms") {
        let reason = "must not be longer than timeout_ms, of which it is a part";
        faults.push(Invalid::new("connect_timeout_ms", reason));
    }
    faults
}

#[cfg(test)]
mod tests;
