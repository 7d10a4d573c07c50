//! The table `channel`: which version a name stands for. Used by the routes of channels and by
//! what gives nodes their desired state.
//! Must never name a version that has no release.

use std::collections::BTreeMap;

use api::registry::Channel;
use payload::name::PayloadName;
use sqlx::any::AnyRow;

use super::row::{count, get, one, signed};
use super::{Connection, DbError, Write};

/// Moves a channel, or makes it.
///
/// # Errors
/// The database's; also where the version has no release.
pub(crate) async fn put(
    write: &mut Write,
    name: &PayloadName,
    channel: &Channel,
) -> Result<(), DbError> {
    let what = "moving a channel";
    let done = sqlx::query(
        "INSERT INTO channel (payload, channel, version, moved_ms, moved_by)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (payload, channel) DO UPDATE SET version = excluded.version,
             moved_ms = excluded.moved_ms, moved_by = excluded.moved_by",
    )
    .bind(name.as_str())
    .bind(channel.channel.as_str())
    .bind(channel.version.as_str())
    .bind(signed(channel.moved_ms))
    .bind(channel.moved_by.as_str())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// Removes a channel.
///
/// # Errors
/// The database's; also where there is none.
pub(crate) async fn delete(
    write: &mut Write,
    name: &PayloadName,
    channel: &str,
) -> Result<(), DbError> {
    let what = "removing a channel";
    let done = sqlx::query("DELETE FROM channel WHERE payload = $1 AND channel = $2")
        .bind(name.as_str())
        .bind(channel)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// The channels of a payload, by name.
///
/// # Errors
/// The database's.
pub(crate) async fn all(
    connection: &mut Connection,
    name: &PayloadName,
) -> Result<Vec<Channel>, DbError> {
    let rows = sqlx::query(
        "SELECT channel, version, moved_ms, moved_by FROM channel
         WHERE payload = $1 ORDER BY channel",
    )
    .bind(name.as_str())
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("listing channels", reason))?;
    rows.iter().map(channel).collect()
}

/// Versions by channel of each payload between two names, both included.
///
/// # Errors
/// The database's.
pub(crate) async fn between(
    connection: &mut Connection,
    first: &str,
    last: &str,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, DbError> {
    let rows = sqlx::query(
        "SELECT payload, channel, version FROM channel WHERE payload >= $1 AND payload <= $2",
    )
    .bind(first)
    .bind(last)
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("listing channels", reason))?;
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in &rows {
        let of_payload = found.entry(get(row, "payload")?).or_default();
        of_payload.insert(get(row, "channel")?, get(row, "version")?);
    }
    Ok(found)
}

fn channel(row: &AnyRow) -> Result<Channel, DbError> {
    Ok(Channel {
        channel: get(row, "channel")?,
        version: get(row, "version")?,
        moved_ms: count(row, "moved_ms")?,
        moved_by: get(row, "moved_by")?,
    })
}
