//! The table `token`: who may do what, known by the SHA-256 of the secret.
//! Used by the routes of tokens and by the look-up of a bearer.
//! Must never hold a secret.

use std::collections::BTreeMap;

use api::registry::Token;
use sqlx::any::AnyRow;

use super::row::{count, count_option, get, json, one, signed, to_json};
use super::{Access, Connection, DbError, Write};

/// A statement that gives tokens.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT name, scopes, created_ms, expires_ms, used_ms, uses_left, labels, revoked_ms
             FROM token ",
            $rest
        )
    };
}

/// A token as it is kept: what is told about it, and what only the registry uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What is told about it.
    pub(crate) token: Token,
    /// Labels of nodes that enrol with it.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Kept {
    /// Whether it is in force at a time.
    pub(crate) fn in_force(&self, now_ms: u64) -> bool {
        self.token.revoked_ms.is_none() && now_ms < self.token.expires_ms
    }
}

/// Keeps a new token. One of the same name that is no longer in force makes place for it.
///
/// # Errors
/// The database's.
pub(crate) async fn insert(
    write: &mut Write,
    kept: &Kept,
    secret_sha256: &[u8; 32],
) -> Result<(), DbError> {
    let what = "keeping a token";
    let token = &kept.token;
    sqlx::query("DELETE FROM token WHERE name = $1")
        .bind(token.name.as_str())
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    let done = sqlx::query(
        "INSERT INTO token (name, secret_sha256, scopes, created_ms, expires_ms, uses_left, labels)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(token.name.as_str())
    .bind(secret_sha256.as_slice())
    .bind(to_json("scopes", &token.scopes)?)
    .bind(signed(token.created_ms))
    .bind(signed(token.expires_ms))
    .bind(token.uses_left.map(i64::from))
    .bind(to_json("labels", &kept.labels)?)
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// The token of this name.
///
/// # Errors
/// The database's.
pub(crate) async fn by_name(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Kept>, DbError> {
    let row = sqlx::query(select!("WHERE name = $1"))
        .bind(name)
        .fetch_optional(connection)
        .await
        .map_err(|reason| DbError::sql("looking up a token", reason))?;
    row.as_ref().map(kept).transpose()
}

/// The token with this secret.
///
/// # Errors
/// The database's.
pub(crate) async fn by_secret(
    connection: &mut Connection,
    secret_sha256: &[u8; 32],
) -> Result<Option<Kept>, DbError> {
    let row = sqlx::query(select!("WHERE secret_sha256 = $1"))
        .bind(secret_sha256.as_slice())
        .fetch_optional(connection)
        .await
        .map_err(|reason| DbError::sql("looking up a bearer", reason))?;
    row.as_ref().map(kept).transpose()
}

/// Whether somebody may make tokens at a time.
///
/// # Errors
/// The database's.
pub(crate) async fn any_admin(connection: &mut Connection, now_ms: u64) -> Result<bool, DbError> {
    let row = sqlx::query(
        "SELECT name FROM token
         WHERE revoked_ms IS NULL AND expires_ms > $1 AND scopes LIKE '%\"admin\"%' LIMIT 1",
    )
    .bind(signed(now_ms))
    .fetch_optional(connection)
    .await
    .map_err(|reason| DbError::sql("looking for an admin token", reason))?;
    Ok(row.is_some())
}

/// Tokens behind a name, by name.
///
/// # Errors
/// The database's.
pub(crate) async fn page(
    connection: &mut Connection,
    after: &str,
    limit: u32,
) -> Result<Vec<Token>, DbError> {
    let rows = sqlx::query(select!("WHERE name > $1 ORDER BY name LIMIT $2"))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .map_err(|reason| DbError::sql("listing tokens", reason))?;
    rows.iter().map(|row| Ok(kept(row)?.token)).collect()
}

/// Ends a token that is not revoked yet; whether there was one.
///
/// # Errors
/// The database's.
pub(crate) async fn revoke(write: &mut Write, name: &str, now_ms: u64) -> Result<bool, DbError> {
    let done =
        sqlx::query("UPDATE token SET revoked_ms = $2 WHERE name = $1 AND revoked_ms IS NULL")
            .bind(name)
            .bind(signed(now_ms))
            .execute(&mut **write)
            .await
            .map_err(|reason| DbError::sql("revoking a token", reason))?;
    write.touch_access();
    Ok(done.rows_affected() == 1)
}

/// Takes one of the uses of a token that is in force and has a number of them; whether there was
/// one left.
///
/// # Errors
/// The database's.
pub(crate) async fn take_use(
    write: &mut Write,
    access: Access,
    now_ms: u64,
) -> Result<bool, DbError> {
    let Access::Token(secret_sha256) = access else {
        return Ok(false);
    };
    let done = sqlx::query(
        "UPDATE token SET uses_left = uses_left - 1 WHERE secret_sha256 = $1 AND uses_left > 0
           AND revoked_ms IS NULL AND expires_ms > $2",
    )
    .bind(secret_sha256.as_slice())
    .bind(signed(now_ms))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("using a token", reason))?;
    write.touch_access();
    Ok(done.rows_affected() == 1)
}

/// Remembers when a token was used.
///
/// # Errors
/// The database's.
pub(crate) async fn used(
    write: &mut Write,
    secret_sha256: &[u8; 32],
    now_ms: u64,
) -> Result<(), DbError> {
    sqlx::query("UPDATE token SET used_ms = $2 WHERE secret_sha256 = $1")
        .bind(secret_sha256.as_slice())
        .bind(signed(now_ms))
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("noting a token's use", reason))?;
    Ok(())
}

fn kept(row: &AnyRow) -> Result<Kept, DbError> {
    let uses_left = count_option(row, "uses_left")?;
    Ok(Kept {
        token: Token {
            name: get(row, "name")?,
            scopes: json(row, "scopes")?,
            created_ms: count(row, "created_ms")?,
            expires_ms: count(row, "expires_ms")?,
            used_ms: count_option(row, "used_ms")?,
            uses_left: uses_left.map(|uses| u32::try_from(uses).unwrap_or(u32::MAX)),
            revoked_ms: count_option(row, "revoked_ms")?,
        },
        labels: json(row, "labels")?,
    })
}
