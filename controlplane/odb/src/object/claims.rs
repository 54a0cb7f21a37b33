//! What only one object of a kind may have.
//!
//! Invariant: the table's primary key keeps the promise, whatever the code believes.

use cp_model::{Claim, Object};

use crate::OdbError;
use crate::engine::{Transaction, sql};
use crate::row::text;

/// Adds the claims of `object`, or names who has one of them.
pub(super) async fn insert(tx: &mut Transaction, object: &Object) -> Result<(), OdbError> {
    if let Some((other, claim)) = (object.kind.rules.built_in)(&object.spec) {
        return Err(taken(object, other.to_owned(), claim));
    }
    for claim in (object.kind.rules.claims)(&object.spec) {
        let row = sql("SELECT name FROM claim WHERE kind = ? AND claim_key = ?")
            .bind(object.kind.name)
            .bind(&claim.key)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = row {
            return Err(taken(object, text(&row, "name")?, claim));
        }
        sql("INSERT INTO claim (kind, claim_key, name) VALUES (?, ?, ?)")
            .bind(object.kind.name)
            .bind(&claim.key)
            .bind(object.name.as_str())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

fn taken(object: &Object, other: String, claim: Claim) -> OdbError {
    OdbError::Taken {
        kind: object.kind.name,
        other,
        field: claim.field,
        claim: claim.text,
    }
}
