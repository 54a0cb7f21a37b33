//! Between SQL's numbers and texts and ours.
//!
//! Owns the conversions that every resource needs; refuses to know any table. Invariant: what we
//! wrote reads back as the same value.

use serde::de::DeserializeOwned;

use crate::OdbError;
use crate::engine::Row;

/// SQL's integers are signed; ours that could pass 2^63 do not exist.
pub(crate) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(crate) fn text(row: &Row, column: &'static str) -> Result<String, OdbError> {
    row.try_get(column)
}

pub(crate) fn number(row: &Row, column: &'static str) -> Result<u64, OdbError> {
    Ok(from_sql(row.try_get(column)?))
}

pub(crate) fn small(row: &Row, column: &'static str) -> Result<u32, OdbError> {
    Ok(u32::try_from(number(row, column)?).unwrap_or(u32::MAX))
}

pub(crate) fn time(row: &Row, column: &'static str) -> Result<cp_model::Timestamp, OdbError> {
    Ok(cp_model::Timestamp::from_unix_us(row.try_get(column)?))
}

pub(crate) fn json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, OdbError> {
    Ok(serde_json::from_str(&text(row, column)?)?)
}

pub(crate) fn json_maybe<T: DeserializeOwned>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, OdbError> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

pub(crate) fn uuid(row: &Row, column: &'static str) -> Result<uuid::Uuid, OdbError> {
    let parsed = uuid::Uuid::parse_str(&text(row, column)?);
    Ok(parsed.map_err(|error| cp_model::Invalid::new(column, error.to_string()))?)
}
