//! Columns of a row as the types that the registry uses. Used by every table's file.
//! Must never turn a value that does not fit into one that does.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyQueryResult, AnyRow};
use sqlx::{Any, Decode, Row, Type};

use super::DbError;

/// A column.
///
/// # Errors
/// It is not there or of another type.
pub(super) fn get<'r, T: Decode<'r, Any> + Type<Any>>(
    row: &'r AnyRow,
    column: &'static str,
) -> Result<T, DbError> {
    row.try_get(column).map_err(|error| DbError::Column {
        column,
        reason: error.to_string(),
    })
}

/// A column that counts: a time, a size, a number of rows.
///
/// # Errors
/// As [`get`], or it is negative.
pub(super) fn count(row: &AnyRow, column: &'static str) -> Result<u64, DbError> {
    let value: i64 = get(row, column)?;
    value.try_into().map_err(|_| DbError::Column {
        column,
        reason: format!("{value} is negative"),
    })
}

/// As [`count`], where there may be none.
///
/// # Errors
/// As [`count`].
pub(super) fn count_option(row: &AnyRow, column: &'static str) -> Result<Option<u64>, DbError> {
    let value: Option<i64> = get(row, column)?;
    let Some(value) = value else { return Ok(None) };
    let value = value.try_into().map_err(|_| DbError::Column {
        column,
        reason: format!("{value} is negative"),
    })?;
    Ok(Some(value))
}

/// A column that holds JSON.
///
/// # Errors
/// As [`get`], or it is not such a document.
pub(super) fn json<T: DeserializeOwned>(row: &AnyRow, column: &'static str) -> Result<T, DbError> {
    let text: String = get(row, column)?;
    serde_json::from_str(&text).map_err(|error| DbError::Column {
        column,
        reason: error.to_string(),
    })
}

/// A number for the database, whose numbers are signed.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A value as JSON for a column.
///
/// # Errors
/// It has no JSON form.
pub(super) fn to_json(column: &'static str, value: &impl Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Column {
        column,
        reason: error.to_string(),
    })
}

/// Demands that exactly one row was changed.
///
/// # Errors
/// Another number was.
pub(super) fn one(what: &'static str, done: &AnyQueryResult) -> Result<(), DbError> {
    match done.rows_affected() {
        1 => Ok(()),
        found => Err(DbError::Affected {
            what,
            wanted: 1,
            found,
        }),
    }
}
