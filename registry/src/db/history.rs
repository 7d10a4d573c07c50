//! The table `history`: how many nodes ran each release, minute by minute, then every ten. Written by
//! the task of the fleet's history, read by its page.
//! Must never keep more than a week.

use super::row::{count, get, signed};
use super::{Connection, DbError, Write};
use crate::fleet::headcount::Runs;
use crate::fleet::history::{DENSE_MS, KEPT_MS, SPARSE_STEP_MS, Sample};

/// Keeps a sample, and forgets what is too old, or too dense for its age.
///
/// # Errors
/// The database's.
pub(crate) async fn add(write: &mut Write, at_ms: u64, runs: &Runs) -> Result<(), DbError> {
    for ((payload, version), nodes) in runs {
        sqlx::query(
            "INSERT INTO history (at_ms, payload, version, nodes) VALUES ($1, $2, $3, $4)
             ON CONFLICT (at_ms, payload, version) DO NOTHING",
        )
        .bind(signed(at_ms))
        .bind(payload.as_str())
        .bind(version.as_str())
        .bind(signed(*nodes))
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("keeping what the fleet runs", reason))?;
    }
    sqlx::query("DELETE FROM history WHERE at_ms < $1 OR (at_ms < $2 AND at_ms % $3 <> 0)")
        .bind(signed(at_ms.saturating_sub(KEPT_MS)))
        .bind(signed(at_ms.saturating_sub(DENSE_MS)))
        .bind(signed(SPARSE_STEP_MS))
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("forgetting what the fleet ran", reason))?;
    Ok(())
}

/// The samples since then, oldest first; of one payload where it is named.
///
/// # Errors
/// The database's.
pub(crate) async fn since(
    connection: &mut Connection,
    from_ms: u64,
    payload: Option<&str>,
) -> Result<Vec<Sample>, DbError> {
    let rows = sqlx::query(
        "SELECT at_ms, payload, version, nodes FROM history WHERE at_ms >= $1 ORDER BY at_ms",
    )
    .bind(signed(from_ms))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading what the fleet ran", reason))?;
    let mut samples: Vec<Sample> = Vec::new();
    for row in &rows {
        let at_ms = count(row, "at_ms")?;
        if samples.last().is_none_or(|last| last.at_ms != at_ms) {
            let runs = Runs::new();
            samples.push(Sample { at_ms, runs });
        }
        let release: (String, String) = (get(row, "payload")?, get(row, "version")?);
        let is_meant = payload.is_none_or(|payload| payload == release.0);
        if let (Some(last), true) = (samples.last_mut(), is_meant) {
            last.runs.insert(release, count(row, "nodes")?);
        }
    }
    Ok(samples)
}
