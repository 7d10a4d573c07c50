//! The table `outcome`: what happened on each node, the latest of it. Used by the routes of nodes.
//! Must never keep one serial of a node twice, nor more of a node than the bound.

use api::registry::Outcome;
use sqlx::AssertSqlSafe;

use super::row::{json, signed};
use super::rows::{pieces, values};
use super::{Connection, DbError, Write};

/// Keeps those that are not kept yet, of any nodes: each with its node and its JSON.
///
/// # Errors
/// The database's.
pub(crate) async fn add(
    write: &mut Write,
    outcomes: &[(&str, &Outcome, &str)],
) -> Result<(), DbError> {
    for piece in pieces(outcomes) {
        let text = format!(
            "INSERT INTO outcome (node, serial, instance, outcome) VALUES {}
             ON CONFLICT (node, serial) DO NOTHING",
            values(0, piece.len(), 4)
        );
        let mut insert = sqlx::query(AssertSqlSafe(text));
        for (node, outcome, text) in piece {
            insert = insert
                .bind((*node).to_owned())
                .bind(signed(outcome.serial))
                .bind(outcome.instance.clone())
                .bind((*text).to_owned());
        }
        insert
            .execute(&mut **write)
            .await
            .map_err(|reason| DbError::sql("keeping outcomes", reason))?;
    }
    Ok(())
}

/// Forgets all but the newest `kept_max` of a node.
///
/// # Errors
/// The database's.
pub(crate) async fn forget(write: &mut Write, node: &str, kept_max: u32) -> Result<(), DbError> {
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
