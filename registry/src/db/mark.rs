//! The table `rollout_mark`: what each node told last of a rollout. Written with the report that told
//! it, read when the registry begins.
//! Must never keep what a node says of a rollout that is not of its deployment's release.

use std::collections::BTreeMap;

use api::registry::Outcome;
use sqlx::any::AnyRow;

use super::row::{count, get, json, signed, to_json};
use super::{Connection, DbError, Write};
use crate::fleet::moving::{Mark, Marks, MarksByRollout};

/// Keeps what an outcome says of its rollout, if that has not ended and brings this very file, and no
/// later one is kept. Whether it was kept.
///
/// # Errors
/// The database's.
pub(crate) async fn take(
    write: &mut Write,
    node: &str,
    outcome: &Outcome,
) -> Result<bool, DbError> {
    let Some(rollout) = outcome.rollout else {
        return Ok(false);
    };
    let done = sqlx::query(
        "INSERT INTO rollout_mark (rollout, node, staging, serial, mark)
         SELECT $1, $2, $3, $4, $5
         WHERE EXISTS (SELECT 1 FROM rollout WHERE number = $1 AND active = 1 AND digest = $6)
         ON CONFLICT (rollout, node, staging) DO UPDATE SET
             serial = excluded.serial, mark = excluded.mark
         WHERE excluded.serial > rollout_mark.serial",
    )
    .bind(signed(rollout))
    .bind(node)
    .bind(i64::from(outcome.staging))
    .bind(signed(outcome.serial))
    .bind(to_json("mark", &Mark::of(outcome))?)
    .bind(outcome.digest.as_str())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("keeping what a node told of a rollout", reason))?;
    Ok(done.rows_affected() == 1)
}

/// What a node told of rollouts that still decide something.
///
/// # Errors
/// The database's.
pub(crate) async fn of_node(
    connection: &mut Connection,
    node: &str,
) -> Result<MarksByRollout, DbError> {
    let rows = sqlx::query(
        "SELECT m.rollout, m.staging, m.mark FROM rollout_mark m
         JOIN rollout o ON o.number = m.rollout
         WHERE m.node = $1 AND o.standing = 1",
    )
    .bind(node)
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading what a node told of rollouts", reason))?;
    let mut marks = MarksByRollout::new();
    for row in &rows {
        enter(marks.entry(count(row, "rollout")?).or_default(), row)?;
    }
    Ok(marks)
}

/// What every node told of one rollout, by name.
///
/// # Errors
/// The database's.
pub(crate) async fn of_rollout(
    connection: &mut Connection,
    number: u64,
) -> Result<BTreeMap<String, Marks>, DbError> {
    let rows = sqlx::query("SELECT node, staging, mark FROM rollout_mark WHERE rollout = $1")
        .bind(signed(number))
        .fetch_all(connection)
        .await
        .map_err(|reason| DbError::sql("reading what nodes told of a rollout", reason))?;
    let mut told: BTreeMap<String, Marks> = BTreeMap::new();
    for row in &rows {
        enter(told.entry(get(row, "node")?).or_default(), row)?;
    }
    Ok(told)
}

fn enter(marks: &mut Marks, row: &AnyRow) -> Result<(), DbError> {
    let mark: Mark = json(row, "mark")?;
    match count(row, "staging")? {
        0 => marks.ran = Some(mark),
        _ => marks.staged = Some(mark),
    }
    Ok(())
}
