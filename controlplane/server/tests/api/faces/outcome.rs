//! What came of a request, in the words of REST, without what no two planes share.

use std::collections::BTreeSet;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// `OK`, or the reason of an error: `STALE`.
    pub(crate) class: String,
    /// The fields that an error names, as REST does, without the first slash.
    pub(crate) fields: BTreeSet<String>,
    pub(crate) value: Value,
}

/// Times, random ids, and what depends on the pace of the machine.
const NOT_SHARED: [&str; 9] = [
    "id",
    "at",
    "created_at",
    "changed_at",
    "started_at",
    "last_seen_at",
    "deployed_at",
    "took_ms",
    "cluster_id",
];

/// Errors and fields whose texts speak of what each face has for it: a header, a message's field.
const OWN_WORDS: [&str; 5] = [
    "PRECONDITION_REQUIRED",
    "PAYLOAD_TOO_LARGE",
    "timeout",
    "timeout_ms",
    "idempotency_key",
];

// === impl Outcome ===

impl Outcome {
    pub(crate) fn ok(value: Value) -> Self {
        Self {
            class: "OK".to_owned(),
            fields: BTreeSet::new(),
            value: without_ids(value),
        }
    }

    pub(crate) fn error(class: String, fields: BTreeSet<String>, detail: Value) -> Self {
        if OWN_WORDS.contains(&class.as_str()) {
            return Self {
                class,
                fields: BTreeSet::new(),
                value: Value::Null,
            };
        }
        let has_own_words = fields
            .iter()
            .any(|field| OWN_WORDS.contains(&field.as_str()));
        Self {
            class,
            fields,
            value: if has_own_words { Value::Null } else { detail },
        }
    }

    /// With the field `from` under the name `to`.
    pub(crate) fn called(mut self, from: &str, to: &str) -> Self {
        if self.fields.remove(from) {
            self.fields.insert(to.to_owned());
            let detail = self.value.as_str().unwrap();
            self.value = detail
                .replace(&format!("{from}: "), &format!("{to}: "))
                .into();
        }
        self
    }
}

/// The ids of packages are made of their content, so both planes have the same.
pub(crate) fn without_ids(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                let is_hash = value.as_str().is_some_and(|text| text.len() == 64);
                let is_count = name == "id" && value.is_number();
                is_hash || is_count || !NOT_SHARED.contains(&name.as_str())
            });
            for value in fields.values_mut() {
                *value = without_ids(value.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_ids(item.take());
            }
        }
        _ => {}
    }
    value
}
