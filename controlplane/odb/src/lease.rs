//! The lease: which process does what only one may do (the scheduler, roll-ups).
//!
//! Owns the row and its fence; refuses to know time, which the candidates keep by their own steady
//! clocks. Invariant: fences only grow, and a write that carries an old one changes nothing, whatever
//! its author believes.

use crate::engine::{Transaction, sql};
use crate::row::{number, text, to_sql};
use crate::write::Write;
use crate::{Odb, OdbError};
use cp_model::Origin;

/// The lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    pub holder: String,
    pub fence: u64,
    /// Unchanged for the lease's length: the holder is gone.
    pub beat: u64,
}

// === impl Odb ===

impl Odb {
    /// `None`: nobody ever took it.
    pub async fn lease_find(&self, name: &str) -> Result<Option<LeaseRow>, OdbError> {
        let row = sql("SELECT * FROM lease WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pools.read)
            .await?;
        row.map(|row| {
            Ok(LeaseRow {
                holder: text(&row, "holder")?,
                fence: number(&row, "fence")?,
                beat: number(&row, "beat")?,
            })
        })
        .transpose()
    }

    /// Takes the lease, if it still is as the candidate has `seen` it; the new fence.
    pub async fn lease_take(
        &self,
        origin: &Origin,
        (name, holder): (&str, &str),
        seen: Option<&LeaseRow>,
    ) -> Result<Option<u64>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let fence = seen.map_or(0, |row| row.fence) + 1;
        let taken = match seen {
            None => {
                let known: i64 = sql("SELECT COUNT(*) FROM lease WHERE name = ?")
                    .bind(name)
                    .scalar(&mut write.tx)
                    .await?;
                if known > 0 {
                    return Ok(None);
                }
                sql("INSERT INTO lease (name, holder, fence, beat) VALUES (?, ?, ?, 1)")
                    .bind(name)
                    .bind(holder)
                    .bind(to_sql(fence))
                    .execute(&mut write.tx)
                    .await?
            }
            Some(seen) => {
                sql("UPDATE lease SET holder = ?, fence = ?, beat = beat + 1
                     WHERE name = ? AND fence = ? AND beat = ?")
                .bind(holder)
                .bind(to_sql(fence))
                .bind(name)
                .bind(to_sql(seen.fence))
                .bind(to_sql(seen.beat))
                .execute(&mut write.tx)
                .await?
            }
        };
        if taken == 0 {
            return Ok(None);
        }
        write.commit().await?;
        Ok(Some(fence))
    }

    /// Says that the holder lives; false when `fence` is not the newest any more.
    pub async fn lease_renew(
        &self,
        origin: &Origin,
        name: &str,
        fence: u64,
    ) -> Result<bool, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let renewed = sql("UPDATE lease SET beat = beat + 1 WHERE name = ? AND fence = ?")
            .bind(name)
            .bind(to_sql(fence))
            .execute(&mut write.tx)
            .await?;
        write.commit().await?;
        Ok(renewed > 0)
    }

    /// Gives it back: the next candidate need not wait. The fence stays used.
    pub async fn lease_release(
        &self,
        origin: &Origin,
        name: &str,
        fence: u64,
    ) -> Result<(), OdbError> {
        let mut write = Write::begin(self, origin).await?;
        sql("UPDATE lease SET holder = '' WHERE name = ? AND fence = ?")
            .bind(name)
            .bind(to_sql(fence))
            .execute(&mut write.tx)
            .await?;
        write.commit().await
    }
}

/// The write goes on only while `fence` is the newest. The write lock keeps it so until the commit.
pub(crate) async fn check_fence(
    tx: &mut Transaction,
    name: &str,
    fence: u64,
) -> Result<(), OdbError> {
    let row = sql("SELECT fence FROM lease WHERE name = ?")
        .bind(name)
        .fetch_optional(&mut *tx)
        .await?;
    match row {
        Some(row) if number(&row, "fence")? == fence => Ok(()),
        _ => Err(OdbError::Fenced),
    }
}
