//! What only one object of a kind may have.
//!
//! Invariant: the table's primary key keeps the promise, whatever the code believes.

use std::collections::{BTreeMap, HashMap};

use cp_model::{Claim, Object};

use super::change::ObjectFault;
use crate::OdbError;
use crate::engine::{Transaction, fetch_in, insert_rows};
use crate::row::text;

/// A kind's name and a claim's key, and the name of who has it.
type Owners = HashMap<(&'static str, String), String>;

/// Adds the claims of the objects; else names who has each that is taken.
pub(super) async fn insert(
    tx: &mut Transaction,
    objects: &[&Object],
) -> Result<Vec<ObjectFault>, OdbError> {
    let mut faults = Vec::new();
    let mut claims = Vec::new();
    for object in objects {
        if let Some((other, claim)) = (object.kind.rules.built_in)(&object.spec) {
            let error = taken(object, other.to_owned(), claim);
            faults.push(ObjectFault::new(object, error));
            continue;
        }
        let all = (object.kind.rules.claims)(&object.spec);
        claims.extend(all.into_iter().map(|claim| (*object, claim)));
    }
    let mut owners = owners(tx, &claims).await?;
    let mut rows = Vec::with_capacity(claims.len());
    for (object, claim) in claims {
        let key = (object.kind.name, claim.key.clone());
        match owners.get(&key) {
            // A channel for any method meets another one at each; once is enough.
            Some(owner) if owner == object.name.as_str() => {}
            Some(owner) => {
                let owner = owner.clone();
                let is_told = faults.last().is_some_and(|fault| fault.is_of(object));
                if !is_told {
                    faults.push(ObjectFault::new(object, taken(object, owner, claim)));
                }
            }
            None => {
                let name = object.name.as_str();
                rows.push([object.kind.name.into(), claim.key.into(), name.into()]);
                owners.insert(key, name.to_owned());
            }
        }
    }
    let head = "INSERT INTO claim (kind, claim_key, name) VALUES";
    insert_rows(tx, head, rows).await?;
    Ok(faults)
}

/// Who has them already.
async fn owners(tx: &mut Transaction, claims: &[(&Object, Claim)]) -> Result<Owners, OdbError> {
    let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (object, claim) in claims {
        let of_kind = keys.entry(object.kind.name).or_default();
        of_kind.push(claim.key.as_str());
    }
    let mut owners = HashMap::new();
    for (kind, keys) in keys {
        let head = "SELECT claim_key, name FROM claim WHERE kind = ? AND claim_key IN";
        for row in fetch_in(tx, head, kind, &keys).await? {
            owners.insert((kind, text(&row, "claim_key")?), text(&row, "name")?);
        }
    }
    Ok(owners)
}

fn taken(object: &Object, other: String, claim: Claim) -> OdbError {
    OdbError::Taken {
        kind: object.kind.name,
        other,
        field: claim.field,
        claim: claim.text,
    }
}
