//! What a change of the configuration means to those who live with it.
//!
//! Owns sentences for people, such as "now runs crm.b instead of crm.a". Knows no kind: what is told
//! follows from the types of fields and from claims. Pure. Invariant: equal configurations have no
//! effects, and the order is that of kinds and names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kind::{self, Kind};
use crate::{Object, ObjectName, Spec};

/// One consequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// A kind's name, or `service`.
    pub kind: &'static str,
    pub name: String,
    /// Reads on after kind and name: "is unused afterwards".
    pub text: String,
}

/// An object before and after.
pub type Pair<'a> = (Option<&'a Object>, Option<&'a Object>);

/// A kind's name, or `service`, with a name.
type Target = (&'static str, String);

/// The switch that several kinds have.
const IS_ACTIVE: &str = "is_active";

/// What `changes` mean where `before` is every object that there was.
pub fn of(before: &[Object], changes: &[Pair<'_>]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (before, after) in changes {
        match (before, after) {
            (Some(before), Some(after)) => effects.extend(of_fields(before, after)),
            (Some(gone), None) => effects.push(Effect::of(gone, "goes away")),
            _ => {}
        }
    }
    effects.extend(of_claims(changes));
    effects.extend(of_uses(before, changes));
    effects.sort_by_key(|effect| (kind::order(effect.kind), effect.clone()));
    effects
}

fn of_fields(before: &Object, after: &Object) -> Vec<Effect> {
    let mut effects = Vec::new();
    let (was, is) = (is_active(before), is_active(after));
    if was != is {
        let text = if is { "starts" } else { "stops" };
        effects.push(Effect::of(after, text));
    }
    for field in before.kind.fields {
        let named = |object: &Object| named_at(object.kind, &object.spec, field.name);
        let (was, is) = (named(before), named(after));
        let lost: Vec<_> = was.difference(&is).collect();
        let won: Vec<_> = is.difference(&was).collect();
        let text = match (lost.as_slice(), won.as_slice()) {
            ([], []) => continue,
            ([], won) => format!("{} is {} from now on", field.name, joined(won)),
            (lost, []) => format!("loses {}: {}", field.name, joined(lost)),
            (lost, won) => format!(
                "{} is {} instead of {}",
                field.name,
                joined(won),
                joined(lost)
            ),
        };
        effects.push(Effect::of(after, text));
    }
    effects
}

/// Names of other things that one field holds, at any depth.
fn named_at(kind: &Kind, spec: &Spec, field: &str) -> BTreeSet<String> {
    let is_within = |place: &str| place.split('/').next() == Some(field);
    let references = spec.references(kind).into_iter();
    references
        .filter(|reference| is_within(&reference.place))
        .map(|reference| reference.name)
        .collect()
}

fn joined(names: &[&String]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}

fn is_active(object: &Object) -> bool {
    object.spec.fields().get(IS_ACTIVE) != Some(&Value::Bool(false))
}

/// What an object claimed and does not claim any more, and who claims it now.
fn of_claims(changes: &[Pair<'_>]) -> Vec<Effect> {
    let mut now = BTreeMap::new();
    for after in changes.iter().filter_map(|(_, after)| *after) {
        for claim in (after.kind.rules.claims)(&after.spec) {
            now.insert((after.kind.name, claim.key), &after.name);
        }
    }
    let mut effects = BTreeSet::new();
    for before in changes.iter().filter_map(|(before, _)| *before) {
        for claim in (before.kind.rules.claims)(&before.spec) {
            let owner: Option<&&ObjectName> = now.get(&(before.kind.name, claim.key));
            let text = match owner {
                Some(owner) if **owner == before.name => continue,
                Some(owner) => format!("no longer {}: {owner} does", claim.text),
                None => format!("no longer {}", claim.text),
            };
            effects.insert(Effect::of(before, text));
        }
    }
    effects.into_iter().collect()
}

/// What nothing names any more, and something did.
fn of_uses(before: &[Object], changes: &[Pair<'_>]) -> Vec<Effect> {
    let of = |object: &Object| {
        let references = object.spec.references(object.kind).into_iter();
        references.map(|reference| (reference.kind, reference.name))
    };
    let mut lost: BTreeSet<Target> = BTreeSet::new();
    let mut used: BTreeSet<Target> = BTreeSet::new();
    let mut changed = BTreeSet::new();
    let mut gone = BTreeSet::new();
    for (before, after) in changes {
        lost.extend(before.iter().flat_map(|object| of(object)));
        used.extend(after.iter().flat_map(|object| of(object)));
        if let Some(before) = before {
            changed.insert((before.kind.name, before.name.as_str()));
            if after.is_none() {
                gone.insert((before.kind.name, before.name.to_string()));
            }
        }
    }
    let is_same = |object: &&Object| !changed.contains(&(object.kind.name, object.name.as_str()));
    used.extend(before.iter().filter(is_same).flat_map(of));
    let unused = lost
        .into_iter()
        .filter(|target| !used.contains(target) && !gone.contains(target));
    unused
        .map(|(kind, name)| Effect {
            kind,
            name,
            text: "is unused afterwards".to_owned(),
        })
        .collect()
}

// === impl Effect ===

impl Effect {
    fn of(object: &Object, text: impl Into<String>) -> Self {
        Self {
            kind: object.kind.name,
            name: object.name.to_string(),
            text: text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::CHANNEL;
    use crate::{Timestamp, Version};

    fn channel(name: &str, path: &str, service: &str, is_active: bool) -> Object {
        let given = json!({"name": name, "path": path, "service": service, "method": "GET",
                           "is_active": is_active});
        let given = given.as_object().cloned().unwrap();
        let (name, spec) = CHANNEL.parse(given).unwrap();
        let at = Timestamp::from_unix_us(0);
        Object {
            kind: &CHANNEL,
            id: uuid::Uuid::nil(),
            name,
            spec,
            version: Version(1),
            created_at: at,
            changed_at: at,
        }
    }

    fn texts(before: &[Object], changes: &[Pair<'_>]) -> Vec<String> {
        let effects = of(before, changes).into_iter();
        let text = |effect: Effect| format!("{} {} {}", effect.kind, effect.name, effect.text);
        effects.map(text).collect()
    }

    #[test]
    fn a_channel_that_gets_another_service_leaves_the_old_one_unused() {
        let before = [
            channel("a", "/a", "s.one", true),
            channel("b", "/b", "s.two", true),
        ];
        let after = channel("a", "/a", "s.two", true);
        assert_eq!(
            texts(&before, &[(Some(&before[0]), Some(&after))]),
            [
                "channel a service is s.two instead of s.one",
                "service s.one is unused afterwards",
            ]
        );
    }

    #[test]
    fn what_another_object_still_uses_is_not_unused() {
        let before = [
            channel("a", "/a", "s.one", true),
            channel("b", "/b", "s.one", true),
        ];
        assert_eq!(
            texts(&before, &[(Some(&before[0]), None)]),
            ["channel a goes away", "channel a no longer takes GET /a"]
        );
    }

    #[test]
    fn a_path_that_moves_to_another_channel_is_told_and_so_is_a_switch() {
        let before = [channel("a", "/a", "s.one", true)];
        let (a, b) = (
            channel("a", "/x", "s.one", false),
            channel("b", "/a", "s.one", true),
        );
        assert_eq!(
            texts(&before, &[(Some(&before[0]), Some(&a)), (None, Some(&b))]),
            [
                "channel a no longer takes GET /a: b does",
                "channel a stops"
            ]
        );
    }

    #[test]
    fn what_is_only_made_or_keeps_its_meaning_has_no_effect() {
        let a = channel("a", "/a", "s.one", true);
        assert_eq!(texts(&[], &[(None, Some(&a))]), Vec::<String>::new());
        assert_eq!(
            texts(std::slice::from_ref(&a), &[(Some(&a), Some(&a))]),
            Vec::<String>::new()
        );
    }
}
