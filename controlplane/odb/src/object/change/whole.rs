//! The configuration as a whole: read at one generation, and changed by who has seen all of it.
//!
//! Owns the order: lock, read everything, ask what shall change, change it. The deciding is the
//! caller's and pure. Invariant: what was decided on is what is changed, because nobody writes in
//! between.

use std::collections::HashMap;

use cp_model::{Generation, Object, Origin, Version};

use super::{Change, ChangedObject, change_found, publish};
use crate::engine::{Transaction, sql};
use crate::object::parse;
use crate::write::Write;
use crate::{Odb, OdbError, Written};

/// How the whole shall change.
#[derive(Debug, Clone, Copy)]
pub struct WholeChange<'a> {
    pub origin: &'a Origin,
    /// The generation that the author saw; `None` asks for no such check.
    pub expected: Option<Generation>,
}

/// What a decision came to.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What was decided on.
    pub generation: Generation,
    /// Every object as it was before.
    pub before: Vec<Object>,
    /// Those that are different now.
    pub changed: Vec<ChangedObject>,
}

// === impl Odb ===

impl Odb {
    /// Every object of every kind, in order of kind and name, and the generation that they make.
    pub async fn object_list_whole(&self) -> Result<(Generation, Vec<Object>), OdbError> {
        let mut tx = self.pools.read.begin_read().await?;
        let number: i64 = sql("SELECT generation FROM cluster")
            .scalar(&mut tx)
            .await?;
        let objects = all(&mut tx).await?;
        tx.commit().await?;
        Ok((Generation(crate::row::from_sql(number)), objects))
    }

    /// Makes the changes that `decide` wants when it sees every object, all or none. The same request
    /// sent twice is done once, and says the second time that nothing is different.
    pub async fn objects_decide<E: From<OdbError>>(
        &self,
        change: WholeChange<'_>,
        decide: impl FnOnce(&[Object]) -> Result<Vec<Change>, E>,
    ) -> Result<Written<Decided>, E> {
        let mut write = Write::begin(self, change.origin).await?;
        if let Some(generation) = write.repeated().await? {
            let value = Decided {
                generation,
                before: Vec::new(),
                changed: Vec::new(),
            };
            return Ok(Written { value, generation });
        }
        let current = expect_generation(&mut write, change.expected).await?;
        let before = all(&mut write.tx).await?;
        let changes = decide(&before)?;
        let known: HashMap<_, _> = before
            .iter()
            .map(|object| ((object.kind.name, object.name.as_str()), object))
            .collect();
        let find = |change: &Change| {
            let found = known.get(&(change.kind.name, change.name.as_str()));
            found.map(|object| (*object).clone())
        };
        let changes = changes.into_iter().map(|change| {
            let before = find(&change);
            (change, before)
        });
        let changed = change_found(&mut write, changes.collect()).await?;
        let generation = publish(write, &changed).await?;
        let value = Decided {
            generation: current,
            before,
            changed,
        };
        Ok(Written { value, generation })
    }
}

async fn expect_generation(
    write: &mut Write<'_>,
    expected: Option<Generation>,
) -> Result<Generation, OdbError> {
    let current = write.generation().await?;
    match expected {
        Some(expected) if expected != current => Err(OdbError::Stale {
            kind: "the",
            name: "configuration".to_owned(),
            current: Version(current.0),
        }),
        _ => Ok(current),
    }
}

async fn all(tx: &mut Transaction) -> Result<Vec<Object>, OdbError> {
    let rows = sql("SELECT * FROM object ORDER BY kind, name")
        .fetch_all(&mut *tx)
        .await?;
    rows.iter().map(parse).collect()
}
