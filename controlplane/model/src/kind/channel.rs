//! Channels: where requests enter.

use super::methods::ANY_METHODS;
use super::{Claim, Kind, NameGrammar, Rules};
use crate::object::Spec;
use crate::schema::{Field, Type};
use crate::{Invalid, ObjectName, PathPattern};

const TIMEOUT_MS_DEFAULT: i64 = 30_000;
/// An hour: what takes longer is a job, not an exchange.
const TIMEOUT_MS_MAX: i64 = 3_600_000;
const BODY_BYTES_MAX_DEFAULT: i64 = 8 * 1024 * 1024;
/// What nodes accept: a frame to a worker holds 64 MiB, less one for the head.
const BODY_BYTES_MAX_LIMIT: i64 = 63 * 1024 * 1024;
/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 1_024;

/// The channel that every node has without being told; the nodes keep its name for it.
pub const BUILT_IN_CHANNEL: &str = "bascule.ping";

pub static KIND: Kind = Kind {
    name: "channel",
    plural: "channels",
    about: "Where requests enter: a path and the service that answers.",
    names: NameGrammar::Strict,
    fields: &[
        Field::new(
            "path",
            Type::Text {
                bytes_max: PATH_BYTES_MAX,
                check: check_path,
            },
            "`/a/{b}/c`; literals win over parameters.",
        ),
        Field::new("service", Type::Service, "What answers."),
        Field::new(
            "method",
            Type::Choice(ANY_METHODS),
            "Upper case; empty means any.",
        )
        .or_text(""),
        Field::new(
            "data_format",
            Type::Choice(&["", "json"]),
            "`json`, or empty for the body as it is.",
        )
        .or_text(""),
        Field::new(
            "timeout_ms",
            Type::Integer {
                min: 1,
                max: TIMEOUT_MS_MAX,
            },
            "For the whole exchange, in milliseconds; people give up after half a minute.",
        )
        .or_integer(TIMEOUT_MS_DEFAULT),
        Field::new(
            "body_bytes_max",
            Type::Integer {
                min: 0,
                max: BODY_BYTES_MAX_LIMIT,
            },
            "The largest body that is accepted, in bytes; more gets 413.",
        )
        .or_integer(BODY_BYTES_MAX_DEFAULT),
        Field::new("is_active", Type::Bool, "Nodes know active channels only.").or_bool(true),
    ],
    rules: Rules {
        check,
        claims,
        built_in,
    },
    examples: &[r#"{"name": "echo", "path": "/echo", "service": "bascule.echo"}"#],
};

fn check_path(text: &str) -> Result<(), String> {
    PathPattern::parse(text)
        .map(|_| ())
        .map_err(|error| error.reason)
}

/// Not part of the grammar of names, so that a row with the name can still be read, and removed.
fn check(name: &ObjectName, _spec: &Spec) -> Vec<Invalid> {
    if name.as_str() != BUILT_IN_CHANNEL {
        return Vec::new();
    }
    let reason = format!("must not be {BUILT_IN_CHANNEL}, which every node has built in");
    vec![Invalid::new("name", reason)]
}

/// The path's key with each method that the channel takes, so that a channel for any method collides
/// with every other one of its path.
fn claims(spec: &Spec) -> Vec<Claim> {
    let key = PathPattern::stored(spec.text("path").to_owned()).key();
    let method = spec.text("method");
    let taken = ANY_METHODS
        .iter()
        .filter(|candidate| method.is_empty() || **candidate == method);
    taken
        .map(|taken| Claim {
            field: "path",
            key: format!("{taken} {key}"),
            text: text(spec),
        })
        .collect()
}

/// Every node answers this path itself, so no channel may.
fn built_in(spec: &Spec) -> Option<(&'static str, Claim)> {
    let path = PathPattern::stored(spec.text("path").to_owned());
    path.is_built_in().then(|| {
        let claim = Claim {
            field: "path",
            key: String::new(),
            text: text(spec),
        };
        (BUILT_IN_CHANNEL, claim)
    })
}

fn text(spec: &Spec) -> String {
    let method = match spec.text("method") {
        "" => "any method",
        method => method,
    };
    format!("takes {method} {}", spec.text("path"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(path: &str, method: &str) -> Spec {
        let given = json!({"name": "a", "path": path, "method": method, "service": "a.b"});
        let Value::Object(given) = given else {
            panic!("an object");
        };
        KIND.parse(given).expect("valid").1
    }

    fn collide(left: &Spec, right: &Spec) -> bool {
        let keys = |spec| claims(spec).into_iter().map(|claim| claim.key);
        keys(left).any(|key| keys(right).any(|other| other == key))
    }

    #[test]
    fn same_pattern_and_overlapping_method_collide() {
        let get = spec("/crm/{id}", "GET");
        assert!(collide(&get, &spec("/crm/{other}", "GET")));
        assert!(collide(&get, &spec("/crm/{id}", "")));
        assert!(collide(&spec("/crm/{id}", ""), &spec("/crm/{id}", "")));
        assert!(!collide(&get, &spec("/crm/{id}", "POST")));
        assert!(!collide(&get, &spec("/crm/x", "GET")));
    }
}
