//! Settings of the cluster: what can be changed while it runs.
//!
//! Owns which settings there are and what each may be. Invariant: a stored setting has a value of its
//! own type, and a setting that is not stored has its default.

use serde_json::{Map, Value};

use super::{Kind, NameGrammar, Rules};
use crate::nearest::nearest;
use crate::object::Spec;
use crate::schema::{self, Field, Presence, Type};
use crate::{Invalid, ObjectName};

const TEXT_BYTES_MAX: usize = 1_024;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

pub static KIND: Kind = Kind {
    name: "setting",
    plural: "settings",
    about: concat!(
        "A setting of the whole cluster, by its name; one that is not there has its default. ",
        not_yet!()
    ),
    names: NameGrammar::Strict,
    fields: FIELDS,
    rules: Rules {
        check,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[Field::new(
    "value",
    Type::Scalar {
        bytes_max: TEXT_BYTES_MAX,
    },
    "Of the setting's own type; delete the setting to go back to its default.",
)];

/// All settings that there are: each as the field that its value is.
pub static SETTINGS: &[Field] = &[
    Field::new(
        "auto_revert",
        Type::Bool,
        "Whether the generation before comes back when a node refuses one. Off: a person looks first, \
         since the other nodes run the new one.",
    )
    .or_bool(false),
    Field::new(
        "audit_days",
        Type::integer(1, 3_650),
        "How long the audit trail is kept, in days; a year is what auditors ask for.",
    )
    .or_integer(365),
    Field::new(
        "history_generations_max",
        Type::integer(10, 1_000_000),
        "Generations whose content is kept, to compare with and to restore; a change every ten minutes \
         for more than two months.",
    )
    .or_integer(10_000),
    Field::new(
        "idempotency_key_s",
        Type::integer(60, 7 * DAY_S),
        "How long a request with an `Idempotency-Key` is remembered, in seconds; who repeats one later \
         than a day asks anew.",
    )
    .or_integer(DAY_S),
    Field::new(
        "session_idle_s_max",
        Type::integer(60, 7 * DAY_S),
        "A session of the console ends when it was not used for so long, in seconds; a working day.",
    )
    .or_integer(12 * HOUR_S),
    Field::new(
        "session_life_s_max",
        Type::integer(300, 90 * DAY_S),
        "However busy, a session ends then, in seconds; a week.",
    )
    .or_integer(7 * DAY_S),
    Field::new(
        "sessions_max",
        Type::integer(1, 100_000),
        "Open sessions; the one that was idle longest makes room. Bounds the memory.",
    )
    .or_integer(1_000),
    Field::new(
        "deploy_trial_timeout_ms",
        Type::integer(1_000, 600_000),
        "How long nodes may take to import a package, in milliseconds, before it is refused; ten times \
         what large libraries need.",
    )
    .or_integer(30_000),
    Field::new(
        "node_silence_ms_max",
        Type::integer(1_000, 600_000),
        "A node that says nothing for so long is shown as gone, in milliseconds; five of its reports.",
    )
    .or_integer(5_000),
    Field::new(
        "failures_max",
        Type::integer(10, 100_000),
        "Failures of services that are kept to be looked at; more than a person reads.",
    )
    .or_integer(500),
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "auto_revert", "value": true}"#,
    r#"{"name": "audit_days", "value": 730}"#,
];

/// What `setting` is when `stored` says so, or when nothing is stored. `None`: there is no such setting.
pub fn value_of(setting: &str, stored: Option<&Spec>) -> Option<Value> {
    let field = SETTINGS.iter().find(|field| field.name == setting)?;
    let value = stored.and_then(|spec| spec.view().value("value"));
    // A row of an earlier version may hold what is not taken any more.
    let taken = value.filter(|value| faults(field, (*value).clone()).is_empty());
    taken.cloned().or_else(|| field.default_value())
}

fn check(name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let Some(field) = SETTINGS.iter().find(|field| field.name == name.as_str()) else {
        let known = SETTINGS.iter().map(|field| field.name);
        let meant = nearest(name.as_str(), known.clone());
        let reason = match meant {
            Some(meant) => format!("is not a setting; {meant}?"),
            None => format!(
                "is not a setting; there are {}",
                known.collect::<Vec<_>>().join(", ")
            ),
        };
        return vec![Invalid::new("name", reason)];
    };
    let value = spec.view().value("value").cloned().unwrap_or_default();
    faults(field, value)
}

fn faults(field: &Field, value: Value) -> Vec<Invalid> {
    let alone = [Field {
        name: "value",
        presence: Presence::Required,
        ..*field
    }];
    let given = Map::from_iter([("value".to_owned(), value)]);
    schema::parse(&alone, given).err().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::testing::{changed, refused, taken};

    #[test]
    fn a_setting_is_one_of_those_that_there_are_and_of_its_type() {
        refused(
            &KIND,
            0,
            &[
                (
                    json!({"name": "auto_rever"}),
                    "name: is not a setting; auto_revert?",
                ),
                (json!({"value": null}), "value: is needed"),
                (json!({"value": "yes"}), "value: must be true or false"),
                (json!({"value": 1}), "value: must be true or false"),
                (
                    json!({"name": "audit_days", "value": 0}),
                    "value: must be a whole number, 1 to 3650",
                ),
                (
                    json!({"value": [true]}),
                    "value: must be true or false, a whole number or a text",
                ),
            ],
        );
        let errors = changed(&KIND, 0, &json!({"name": "x"})).unwrap_err();
        assert!(
            errors[0].starts_with("name: is not a setting; there are auto_revert, "),
            "{errors:?}"
        );
        taken(&KIND, 0, &[json!({"value": false})]);
    }

    #[test]
    fn every_setting_takes_its_default_and_is_it_when_nothing_is_stored() {
        for field in SETTINGS {
            let default = field.default_value().unwrap();
            let given = json!({"name": field.name, "value": default});
            taken(&KIND, 0, &[given]);
            assert_eq!(value_of(field.name, None), Some(default), "{}", field.name);
            assert!(field.about.ends_with('.'), "{}", field.name);
        }
        assert_eq!(value_of("x", None), None);
    }

    #[test]
    fn what_is_stored_counts_as_long_as_it_is_valid() {
        let days = changed(&KIND, 1, &json!({})).unwrap();
        assert_eq!(value_of("audit_days", Some(&days)), Some(json!(730)));
        assert_eq!(value_of("auto_revert", Some(&days)), Some(json!(false)));
    }
}
