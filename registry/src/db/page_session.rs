//! The table `page_session`: log-ins of the pages, known by the SHA-256 of what the cookie holds.
//! Used by the pages. A log-in ends with its token.
//! Must never hold what the cookie does.

use sqlx::any::AnyRow;

use super::row::{get, one, signed};
use super::{Connection, DbError, Write};

/// Keeps a log-in, forgets those that ended, and the oldest beyond `kept_max` of the same token.
///
/// # Errors
/// The database's.
pub(crate) async fn insert(
    write: &mut Write,
    secret_sha256: &[u8; 32],
    token_sha256: &[u8; 32],
    (now_ms, expires_ms): (u64, u64),
    kept_max: u32,
) -> Result<(), DbError> {
    let what = "keeping a log-in";
    let failed = |reason| DbError::sql(what, reason);
    sqlx::query("DELETE FROM page_session WHERE expires_ms <= $1")
        .bind(signed(now_ms))
        .execute(&mut **write)
        .await
        .map_err(failed)?;
    let done = sqlx::query(
        "INSERT INTO page_session (secret_sha256, token_sha256, created_ms, expires_ms)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(secret_sha256.as_slice())
    .bind(token_sha256.as_slice())
    .bind(signed(now_ms))
    .bind(signed(expires_ms))
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    one(what, &done)?;
    sqlx::query(
        "DELETE FROM page_session WHERE token_sha256 = $1 AND secret_sha256 NOT IN (
             SELECT secret_sha256 FROM page_session WHERE token_sha256 = $1
             ORDER BY created_ms DESC, secret_sha256 LIMIT $2)",
    )
    .bind(token_sha256.as_slice())
    .bind(i64::from(kept_max))
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(())
}

/// The SHA-256 of the token of a log-in that has not ended.
///
/// # Errors
/// The database's.
pub(crate) async fn token(
    connection: &mut Connection,
    secret_sha256: &[u8; 32],
    now_ms: u64,
) -> Result<Option<[u8; 32]>, DbError> {
    let row = sqlx::query(
        "SELECT token_sha256 FROM page_session WHERE secret_sha256 = $1 AND expires_ms > $2",
    )
    .bind(secret_sha256.as_slice())
    .bind(signed(now_ms))
    .fetch_optional(connection)
    .await
    .map_err(|reason| DbError::sql("looking up a log-in", reason))?;
    let sha256 = |row: &AnyRow| {
        let bytes: Vec<u8> = get(row, "token_sha256")?;
        let found = bytes.len();
        bytes.try_into().map_err(|_| DbError::Column {
            column: "token_sha256",
            reason: format!("{found} bytes, it must be 32"),
        })
    };
    row.as_ref().map(sha256).transpose()
}

/// Ends a log-in; whether there was one.
///
/// # Errors
/// The database's.
pub(crate) async fn delete(write: &mut Write, secret_sha256: &[u8; 32]) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM page_session WHERE secret_sha256 = $1")
        .bind(secret_sha256.as_slice())
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("ending a log-in", reason))?;
    Ok(done.rows_affected() == 1)
}
