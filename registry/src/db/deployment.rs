//! The table `deployment`, and what each of them gives now: the join with channels, releases and
//! floors. Used by the deployment routes and by `fleet`.
//! Must never decide what a node runs: that is `fleet::desired`.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::registry::{DeploymentSpec, ReleaseState, Source};
use sqlx::any::AnyRow;

use super::row::{count, count_option, get, json, one, signed, to_json};
use super::{Connection, DbError, Write};
use crate::fleet::desired::{
    Floors, Given, Ingredients, Offer, Standing, StandingFloor, Void, by_age,
};
use crate::fleet::moving::Moving;
use crate::fleet::order::Order;

/// A statement that gives deployments with what they give.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT d.name, d.payload, d.version, d.channel, d.selector, d.instance, d.globals,
                    d.targets, d.plan, d.held_version, d.created_ms, d.changed_ms,
                    COALESCE(d.version, c.version) AS named, r.version AS release_version,
                    r.digest, r.size_bytes, r.state, r.reason, r.envelope
             FROM deployment d
             LEFT JOIN channel c ON c.payload = d.payload AND c.channel = d.channel
             LEFT JOIN release r
                    ON r.payload = d.payload AND r.version = COALESCE(d.version, c.version) ",
            $rest
        )
    };
}

/// Every deployment, oldest first, and the floors of their payloads.
///
/// # Errors
/// The database's.
pub(crate) async fn standings(
    connection: &mut Connection,
) -> Result<(Vec<Arc<Standing>>, Floors), DbError> {
    let floors = floors(connection).await?;
    let rows = sqlx::query(select!(""))
        .fetch_all(&mut *connection)
        .await
        .map_err(|reason| DbError::sql("reading the deployments", reason))?;
    let standings = completed(connection, &rows, &floors).await?;
    let mut standings: Vec<Arc<Standing>> = standings.into_iter().map(Arc::new).collect();
    by_age(&mut standings);
    Ok((standings, floors))
}

/// The deployment of this name.
///
/// # Errors
/// The database's.
pub(crate) async fn by_name(
    connection: &mut Connection,
    deployment: &str,
) -> Result<Option<Standing>, DbError> {
    let floors = floors(connection).await?;
    let rows = sqlx::query(select!("WHERE d.name = $1"))
        .bind(deployment)
        .fetch_all(&mut *connection)
        .await
        .map_err(|reason| DbError::sql("looking up a deployment", reason))?;
    Ok(completed(connection, &rows, &floors).await?.pop())
}

/// Names of the deployments that follow a channel and move by rollouts.
///
/// # Errors
/// The database's.
pub(crate) async fn led_by(
    connection: &mut Connection,
    payload: &str,
    channel: &str,
) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query(
        "SELECT name FROM deployment
         WHERE payload = $1 AND channel = $2 AND plan IS NOT NULL ORDER BY name",
    )
    .bind(payload)
    .bind(channel)
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("looking up who follows a channel", reason))?;
    rows.iter().map(|row| get(row, "name")).collect()
}

/// Deployments with their rollouts, their pins and what is held.
async fn completed(
    connection: &mut Connection,
    rows: &[AnyRow],
    floors: &Floors,
) -> Result<Vec<Standing>, DbError> {
    let mut pins = super::pin::all(connection, floors).await?;
    let mut layers: BTreeMap<String, Vec<Arc<Moving>>> = BTreeMap::new();
    for moving in super::rollout::standing(connection, floors).await? {
        let of = layers.entry(moving.deployment.clone()).or_default();
        of.push(Arc::new(moving));
    }
    let mut standings = Vec::with_capacity(rows.len());
    for row in rows {
        let mut standing = standing(row, floors)?;
        if let Some(held) = &standing.held {
            standing.given = held_release(connection, &standing.spec.payload, held, floors).await?;
        }
        standing.layers = layers.remove(&standing.deployment).unwrap_or_default();
        standing.pins = pins.remove(&standing.deployment).unwrap_or_default();
        standings.push(standing.weighed());
    }
    Ok(standings)
}

/// The release that a deployment of a payload would give if it named a version.
///
/// # Errors
/// The database's.
pub(crate) async fn would_give(
    connection: &mut Connection,
    payload: &str,
    version: &str,
) -> Result<Given, DbError> {
    let floors = floors(connection).await?;
    held_release(connection, payload, version, &floors).await
}

async fn held_release(
    connection: &mut Connection,
    payload: &str,
    version: &str,
    floors: &Floors,
) -> Result<Given, DbError> {
    if version.is_empty() {
        return Ok(Err(Void::NotReached));
    }
    let row = sqlx::query(
        "SELECT version AS release_version, digest, size_bytes, state, reason, envelope
         FROM release WHERE payload = $1 AND version = $2",
    )
    .bind(payload)
    .bind(version)
    .fetch_optional(connection)
    .await
    .map_err(|reason| DbError::sql("looking up what is held", reason))?;
    let ingredients = Ingredients {
        version: Some(version.to_owned()),
        release: row.as_ref().map(offer_of).transpose()?.flatten(),
        floor: floors.get(payload),
    };
    Ok(ingredients.give(&Source::Version(version.to_owned())))
}

/// Keeps what nodes are given that no rollout has reached; `None`: what the deployment names.
///
/// # Errors
/// The database's.
pub(crate) async fn hold(
    write: &mut Write,
    deployment: &str,
    version: Option<&str>,
) -> Result<(), DbError> {
    let what = "holding a version";
    let done = sqlx::query("UPDATE deployment SET held_version = $2 WHERE name = $1")
        .bind(deployment)
        .bind(version)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// How many deployments there are.
///
/// # Errors
/// The database's.
pub(crate) async fn count_all(connection: &mut Connection) -> Result<u64, DbError> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS deployments FROM deployment")
        .fetch_one(connection)
        .await
        .map_err(|reason| DbError::sql("counting deployments", reason))?;
    count(&row, "deployments")
}

/// Keeps a deployment, in the place of one of the same name, whose age it inherits.
///
/// # Errors
/// The database's.
pub(crate) async fn put(
    write: &mut Write,
    order: &Order,
    now_ms: u64,
    changed_by: &str,
) -> Result<(), DbError> {
    let what = "keeping a deployment";
    let (version, channel) = match &order.spec.source {
        Source::Version(version) => (Some(version.as_str()), None),
        Source::Channel(channel) => (None, Some(channel.as_str())),
    };
    let plan = order.spec.rollout.as_ref();
    let done = sqlx::query(
        "INSERT INTO deployment (name, payload, version, channel, selector, instance, globals,
                                 targets, created_ms, changed_ms, changed_by, plan)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (name) DO UPDATE SET
             payload = excluded.payload, version = excluded.version, channel = excluded.channel,
             selector = excluded.selector, instance = excluded.instance,
             globals = excluded.globals, targets = excluded.targets,
             changed_ms = excluded.changed_ms, changed_by = excluded.changed_by,
             plan = excluded.plan",
    )
    .bind(order.deployment.as_str())
    .bind(order.spec.payload.as_str())
    .bind(version)
    .bind(channel)
    .bind(order.spec.selector.as_str())
    .bind(order.instance.as_str())
    .bind(to_json("globals", &order.spec.globals)?)
    .bind(to_json("targets", &order.spec.targets)?)
    .bind(signed(now_ms))
    .bind(signed(now_ms))
    .bind(changed_by)
    .bind(plan.map(|plan| to_json("plan", plan)).transpose()?)
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// Takes a deployment away; whether there was one.
///
/// # Errors
/// The database's.
pub(crate) async fn delete(write: &mut Write, deployment: &str) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM deployment WHERE name = $1")
        .bind(deployment)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("taking a deployment away", reason))?;
    write.touch_fleet();
    Ok(done.rows_affected() == 1)
}

async fn floors(connection: &mut Connection) -> Result<Floors, DbError> {
    let rows = sqlx::query(
        "SELECT payload, minimum_version, envelope FROM payload_floor
         WHERE payload IN (SELECT payload FROM deployment)",
    )
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading the floors", reason))?;
    let floor = |row: &AnyRow| {
        let floor = StandingFloor {
            minimum_version: parsed(row, "minimum_version")?,
            envelope: get(row, "envelope")?,
        };
        Ok((get(row, "payload")?, floor))
    };
    rows.iter().map(floor).collect()
}

/// The floor of one payload.
///
/// # Errors
/// The database's.
pub(super) async fn floor_of(
    connection: &mut Connection,
    payload: &str,
) -> Result<Floors, DbError> {
    let mut all = floors(connection).await?;
    all.retain(|name, _| name == payload);
    Ok(all)
}

fn standing(row: &AnyRow, floors: &Floors) -> Result<Standing, DbError> {
    let (version, channel): (Option<String>, Option<String>) =
        (get(row, "version")?, get(row, "channel")?);
    let source = match (version, channel) {
        (Some(version), None) => Source::Version(version),
        (None, Some(channel)) => Source::Channel(channel),
        (version, channel) => {
            return Err(DbError::Column {
                column: "version",
                reason: format!("version {version:?} and channel {channel:?}: one of them is set"),
            });
        }
    };
    let instance: String = get(row, "instance")?;
    let payload: String = get(row, "payload")?;
    let ingredients = Ingredients {
        version: get(row, "named")?,
        release: offer_of(row)?,
        floor: floors.get(&payload),
    };
    let globals: BTreeMap<_, _> = json(row, "globals")?;
    let aim = ingredients.give(&source);
    let plan: Option<String> = get(row, "plan")?;
    Ok(Standing {
        deployment: get(row, "name")?,
        given: aim.clone(),
        aim,
        held: get(row, "held_version")?,
        layers: Vec::new(),
        pins: super::pin::ByNode::new(),
        selector: parsed(row, "selector")?,
        spec: DeploymentSpec {
            payload,
            source,
            selector: get(row, "selector")?,
            instance: Some(instance.clone()),
            globals,
            targets: json(row, "targets")?,
            rollout: plan.map(|_| json(row, "plan")).transpose()?,
        },
        instance,
        created_ms: count(row, "created_ms")?,
        changed_ms: count(row, "changed_ms")?,
        wanted_bytes: 0,
    })
}

/// The release of a row, where it has one.
///
/// # Errors
/// A column's.
pub(super) fn offer_of(row: &AnyRow) -> Result<Option<Offer>, DbError> {
    let Some(size_bytes) = count_option(row, "size_bytes")? else {
        return Ok(None);
    };
    let state: String = get(row, "state")?;
    let state = match state.as_str() {
        "available" => ReleaseState::Available,
        "yanked" => ReleaseState::Yanked,
        "revoked" => ReleaseState::Revoked,
        other => {
            return Err(DbError::Column {
                column: "state",
                reason: format!("{other:?} is no state of a release"),
            });
        }
    };
    let reason: Option<String> = get(row, "reason")?;
    Ok(Some(Offer {
        version: parsed(row, "release_version")?,
        digest: get(row, "digest")?,
        size_bytes,
        envelope: get(row, "envelope")?,
        state,
        reason: reason.unwrap_or_default(),
    }))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, DbError> {
    let text: String = get(row, column)?;
    text.parse().map_err(|error: T::Err| DbError::Column {
        column,
        reason: error.to_string(),
    })
}
