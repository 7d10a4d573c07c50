//! The table `trusted_key`: publishers' keys whose signatures this registry takes. What nodes run
//! is decided by their own. Used by the routes of keys and releases.
//! Must never hold a private key.

use api::registry::TrustedKey;
use sqlx::any::AnyRow;

use super::row::{get, json, one, signed, to_json};
use super::{Connection, DbError, Write};

/// Keeps a key, or what is known of it anew.
///
/// # Errors
/// The database's.
pub(crate) async fn put(write: &mut Write, key: &TrustedKey, now_ms: u64) -> Result<(), DbError> {
    let what = "keeping a key";
    let done = sqlx::query(
        "INSERT INTO trusted_key (key_id, pem, namespaces, note, created_ms)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (key_id) DO UPDATE SET
             pem = excluded.pem, namespaces = excluded.namespaces, note = excluded.note",
    )
    .bind(key.key.as_str())
    .bind(key.pem.as_str())
    .bind(to_json("namespaces", &key.namespaces)?)
    .bind(key.comment.as_str())
    .bind(signed(now_ms))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// The key with this id.
///
/// # Errors
/// The database's.
pub(crate) async fn by_id(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<TrustedKey>, DbError> {
    let row =
        sqlx::query("SELECT key_id, pem, namespaces, note FROM trusted_key WHERE key_id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await
            .map_err(|reason| DbError::sql("looking up a key", reason))?;
    row.as_ref().map(key).transpose()
}

/// All keys, by id: at most as many as `payload::limits` lets anybody trust.
///
/// # Errors
/// The database's.
pub(crate) async fn all(connection: &mut Connection) -> Result<Vec<TrustedKey>, DbError> {
    let rows = sqlx::query("SELECT key_id, pem, namespaces, note FROM trusted_key ORDER BY key_id")
        .fetch_all(connection)
        .await
        .map_err(|reason| DbError::sql("listing keys", reason))?;
    rows.iter().map(key).collect()
}

/// Forgets a key.
///
/// # Errors
/// The database's; also where there is none.
pub(crate) async fn delete(write: &mut Write, id: &str) -> Result<(), DbError> {
    let what = "forgetting a key";
    let done = sqlx::query("DELETE FROM trusted_key WHERE key_id = $1")
        .bind(id)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

fn key(row: &AnyRow) -> Result<TrustedKey, DbError> {
    Ok(TrustedKey {
        key: get(row, "key_id")?,
        pem: get(row, "pem")?,
        namespaces: json(row, "namespaces")?,
        comment: get(row, "note")?,
    })
}
