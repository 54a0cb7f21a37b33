//! Which changes a wish comes to, and where in the wish a fault is. Pure.
//!
//! Invariant: every fault that can be seen without the ODB is told at once.

use std::collections::{HashMap, HashSet};

use cp_model::kind::Kind;
use cp_model::object::keep_secrets;
use cp_model::{Invalid, Object};
use cp_odb::{Change, ObjectFault, OdbError, Wanted};
use serde_json::{Map, Value};

use super::ConfigWish;
use crate::AppError;

/// A kind's name and an object's.
type Key = (&'static str, String);

/// Where in the wish each object stands: `channels/3`.
pub(super) type Places = HashMap<Key, String>;

pub(super) fn places(wish: &ConfigWish) -> Places {
    let mut places = HashMap::new();
    for (kind, objects) in &wish.objects {
        for (index, fields) in objects.iter().enumerate() {
            let name = fields.get("name").and_then(Value::as_str);
            let key = (kind.name, name.unwrap_or_default().to_owned());
            places.insert(key, place(kind, index));
        }
    }
    places
}

/// Those of the wish, then those of pruning, on top of every object that there is.
pub(super) fn changes(wish: ConfigWish, before: &[Object]) -> Result<Vec<Change>, AppError> {
    let known: HashMap<_, _> = before
        .iter()
        .map(|object| ((object.kind.name, object.name.as_str()), object))
        .collect();
    let mut changes = Vec::new();
    let mut faults = Vec::new();
    let mut wanted: HashMap<Key, String> = HashMap::new();
    for (kind, objects) in wish.objects {
        for (index, mut fields) in objects.into_iter().enumerate() {
            let place = place(kind, index);
            if let Some(name) = fields.get("name").and_then(Value::as_str)
                && let Some(before) = known.get(&(kind.name, name))
            {
                keep_secrets(before, &mut fields);
            }
            match parse(kind, fields, &place) {
                Ok(change) => {
                    let key = (kind.name, change.name.to_string());
                    if let Some(other) = wanted.insert(key, place.clone()) {
                        let reason = format!("is the name of {other} too");
                        faults.push(Invalid::new(format!("{place}/name"), reason));
                    }
                    changes.push(change);
                }
                Err(more) => faults.extend(more),
            }
        }
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    if let Some(scope) = &wish.prune {
        let wanted: HashSet<_> = wanted.into_keys().collect();
        let is_gone = |object: &&Object| {
            let name = object.name.as_str();
            scope.holds(name) && !wanted.contains(&(object.kind.name, name.to_owned()))
        };
        changes.extend(before.iter().filter(is_gone).map(|object| Change {
            kind: object.kind,
            name: object.name.clone(),
            expected: None,
            to: Wanted::Gone,
        }));
    }
    Ok(changes)
}

fn parse(
    kind: &'static Kind,
    fields: Map<String, Value>,
    place: &str,
) -> Result<Change, Vec<Invalid>> {
    match kind.parse(fields) {
        Ok((name, spec)) => Ok(Change {
            kind,
            name,
            expected: None,
            to: Wanted::Either(spec),
        }),
        Err(faults) => {
            let placed = |fault: Invalid| Invalid::new(below(place, &fault.field), fault.reason);
            Err(faults.into_iter().map(placed).collect())
        }
    }
}

/// What the ODB refuses, with places. A fault of an object that the wish does not mention, for example
/// one that still uses what is pruned, stays what it is.
pub(super) fn placed(error: AppError, places: &Places) -> AppError {
    let AppError::Odb(OdbError::Objects(faults)) = error else {
        return error;
    };
    let placed = |fault: &ObjectFault| {
        let place = places.get(&(fault.kind, fault.name.clone()))?;
        let field = match &*fault.error {
            OdbError::ReferenceUnknown { place, .. } | OdbError::ReferenceType { place, .. } => {
                place.as_str()
            }
            OdbError::Taken { field, .. } => field,
            OdbError::Exists { .. } => "name",
            _ => return None,
        };
        Some(Invalid::new(below(place, field), fault.error.to_string()))
    };
    let is_dangling =
        |fault: &ObjectFault| matches!(*fault.error, OdbError::ReferenceUnknown { .. });
    match faults.iter().map(placed).collect() {
        Some(placed) if faults.iter().any(is_dangling) => AppError::ConfigDangling(placed),
        Some(placed) => AppError::ConfigTaken(placed),
        None => AppError::Odb(OdbError::Objects(faults)),
    }
}

fn place(kind: &Kind, index: usize) -> String {
    format!("{}/{index}", kind.plural)
}

fn below(place: &str, field: &str) -> String {
    if field.is_empty() {
        return place.to_owned();
    }
    format!("{place}/{field}")
}
