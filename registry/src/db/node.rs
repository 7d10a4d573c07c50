//! The tables `node` and `node_digest`: who enrolled, what each told last, and the digests that
//! must not be collected for it. Used by the fleet's routes and by the look-up of a bearer.
//! Must never hold a credential.

use std::collections::{BTreeMap, BTreeSet};

use api::registry::{Facts, InstanceReport};
use sqlx::any::AnyRow;

use super::row::{count, get, json, one, signed, to_json};
use super::{Connection, DbError, Write};
use crate::fleet::facts::Audited;

/// A node as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptNode {
    /// Its name.
    pub(crate) node: String,
    /// What it told last, its own labels among it.
    pub(crate) facts: Facts,
    /// What it said last that it runs.
    pub(crate) instances: Vec<InstanceReport>,
    /// Labels of its enrolment; they stand above its own.
    pub(crate) labels: BTreeMap<String, String>,
    /// When it enrolled, milliseconds since 1970.
    pub(crate) enrolled_ms: u64,
    /// Name of the token it enrolled with.
    pub(crate) enrolled_by: String,
    /// When it reported last, milliseconds since 1970.
    pub(crate) seen_ms: u64,
}

/// Keeps a node that is new.
///
/// # Errors
/// The database's.
pub(crate) async fn insert(
    write: &mut Write,
    kept: &KeptNode,
    credential_sha256: &[u8; 32],
) -> Result<(), DbError> {
    let what = "keeping a node";
    let done = sqlx::query(
        "INSERT INTO node (name, credential_sha256, facts, instances, labels, enrolled_ms,
                           enrolled_by, seen_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(kept.node.as_str())
    .bind(credential_sha256.as_slice())
    .bind(to_json("facts", &kept.facts)?)
    .bind(to_json("instances", &kept.instances)?)
    .bind(to_json("labels", &kept.labels)?)
    .bind(signed(kept.enrolled_ms))
    .bind(kept.enrolled_by.as_str())
    .bind(signed(kept.seen_ms))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// Keeps what a node told; whether there is such a node.
///
/// # Errors
/// The database's.
pub(crate) async fn report(
    write: &mut Write,
    node: &str,
    facts: &Facts,
    instances: &[InstanceReport],
    now_ms: u64,
) -> Result<bool, DbError> {
    let what = "keeping a report";
    let done =
        sqlx::query("UPDATE node SET facts = $2, instances = $3, seen_ms = $4 WHERE name = $1")
            .bind(node)
            .bind(to_json("facts", facts)?)
            .bind(to_json("instances", &instances)?)
            .bind(signed(now_ms))
            .execute(&mut **write)
            .await
            .map_err(|reason| DbError::sql(what, reason))?;
    Ok(done.rows_affected() == 1)
}

/// What the audit says of the facts of a node that is there.
///
/// # Errors
/// The database's.
pub(crate) async fn audited(connection: &mut Connection, node: &str) -> Result<Audited, DbError> {
    let row = sqlx::query("SELECT audited_ms, audited_facts FROM node WHERE name = $1")
        .bind(node)
        .fetch_one(connection)
        .await
        .map_err(|reason| DbError::sql("looking up what is audited of a node", reason))?;
    let facts: Option<String> = get(&row, "audited_facts")?;
    Ok(Audited {
        at_ms: count(&row, "audited_ms")?,
        facts: facts.map(|_| json(&row, "audited_facts")).transpose()?,
    })
}

/// Keeps that.
///
/// # Errors
/// The database's.
pub(crate) async fn set_audited(
    write: &mut Write,
    node: &str,
    audited: &Audited,
) -> Result<(), DbError> {
    let what = "keeping what is audited of a node";
    let facts = audited.facts.as_ref();
    let facts = facts.map(|facts| to_json("audited_facts", facts));
    let done = sqlx::query("UPDATE node SET audited_ms = $2, audited_facts = $3 WHERE name = $1")
        .bind(node)
        .bind(signed(audited.at_ms))
        .bind(facts.transpose()?)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// Keeps which digests a node runs.
///
/// # Errors
/// The database's.
pub(crate) async fn set_digests(
    write: &mut Write,
    node: &str,
    digests: &BTreeSet<String>,
) -> Result<(), DbError> {
    let what = "keeping what a node runs";
    sqlx::query("DELETE FROM node_digest WHERE node = $1")
        .bind(node)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql(what, reason))?;
    for digest in digests {
        sqlx::query("INSERT INTO node_digest (node, digest) VALUES ($1, $2)")
            .bind(node)
            .bind(digest.as_str())
            .execute(&mut **write)
            .await
            .map_err(|reason| DbError::sql(what, reason))?;
    }
    Ok(())
}

/// Every node, by name.
///
/// # Errors
/// The database's.
pub(crate) async fn all(connection: &mut Connection) -> Result<Vec<KeptNode>, DbError> {
    let rows = sqlx::query(
        "SELECT name, facts, instances, labels, enrolled_ms, enrolled_by, seen_ms
         FROM node ORDER BY name",
    )
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading the nodes", reason))?;
    rows.iter().map(kept).collect()
}

/// The node of this name.
///
/// # Errors
/// The database's.
pub(crate) async fn by_name(
    connection: &mut Connection,
    node: &str,
) -> Result<Option<KeptNode>, DbError> {
    let row = sqlx::query(
        "SELECT name, facts, instances, labels, enrolled_ms, enrolled_by, seen_ms
         FROM node WHERE name = $1",
    )
    .bind(node)
    .fetch_optional(connection)
    .await
    .map_err(|reason| DbError::sql("looking up a node", reason))?;
    row.as_ref().map(kept).transpose()
}

/// How many nodes there are.
///
/// # Errors
/// The database's.
pub(crate) async fn count_all(connection: &mut Connection) -> Result<u64, DbError> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS nodes FROM node")
        .fetch_one(connection)
        .await
        .map_err(|reason| DbError::sql("counting nodes", reason))?;
    count(&row, "nodes")
}

/// The name of the node with this credential.
///
/// # Errors
/// The database's.
pub(crate) async fn by_credential(
    connection: &mut Connection,
    credential_sha256: &[u8; 32],
) -> Result<Option<String>, DbError> {
    let row = sqlx::query("SELECT name FROM node WHERE credential_sha256 = $1")
        .bind(credential_sha256.as_slice())
        .fetch_optional(connection)
        .await
        .map_err(|reason| DbError::sql("looking up a bearer", reason))?;
    row.as_ref().map(|row| get(row, "name")).transpose()
}

/// Forgets a node with all that it told; its credential is nobody's from now on.
///
/// # Errors
/// The database's.
pub(crate) async fn delete(write: &mut Write, node: &str) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM node WHERE name = $1")
        .bind(node)
        .execute(&mut **write)
        .await
        .map_err(|reason| DbError::sql("forgetting a node", reason))?;
    write.touch_access();
    Ok(done.rows_affected() == 1)
}

fn kept(row: &AnyRow) -> Result<KeptNode, DbError> {
    Ok(KeptNode {
        node: get(row, "name")?,
        facts: json(row, "facts")?,
        instances: json(row, "instances")?,
        labels: json(row, "labels")?,
        enrolled_ms: count(row, "enrolled_ms")?,
        enrolled_by: get(row, "enrolled_by")?,
        seen_ms: count(row, "seen_ms")?,
    })
}
