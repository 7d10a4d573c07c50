//! The table `pin`: nodes that keep their version. Used by the routes of pins and by `fleet`.
//! Must never pin what is not a release of the deployment's payload.

use std::collections::BTreeMap;

use api::registry::{Pin, Source};
use sqlx::any::AnyRow;

use super::deployment::offer_of;
use super::row::{count, get, one, signed};
use super::{Connection, DbError, Write};
use crate::fleet::desired::{Floors, Ingredients, Pinned};

/// Pins of a deployment, by node.
pub(crate) type ByNode = BTreeMap<String, Pinned>;

/// What nodes are pinned to, by deployment.
///
/// # Errors
/// The database's.
pub(crate) async fn all(
    connection: &mut Connection,
    floors: &Floors,
) -> Result<BTreeMap<String, ByNode>, DbError> {
    let rows = sqlx::query(
        "SELECT p.deployment, p.node, p.payload, p.version, p.reason AS why, p.set_by,
                r.version AS release_version,
                r.digest, r.size_bytes, r.state, r.reason, r.envelope
         FROM pin p JOIN release r ON r.payload = p.payload AND r.version = p.version",
    )
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading the pins", reason))?;
    let mut pinned: BTreeMap<String, ByNode> = BTreeMap::new();
    for row in &rows {
        let (payload, version): (String, String) = (get(row, "payload")?, get(row, "version")?);
        let ingredients = Ingredients {
            version: Some(version.clone()),
            release: offer_of(row)?,
            floor: floors.get(&payload),
        };
        let of = pinned.entry(get(row, "deployment")?).or_default();
        let one = Pinned {
            given: ingredients.give(&Source::Version(version.clone())),
            version,
            reason: get(row, "why")?,
            set_by: get(row, "set_by")?,
        };
        of.insert(get(row, "node")?, one);
    }
    Ok(pinned)
}

/// Pins of a deployment behind a node, by node.
///
/// # Errors
/// The database's.
pub(crate) async fn page(
    connection: &mut Connection,
    deployment: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<Pin>, DbError> {
    let rows = sqlx::query(
        "SELECT node, deployment, version, reason, set_ms, set_by FROM pin
         WHERE deployment = $1 AND node > $2 ORDER BY node LIMIT $3",
    )
    .bind(deployment)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("listing pins", reason))?;
    rows.iter().map(pin).collect()
}

/// The pins of a node, by deployment.
///
/// # Errors
/// The database's.
pub(crate) async fn of_node(connection: &mut Connection, node: &str) -> Result<Vec<Pin>, DbError> {
    let rows = sqlx::query(
        "SELECT node, deployment, version, reason, set_ms, set_by FROM pin
         WHERE node = $1 ORDER BY deployment",
    )
    .bind(node)
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("listing pins", reason))?;
    rows.iter().map(pin).collect()
}

/// The pin of a deployment on a node.
///
/// # Errors
/// The database's.
pub(crate) async fn find(
    connection: &mut Connection,
    deployment: &str,
    node: &str,
) -> Result<Option<Pin>, DbError> {
    let row = sqlx::query(
        "SELECT node, deployment, version, reason, set_ms, set_by FROM pin
         WHERE deployment = $1 AND node = $2",
    )
    .bind(deployment)
    .bind(node)
    .fetch_optional(connection)
    .await
    .map_err(|reason| DbError::sql("looking up a pin", reason))?;
    row.as_ref().map(pin).transpose()
}

/// Keeps a pin, in the place of one that is there.
///
/// # Errors
/// The database's.
pub(crate) async fn put(write: &mut Write, payload: &str, pin: &Pin) -> Result<(), DbError> {
    let what = "keeping a pin";
    let done = sqlx::query(
        "INSERT INTO pin (deployment, node, payload, version, reason, set_ms, set_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (deployment, node) DO UPDATE SET
             payload = excluded.payload, version = excluded.version, reason = excluded.reason,
             set_ms = excluded.set_ms, set_by = excluded.set_by",
    )
    .bind(pin.deployment.as_str())
    .bind(pin.node.as_str())
    .bind(payload)
    .bind(pin.version.as_str())
    .bind(pin.reason.as_str())
    .bind(signed(pin.set_ms))
    .bind(pin.set_by.as_str())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// Takes a pin away; whether there was one.
///
/// # Errors
/// The database's.
pub(crate) async fn delete(
    write: &mut Write,
    deployment: &str,
    node: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM pin WHERE deployment = $1 AND node = $2")
        .bind(deployment)
        .bind(node)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("taking a pin away", reason))?;
    write.touch_fleet();
    Ok(done.rows_affected() == 1)
}

/// Takes the pins of a deployment away that are to another payload than this.
///
/// # Errors
/// The database's.
pub(crate) async fn keep_only(
    write: &mut Write,
    deployment: &str,
    payload: &str,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM pin WHERE deployment = $1 AND payload <> $2")
        .bind(deployment)
        .bind(payload)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("taking pins away", reason))?;
    Ok(())
}

fn pin(row: &AnyRow) -> Result<Pin, DbError> {
    Ok(Pin {
        node: get(row, "node")?,
        deployment: get(row, "deployment")?,
        version: get(row, "version")?,
        reason: get(row, "reason")?,
        set_ms: count(row, "set_ms")?,
        set_by: get(row, "set_by")?,
    })
}
