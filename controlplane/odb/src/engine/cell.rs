//! Rows as every engine gives them: names and cells.
//!
//! Owns the three types of a cell; refuses to know any table. Invariant: a number is never read from
//! a text nor a text from a number, so a wrong column is an error and not a wrong value.

use std::sync::Arc;

use sqlx::{Column as _, Row as _};

use super::query::Dialect;
use crate::OdbError;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Text or bytes, where the engine does not say which.
    Either(Vec<u8>),
}

/// One row; the names are shared by all rows of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    columns: Arc<[String]>,
    cells: Vec<Cell>,
}

/// What a cell can be read as.
pub(crate) trait FromCell: Sized {
    fn from_cell(cell: &Cell) -> Option<Self>;
}

// === impl Row ===

impl Row {
    pub(super) fn all<D: Dialect>(rows: &[D::Row]) -> Result<Vec<Self>, sqlx::Error> {
        let names = |row: &D::Row| row.columns().iter().map(|c| c.name().to_owned()).collect();
        let columns: Arc<[String]> = rows.first().map(names).unwrap_or_default();
        rows.iter()
            .map(|row| {
                Ok(Self {
                    columns: Arc::clone(&columns),
                    cells: D::row(row)?,
                })
            })
            .collect()
    }

    pub(crate) fn try_get<T: FromCell>(&self, column: &str) -> Result<T, OdbError> {
        let index = self.columns.iter().position(|name| name == column);
        let cell = index.and_then(|index| self.cells.get(index));
        let cell = cell.ok_or_else(|| fault(column, "is not in the answer"))?;
        T::from_cell(cell).ok_or_else(|| fault(column, "has another type"))
    }

    pub(crate) fn first<T: FromCell>(&self) -> Result<T, OdbError> {
        let cell = self.cells.first().and_then(T::from_cell);
        cell.ok_or_else(|| fault("the first", "has another type"))
    }
}

fn fault(column: &str, what: &str) -> OdbError {
    OdbError::Engine(sqlx::Error::Decode(
        format!("column {column} {what}").into(),
    ))
}

// === impl FromCell ===

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(value) => Some(value.clone()),
            Cell::Either(value) => String::from_utf8(value.clone()).ok(),
            _ => None,
        }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Bytes(value) | Cell::Either(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}
