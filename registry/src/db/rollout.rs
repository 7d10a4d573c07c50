//! The tables `rollout` and `rollout_transition`. Used by the rollout routes, by what drives rollouts,
//! and by `fleet`.
//! Must never write over a transition that the writer had not seen.

use api::registry::{RolloutPhase, Transition};
use sqlx::any::AnyRow;

use super::deployment::{floor_of, offer_of};
use super::row::{count, get, json, one, signed, to_json};
use super::{Connection, DbError, Write};
use crate::fleet::desired::{Floors, Ingredients};
use crate::fleet::moving::Moving;

/// Transitions of one rollout that are shown.
const TRANSITIONS_SHOWN_MAX: i64 = 256;

/// A statement that gives rollouts with the release of each.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.number, o.deployment, o.payload, o.version, o.digest AS brings,
                    o.from_version, o.salt, o.plan, o.state AS stands, o.counts, o.created_ms,
                    o.created_by, o.changed_ms, o.revision, r.version AS release_version,
                    r.digest, r.size_bytes, r.state, r.reason, r.envelope
             FROM rollout o
             JOIN release r ON r.payload = o.payload AND r.version = o.version ",
            $rest
        )
    };
}

/// Those that decide what some nodes are given, newest first.
///
/// # Errors
/// The database's.
pub(crate) async fn standing(
    connection: &mut Connection,
    floors: &Floors,
) -> Result<Vec<Moving>, DbError> {
    let rows = sqlx::query(select!("WHERE o.standing = 1 ORDER BY o.number DESC"))
        .fetch_all(connection)
        .await
        .map_err(|reason| DbError::sql("reading the rollouts", reason))?;
    rows.iter().map(|row| moving(row, floors)).collect()
}

/// The one of this number.
///
/// # Errors
/// The database's.
pub(crate) async fn by_number(
    connection: &mut Connection,
    number: u64,
) -> Result<Option<Moving>, DbError> {
    let row = sqlx::query(select!("WHERE o.number = $1"))
        .bind(signed(number))
        .fetch_optional(&mut *connection)
        .await
        .map_err(|reason| DbError::sql("looking up a rollout", reason))?;
    with_floor(connection, row).await
}

/// The newest of a deployment.
///
/// # Errors
/// The database's.
pub(crate) async fn latest_of(
    connection: &mut Connection,
    deployment: &str,
) -> Result<Option<Moving>, DbError> {
    let row = sqlx::query(select!(
        "WHERE o.deployment = $1 ORDER BY o.number DESC LIMIT 1"
    ))
    .bind(deployment)
    .fetch_optional(&mut *connection)
    .await
    .map_err(|reason| DbError::sql("looking up a rollout", reason))?;
    with_floor(connection, row).await
}

async fn with_floor(
    connection: &mut Connection,
    row: Option<AnyRow>,
) -> Result<Option<Moving>, DbError> {
    let Some(row) = row else { return Ok(None) };
    let payload: String = get(&row, "payload")?;
    let floors = floor_of(connection, &payload).await?;
    moving(&row, &floors).map(Some)
}

/// Which rollouts are listed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Listed<'a> {
    /// Only those below this number.
    pub(crate) before: Option<u64>,
    /// Only those of this deployment.
    pub(crate) deployment: Option<&'a str>,
    /// Only those in this phase; `active` for those that go on, `ended` for the others.
    pub(crate) phase: Option<&'a str>,
}

/// At most `limit` of those that are asked for, newest first.
///
/// # Errors
/// The database's.
pub(crate) async fn page(
    connection: &mut Connection,
    asked: Listed<'_>,
    limit: u32,
) -> Result<Vec<Moving>, DbError> {
    let Listed {
        before,
        deployment,
        phase,
    } = asked;
    let rows = sqlx::query(select!(
        "WHERE o.number < $1 AND (o.deployment = $2 OR $3 = 1)
             AND ($4 = 1 OR o.phase = $5 OR (o.active = 1 AND $5 = 'active')
                  OR (o.active = 0 AND $5 = 'ended'))
         ORDER BY o.number DESC LIMIT $6"
    ))
    .bind(signed(before.unwrap_or(u64::MAX)))
    .bind(deployment.unwrap_or_default())
    .bind(i64::from(deployment.is_none()))
    .bind(i64::from(phase.is_none()))
    .bind(phase.unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("listing rollouts", reason))?;
    // A floor stops what is active, which is for `standing` to say.
    let floors = Floors::new();
    rows.iter().map(|row| moving(row, &floors)).collect()
}

/// The number of the next rollout.
///
/// # Errors
/// The database's.
pub(crate) async fn next_number(write: &mut Write) -> Result<u64, DbError> {
    let row = sqlx::query("SELECT COALESCE(MAX(number), 0) + 1 AS next FROM rollout")
        .fetch_one(&mut **write)
        .await
        .map_err(|reason| DbError::sql("numbering a rollout", reason))?;
    count(&row, "next")
}

/// Keeps a new one. Also where its deployment has an active one, that is an error.
///
/// # Errors
/// The database's.
pub(crate) async fn insert(write: &mut Write, moving: &Moving) -> Result<(), DbError> {
    let what = "keeping a rollout";
    let done = sqlx::query(
        "INSERT INTO rollout (number, deployment, payload, version, digest, from_version, salt,
             plan, state, phase, active, standing, created_ms, created_by, changed_ms, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 1, $11, $12, $13, $14)",
    )
    .bind(signed(moving.number))
    .bind(moving.deployment.as_str())
    .bind(moving.payload.as_str())
    .bind(moving.version.as_str())
    .bind(moving.digest.as_str())
    .bind(moving.from_version.as_deref())
    .bind(moving.salt.as_str())
    .bind(to_json("plan", &moving.plan)?)
    .bind(to_json("state", &moving.state)?)
    .bind(moving.state.phase.word())
    .bind(signed(moving.created_ms))
    .bind(moving.created_by.as_str())
    .bind(signed(moving.changed_ms))
    .bind(signed(moving.revision))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// Keeps the next state of one, whose revision is one more than that which is there. Whether it was
/// so: somebody else may have been faster.
///
/// # Errors
/// The database's.
pub(crate) async fn advance(
    write: &mut Write,
    next: &Moving,
    stands: bool,
) -> Result<bool, DbError> {
    let counts = next.counts.as_ref();
    let done = sqlx::query(
        "UPDATE rollout SET state = $2, phase = $3, active = $4, standing = $5, counts = $6,
             changed_ms = $7, revision = $8
         WHERE number = $1 AND revision = $9",
    )
    .bind(signed(next.number))
    .bind(to_json("state", &next.state)?)
    .bind(next.state.phase.word())
    .bind(i64::from(next.is_active()))
    .bind(i64::from(stands))
    .bind(counts.map(|counts| to_json("counts", counts)).transpose()?)
    .bind(signed(next.changed_ms))
    .bind(signed(next.revision))
    .bind(signed(next.revision.saturating_sub(1)))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("keeping a transition of a rollout", reason))?;
    write.touch_fleet();
    Ok(done.rows_affected() == 1)
}

/// Ended rollouts of a deployment decide nothing any more: those that came before a number, and where a
/// digest is named, that brought it.
///
/// # Errors
/// The database's.
pub(crate) async fn clear(
    write: &mut Write,
    deployment: &str,
    before: u64,
    digest: Option<&str>,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE rollout SET standing = 0
         WHERE deployment = $1 AND number < $2 AND active = 0 AND standing = 1
             AND ($3 = 1 OR digest = $4)",
    )
    .bind(deployment)
    .bind(signed(before))
    .bind(i64::from(digest.is_none()))
    .bind(digest.unwrap_or_default())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("clearing rollouts", reason))?;
    write.touch_fleet();
    Ok(())
}

/// Adds a transition.
///
/// # Errors
/// The database's.
pub(crate) async fn add_transition(
    write: &mut Write,
    number: u64,
    transition: &Transition,
) -> Result<(), DbError> {
    let what = "keeping a transition";
    let done = sqlx::query(
        "INSERT INTO rollout_transition (rollout, revision, at_ms, who, phase, wave, because)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(signed(number))
    .bind(signed(transition.revision))
    .bind(signed(transition.at_ms))
    .bind(transition.who.as_str())
    .bind(transition.phase.word())
    .bind(i64::from(transition.wave))
    .bind(transition.because.as_str())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// The latest transitions of one, oldest first.
///
/// # Errors
/// The database's.
pub(crate) async fn transitions(
    connection: &mut Connection,
    number: u64,
) -> Result<Vec<Transition>, DbError> {
    let rows = sqlx::query(
        "SELECT revision, at_ms, who, phase, wave, because FROM rollout_transition
         WHERE rollout = $1 ORDER BY revision DESC LIMIT $2",
    )
    .bind(signed(number))
    .bind(TRANSITIONS_SHOWN_MAX)
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading transitions", reason))?;
    rows.iter().rev().map(transition).collect()
}

fn transition(row: &AnyRow) -> Result<Transition, DbError> {
    Ok(Transition {
        revision: count(row, "revision")?,
        at_ms: count(row, "at_ms")?,
        who: get(row, "who")?,
        phase: phase(row)?,
        wave: u32::try_from(count(row, "wave")?).unwrap_or(u32::MAX),
        because: get(row, "because")?,
    })
}

fn phase(row: &AnyRow) -> Result<RolloutPhase, DbError> {
    let word: String = get(row, "phase")?;
    serde_json::from_value(serde_json::Value::String(word)).map_err(|error| DbError::Column {
        column: "phase",
        reason: error.to_string(),
    })
}

fn moving(row: &AnyRow, floors: &Floors) -> Result<Moving, DbError> {
    let (payload, version): (String, String) = (get(row, "payload")?, get(row, "version")?);
    let ingredients = Ingredients {
        version: Some(version.clone()),
        release: offer_of(row)?,
        floor: floors.get(&payload),
    };
    let counts: Option<String> = get(row, "counts")?;
    Ok(Moving {
        number: count(row, "number")?,
        deployment: get(row, "deployment")?,
        digest: get(row, "brings")?,
        from_version: get(row, "from_version")?,
        salt: get(row, "salt")?,
        plan: json(row, "plan")?,
        state: json(row, "stands")?,
        counts: counts.map(|_| json(row, "counts")).transpose()?,
        created_ms: count(row, "created_ms")?,
        created_by: get(row, "created_by")?,
        changed_ms: count(row, "changed_ms")?,
        revision: count(row, "revision")?,
        given: ingredients.give(&api::registry::Source::Version(version.clone())),
        payload,
        version,
    })
}
