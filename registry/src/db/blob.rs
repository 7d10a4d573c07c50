//! The table `blob`: which bytes are kept, and since when.
//! Used by the routes of blobs and releases and by collection.
//! Must never have a row whose bytes are not on the disk.

use payload::digest::{Digest, DigestError};

use super::row::{count, get, one, signed};
use super::{Connection, DbError, Write};

/// A blob that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its length.
    pub(crate) size_bytes: u64,
}

/// Keeps a row for bytes that are on the disk.
///
/// # Errors
/// The database's; also where there is one.
pub(crate) async fn insert(write: &mut Write, blob: Kept, now_ms: u64) -> Result<(), DbError> {
    let what = "keeping a blob";
    let done = sqlx::query("INSERT INTO blob (digest, size_bytes, created_ms) VALUES ($1, $2, $3)")
        .bind(blob.digest.to_string())
        .bind(signed(blob.size_bytes))
        .bind(signed(now_ms))
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// Lets the grace of a blob without release begin anew; whether it is kept.
///
/// # Errors
/// The database's.
pub(crate) async fn renew(
    write: &mut Write,
    digest: &Digest,
    now_ms: u64,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE blob SET created_ms = $2 WHERE digest = $1")
        .bind(digest.to_string())
        .bind(signed(now_ms))
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("renewing a blob", reason))?;
    Ok(done.rows_affected() == 1)
}

/// The length of a blob, if it is kept.
///
/// # Errors
/// The database's.
pub(crate) async fn size_bytes(
    connection: &mut Connection,
    digest: &Digest,
) -> Result<Option<u64>, DbError> {
    let row = sqlx::query("SELECT size_bytes FROM blob WHERE digest = $1")
        .bind(digest.to_string())
        .fetch_optional(connection)
        .await
        .map_err(|reason| DbError::sql("looking up a blob", reason))?;
    row.as_ref().map(|row| count(row, "size_bytes")).transpose()
}

/// Blobs that no release refers to and no node runs, made before a time, by digest.
///
/// # Errors
/// The database's.
pub(crate) async fn unreferenced(
    connection: &mut Connection,
    before_ms: u64,
    limit: u32,
) -> Result<Vec<Kept>, DbError> {
    let rows = sqlx::query(
        "SELECT digest, size_bytes FROM blob
         WHERE created_ms < $1
           AND NOT EXISTS (SELECT 1 FROM release WHERE release.digest = blob.digest)
           AND NOT EXISTS (SELECT 1 FROM node_digest WHERE node_digest.digest = blob.digest)
         ORDER BY digest LIMIT $2",
    )
    .bind(signed(before_ms))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("looking for blobs without release", reason))?;
    rows.iter()
        .map(|row| {
            Ok(Kept {
                digest: digest(&get::<String>(row, "digest")?)?,
                size_bytes: count(row, "size_bytes")?,
            })
        })
        .collect()
}

/// Forgets a blob. Its bytes are removed after this is committed.
///
/// # Errors
/// The database's; also where a release refers to it.
pub(crate) async fn delete(write: &mut Write, digest: &Digest) -> Result<(), DbError> {
    let what = "forgetting a blob";
    let done = sqlx::query("DELETE FROM blob WHERE digest = $1")
        .bind(digest.to_string())
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// How many are kept, and their bytes.
///
/// # Errors
/// The database's.
pub(crate) async fn totals(connection: &mut Connection) -> Result<(u64, u64), DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS blobs, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM blob",
    )
    .fetch_one(connection)
    .await
    .map_err(|reason| DbError::sql("counting blobs", reason))?;
    Ok((count(&row, "blobs")?, count(&row, "bytes")?))
}

/// A digest as a column has it.
///
/// # Errors
/// It is none.
pub(super) fn digest(text: &str) -> Result<Digest, DbError> {
    text.parse().map_err(|error: DigestError| DbError::Column {
        column: "digest",
        reason: error.to_string(),
    })
}
