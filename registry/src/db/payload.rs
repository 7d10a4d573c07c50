//! The table `payload`: one row a name, with what a list shows of it, kept up to date by each
//! change of a release. Used by the routes of payloads and releases.
//! Must never differ from what its releases say.

use payload::name::{PayloadName, Version};

use super::row::{count, get, signed};
use super::rows::anywhere;
use super::{Connection, DbError, Write, release};

/// A payload in a list, without its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// `namespace/name`.
    pub(crate) name: String,
    /// Highest available version.
    pub(crate) latest: Option<String>,
    /// Description of that one.
    pub(crate) description: Option<String>,
    /// Number of releases.
    pub(crate) releases: u64,
    /// When the newest was published.
    pub(crate) published_ms: u64,
}

/// Makes sure that there is a row; its numbers come with [`refresh`].
///
/// # Errors
/// The database's.
pub(crate) async fn ensure(
    write: &mut Write,
    name: &PayloadName,
    now_ms: u64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO payload (name, releases, published_ms) VALUES ($1, 0, $2)
         ON CONFLICT (name) DO UPDATE SET published_ms = excluded.published_ms",
    )
    .bind(name.as_str())
    .bind(signed(now_ms))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("keeping a payload", reason))?;
    Ok(())
}

/// Computes anew what a list shows, after a release was added or changed its state.
///
/// # Errors
/// The database's.
pub(crate) async fn refresh(write: &mut Write, name: &PayloadName) -> Result<(), DbError> {
    let versions = release::versions(write, name).await?;
    let available = versions.iter().filter(|found| found.available);
    let latest: Option<&Version> = available.map(|found| &found.version).max();
    sqlx::query(
        "UPDATE payload SET releases = $2, latest = $3, description =
             (SELECT description FROM release WHERE payload = $1 AND version = $3)
         WHERE name = $1",
    )
    .bind(name.as_str())
    .bind(i64::try_from(versions.len()).unwrap_or(i64::MAX))
    .bind(latest.map(Version::as_str))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("counting a payload's releases", reason))?;
    Ok(())
}

/// Whether there is one of this name.
///
/// # Errors
/// The database's.
pub(crate) async fn exists(
    connection: &mut Connection,
    name: &PayloadName,
) -> Result<bool, DbError> {
    let row = sqlx::query("SELECT name FROM payload WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await
        .map_err(|reason| DbError::sql("looking up a payload", reason))?;
    Ok(row.is_some())
}

/// Payloads behind a name whose own has a text in it, by name.
///
/// # Errors
/// The database's.
pub(crate) async fn page(
    connection: &mut Connection,
    named: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<Listed>, DbError> {
    let rows = sqlx::query(
        "SELECT name, latest, description, releases, published_ms FROM payload
         WHERE name > $1 AND name LIKE $3 ESCAPE '\\' ORDER BY name LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .bind(anywhere(named))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("listing payloads", reason))?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                name: get(row, "name")?,
                latest: get(row, "latest")?,
                description: get(row, "description")?,
                releases: count(row, "releases")?,
                published_ms: count(row, "published_ms")?,
            })
        })
        .collect()
}
