//! Releases as the pages show them: without manifests and envelopes, which are long.
//! Used by the pages.
//! Must never write.

use api::registry::Channel;
use payload::name::{NameError, PayloadName, Version};
use sqlx::any::AnyRow;

use super::row::{count, get, json};
use super::{Connection, DbError, channel};

/// A release on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edition {
    /// Its version.
    pub(crate) version: Version,
    /// `sha256:<hex>`.
    pub(crate) digest: String,
    /// Bytes of the file.
    pub(crate) size_bytes: u64,
    /// `available`, `yanked`, `revoked`.
    pub(crate) state: String,
    /// Why it was yanked or revoked.
    pub(crate) reason: Option<String>,
    /// Keys that signed it.
    pub(crate) signers: Vec<String>,
    /// What it says of itself.
    pub(crate) description: Option<String>,
    /// When it was published, milliseconds since 1970.
    pub(crate) published_ms: u64,
    /// Channels that name it, by name.
    pub(crate) channels: Vec<String>,
}

/// The releases of a payload, highest version first: at most `RELEASES_MAX`.
///
/// # Errors
/// The database's.
pub(crate) async fn editions(
    connection: &mut Connection,
    name: &PayloadName,
) -> Result<Vec<Edition>, DbError> {
    let channels = channel::all(connection, name).await?;
    let rows = sqlx::query(
        "SELECT version, digest, size_bytes, state, reason, signers, description, published_ms
         FROM release WHERE payload = $1",
    )
    .bind(name.as_str())
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading releases", reason))?;
    let editions = rows.iter().map(|row| edition(row, &channels));
    let mut editions = editions.collect::<Result<Vec<_>, _>>()?;
    editions.sort_by(|a, b| b.version.cmp(&a.version));
    Ok(editions)
}

fn edition(row: &AnyRow, channels: &[Channel]) -> Result<Edition, DbError> {
    let text: String = get(row, "version")?;
    let version = text.parse().map_err(|error: NameError| DbError::Column {
        column: "version",
        reason: error.to_string(),
    })?;
    let here = channels.iter().filter(|channel| channel.version == text);
    Ok(Edition {
        version,
        digest: get(row, "digest")?,
        size_bytes: count(row, "size_bytes")?,
        state: get(row, "state")?,
        reason: get(row, "reason")?,
        signers: json(row, "signers")?,
        description: get(row, "description")?,
        published_ms: count(row, "published_ms")?,
        channels: here.map(|channel| channel.channel.clone()).collect(),
    })
}

/// A release that was published lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recent {
    /// Its payload.
    pub(crate) payload: String,
    /// Its version.
    pub(crate) version: String,
    /// `available`, `yanked`, `revoked`.
    pub(crate) state: String,
    /// Who published it.
    pub(crate) published_by: String,
    /// When, milliseconds since 1970.
    pub(crate) published_ms: u64,
}

/// The releases that were published last, newest first.
///
/// # Errors
/// The database's.
pub(crate) async fn recent(
    connection: &mut Connection,
    limit: u32,
) -> Result<Vec<Recent>, DbError> {
    let rows = sqlx::query(
        "SELECT payload, version, state, published_by, published_ms FROM release
         ORDER BY published_ms DESC, payload, version LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading the latest releases", reason))?;
    let recent = rows.iter().map(|row| {
        Ok(Recent {
            payload: get(row, "payload")?,
            version: get(row, "version")?,
            state: get(row, "state")?,
            published_by: get(row, "published_by")?,
            published_ms: count(row, "published_ms")?,
        })
    });
    recent.collect()
}
