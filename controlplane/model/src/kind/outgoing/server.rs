//! What outgoing connections to databases, Redis and mail servers have.

use super::{REDIS, SMTP, SQL, TEXT};
use crate::Invalid;
use crate::object::Spec;
use crate::schema::{Field, Type, check};

const SENTINELS_MAX: usize = 16;

pub(super) const ENGINE: Field = Field::new(
    "engine",
    Type::Choice(&["postgresql", "mysql", "sqlite", "mssql", "oracle"]),
    "Whose SQL.",
)
.only_for("type", SQL);

pub(super) const DB_NAME: Field = Field::new(
    "db_name",
    TEXT,
    "The database; of SQLite the path of the file.",
)
.only_for("type", SQL);

pub(super) const PING_QUERY: Field = Field::new(
    "ping_query",
    TEXT,
    "How the connection is tried; missing: the least query of the engine.",
)
.optional()
.only_for("type", SQL);

pub(super) const POOL_RECYCLE: Field = Field::new(
    "pool_recycle_s",
    Type::integer(0, 86_400),
    "A connection that is older is replaced, in seconds; half an hour is before firewalls and servers \
     forget it. 0: never.",
)
.or_integer(1_800)
.only_for("type", SQL);

pub(super) const SENTINELS: Field = Field::new(
    "sentinels",
    Type::list(&Type::text(270, check::host_port), SENTINELS_MAX),
    "Who tells where Redis is, `host:port`; `host` is left out then.",
)
.or_empty()
.only_for("type", REDIS);

pub(super) const SENTINEL_MASTER: Field = Field::new(
    "sentinel_master",
    TEXT,
    "The name that the sentinels know it by.",
)
.optional()
.only_for("type", REDIS);

pub(super) const FROM_ADDRESS: Field = Field::new(
    "from_address",
    Type::text(320, check_address),
    "The sender of mails that name none.",
)
.optional()
.only_for("type", SMTP);

pub(super) const PING_ADDRESS: Field = Field::new(
    "ping_address",
    Type::text(320, check_address),
    "Whom a ping writes a mail to; missing: it only says hello to the server.",
)
.optional()
.only_for("type", SMTP);

pub(super) fn faults(spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    faults.extend(host_fault(spec));
    let is_mail = spec.text("type") == "smtp";
    if spec.text("tls_mode") == "starttls" && !is_mail {
        faults.push(Invalid::new(
            "tls_mode",
            "is starttls, which is only for type smtp",
        ));
    }
    if spec.has("password") && !spec.has("username") && spec.text("type") != "redis" {
        faults.push(Invalid::new("username", "is needed with password"));
    }
    if is_mail && spec.has("username") && !spec.has("password") {
        faults.push(Invalid::new("password", "is needed with username"));
    }
    let (has_sentinels, has_master) = (
        !spec.texts("sentinels").is_empty(),
        spec.has("sentinel_master"),
    );
    if has_master && !has_sentinels {
        faults.push(Invalid::new("sentinels", "is needed with sentinel_master"));
    }
    if has_sentinels && !has_master {
        faults.push(Invalid::new("sentinel_master", "is needed with sentinels"));
    }
    faults
}

fn host_fault(spec: &Spec) -> Option<Invalid> {
    let stands_elsewhere = if spec.text("engine") == "sqlite" {
        Some("has no meaning for SQLite, a file")
    } else if spec.texts("sentinels").is_empty() {
        None
    } else {
        Some("must be left out: the sentinels tell it")
    };
    match (spec.text("host"), stands_elsewhere) {
        ("", None) => Some(Invalid::new("host", "is needed")),
        ("", Some(_)) => None,
        (_, Some(reason)) => Some(Invalid::new("host", reason)),
        (host, None) => {
            let fault = check::host(host).err();
            fault.map(|reason| Invalid::new("host", reason))
        }
    }
}

/// What every mail server takes; whether there is such a person only it knows.
fn check_address(text: &str) -> Result<(), String> {
    let is_good = |local: &str, domain: &str| {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;\"".contains(c);
        !local.is_empty() && local.chars().all(is_plain) && check::host(domain).is_ok()
    };
    match text.rsplit_once('@') {
        Some((local, domain)) if is_good(local, domain) => Ok(()),
        _ => Err("must be a mail address such as bascule@example.com".to_owned()),
    }
}
