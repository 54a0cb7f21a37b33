//! Many rows in few statements: ten thousand objects are one request, and a statement for each row
//! would hold the one lock of all writers for half a minute.
//!
//! Owns how many go together. Invariant: what grows in a statement is the count of `?` marks; nothing of
//! a client is ever in its text.

use super::query::{Argument, Query, sql_of};
use super::{Row, Transaction};
use crate::OdbError;

/// Marks of one statement; every engine takes 32,766.
const MARKS_MAX: usize = 4_000;
/// Bytes of one statement's arguments; a packet of `MySQL` holds 16 MiB unless told otherwise.
const BYTES_MAX: usize = 1024 * 1024;

/// Inserts all `rows`; `head` is `INSERT INTO table (a, b) VALUES`.
pub(crate) async fn insert_rows<const COLUMNS: usize>(
    tx: &mut Transaction,
    head: &'static str,
    rows: Vec<[Argument; COLUMNS]>,
) -> Result<(), OdbError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let more: usize = row.iter().map(Argument::bytes).sum();
        let is_full = (batch.len() + 1) * COLUMNS > MARKS_MAX || bytes + more > BYTES_MAX;
        if is_full && !batch.is_empty() {
            insert(tx, head, std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
        bytes += more;
        batch.push(row);
    }
    if batch.is_empty() {
        return Ok(());
    }
    insert(tx, head, batch).await
}

async fn insert<const COLUMNS: usize>(
    tx: &mut Transaction,
    head: &'static str,
    rows: Vec<[Argument; COLUMNS]>,
) -> Result<(), OdbError> {
    let row = marks(COLUMNS);
    let text = format!("{head} {}", vec![row.as_str(); rows.len()].join(", "));
    let query = rows.into_iter().flatten().fold(sql_of(text), Query::bind);
    query.execute(tx).await.map(|_| ())
}

/// Runs `head`, which ends with `IN`, on all `texts`; `first` takes the mark before them.
pub(crate) async fn execute_in(
    tx: &mut Transaction,
    head: &'static str,
    first: &str,
    texts: &[&str],
) -> Result<(), OdbError> {
    for texts in texts.chunks(MARKS_MAX) {
        of_texts(head, first, texts).execute(&mut *tx).await?;
    }
    Ok(())
}

/// As `execute_in`, with rows.
pub(crate) async fn fetch_in(
    tx: &mut Transaction,
    head: &'static str,
    first: &str,
    texts: &[&str],
) -> Result<Vec<Row>, OdbError> {
    let mut rows = Vec::new();
    for texts in texts.chunks(MARKS_MAX) {
        rows.extend(of_texts(head, first, texts).fetch_all(&mut *tx).await?);
    }
    Ok(rows)
}

fn of_texts(head: &'static str, first: &str, texts: &[&str]) -> Query {
    let query = sql_of(format!("{head} {}", marks(texts.len()))).bind(first);
    texts.iter().fold(query, |query, text| query.bind(*text))
}

/// `(?, ?, ?)`
fn marks(count: usize) -> String {
    format!("({})", vec!["?"; count].join(", "))
}
