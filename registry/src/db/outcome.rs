//! The table `outcome`: what happened on each node, the latest of it. Used by the routes of nodes.
//! Must never keep one serial of a node twice, nor more of a node than the bound.

use api::registry::Outcome;

use super::row::{json, signed, to_json};
use super::{Connection, DbError, Write};

/// Keeps those that are not kept yet, and the newest `kept_max` of the node.
///
/// # Errors
/// The database's.
pub(crate) async fn add(
    write: &mut Write,
    node: &str,
    outcomes: &[Outcome],
    kept_max: u32,
) -> Result<(), DbError> {
    let what = "keeping an outcome";
    for outcome in outcomes {
        sqlx::query(
            "INSERT INTO outcome (node, serial, instance, outcome) VALUES ($1, $2, $3, $4)
             ON CONFLICT (node, serial) DO NOTHING",
        )
        .bind(node)
        .bind(signed(outcome.serial))
        .bind(outcome.instance.as_str())
        .bind(to_json("outcome", outcome)?)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    }
    if outcomes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM outcome WHERE node = $1 AND serial <= (
             SELECT serial FROM outcome WHERE node = $1 ORDER BY serial DESC LIMIT 1 OFFSET $2)",
    )
    .bind(node)
    .bind(i64::from(kept_max))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("forgetting old outcomes", reason))?;
    Ok(())
}

/// The latest of a node, newest first.
///
/// # Errors
/// The database's.
pub(crate) async fn latest(
    connection: &mut Connection,
    node: &str,
    limit: u32,
) -> Result<Vec<Outcome>, DbError> {
    let rows =
        sqlx::query("SELECT outcome FROM outcome WHERE node = $1 ORDER BY serial DESC LIMIT $2")
            .bind(node)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
            .map_err(|reason| DbError::sql("reading outcomes", reason))?;
    rows.iter().map(|row| json(row, "outcome")).collect()
}

/// The latest of each instance of a node.
///
/// # Errors
/// The database's.
pub(crate) async fn latest_by_instance(
    connection: &mut Connection,
    node: &str,
) -> Result<Vec<Outcome>, DbError> {
    let rows = sqlx::query(
        "SELECT outcome FROM outcome AS newest WHERE node = $1 AND serial = (
             SELECT MAX(serial) FROM outcome
             WHERE node = newest.node AND instance = newest.instance)",
    )
    .bind(node)
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading outcomes", reason))?;
    rows.iter().map(|row| json(row, "outcome")).collect()
}
