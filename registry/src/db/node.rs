//! The tables `node` and `node_digest`: who enrolled, what each told last, and the digests that
//! must not be collected for it. Used by the fleet's routes and by the look-up of a bearer.
//! Must never hold a credential.

use std::collections::{BTreeMap, BTreeSet};

use api::registry::{Facts, InstanceReport};
use serde::Deserialize;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::row::{count, get, json, one, signed, to_json};
use super::rows::{list, pieces, values};
use super::{Connection, DbError, Write};
use crate::fleet::facts::Audited;
use crate::fleet::report::Checked;

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

/// What is kept of a node before it tells something else.
#[derive(Debug)]
pub(crate) struct Before {
    facts: String,
    /// What it said last that it runs.
    pub(crate) digests: BTreeSet<String>,
    /// What the audit says of its facts.
    pub(crate) audited: Audited,
    /// How many outcomes are kept of it.
    pub(crate) outcomes: u64,
}

impl Before {
    /// What it told last of itself; `None` where that is what it tells now, as JSON.
    ///
    /// # Errors
    /// What is kept is no JSON.
    pub(crate) fn other_facts(&self, now: &str) -> Result<Option<Facts>, DbError> {
        // Nearly always the same, and a text is compared sooner than read.
        if self.facts == now {
            return Ok(None);
        }
        let facts = serde_json::from_str(&self.facts);
        facts.map(Some).map_err(|error| DbError::Column {
            column: "facts",
            reason: error.to_string(),
        })
    }
}

/// Of an instance, what must not be collected.
#[derive(Deserialize)]
struct Runs {
    digest: String,
}

/// That of each of these nodes, as far as they are there.
///
/// # Errors
/// The database's.
pub(crate) async fn before(
    connection: &mut Connection,
    nodes: &[&str],
) -> Result<BTreeMap<String, Before>, DbError> {
    let mut found = BTreeMap::new();
    for piece in pieces(nodes) {
        let text = format!(
            "SELECT name, facts, instances, audited_ms, audited_facts,
                    (SELECT CAST(COUNT(*) AS BIGINT) FROM outcome WHERE outcome.node = node.name)
                    AS outcomes
             FROM node WHERE name IN ({})",
            list(piece.len())
        );
        let mut select = sqlx::query(AssertSqlSafe(text));
        for node in piece {
            select = select.bind((*node).to_owned());
        }
        let rows = select
            .fetch_all(&mut *connection)
            .await
            .map_err(|reason| DbError::sql("looking up nodes", reason))?;
        for row in &rows {
            let instances: Vec<Runs> = json(row, "instances")?;
            let before = Before {
                facts: get(row, "facts")?,
                digests: instances.into_iter().map(|one| one.digest).collect(),
                audited: audited(row)?,
                outcomes: count(row, "outcomes")?,
            };
            found.insert(get(row, "name")?, before);
        }
    }
    Ok(found)
}

/// Keeps what nodes told; those that are not there are let be.
///
/// # Errors
/// The database's.
pub(crate) async fn report(
    write: &mut Write,
    told: &[(&str, &Checked)],
    now_ms: u64,
) -> Result<(), DbError> {
    for piece in pieces(told) {
        // Both databases call the columns of VALUES so.
        let text = format!(
            "UPDATE node SET facts = told.column2, instances = told.column3, seen_ms = $1
             FROM (VALUES {}) AS told WHERE node.name = told.column1",
            values(1, piece.len(), 3)
        );
        let mut update = sqlx::query(AssertSqlSafe(text)).bind(signed(now_ms));
        for (node, batch) in piece {
            update = update
                .bind((*node).to_owned())
                .bind(batch.facts.clone())
                .bind(batch.instances.clone());
        }
        update
            .execute(&mut **write)
            .await
            .map_err(|reason| DbError::sql("keeping reports", reason))?;
    }
    Ok(())
}

fn audited(row: &AnyRow) -> Result<Audited, DbError> {
    let facts: Option<String> = get(row, "audited_facts")?;
    Ok(Audited {
        at_ms: count(row, "audited_ms")?,
        facts: facts.map(|_| json(row, "audited_facts")).transpose()?,
    })
}

/// Keeps what is audited of a node.
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

/// A node with one digest.
pub(crate) type Pair<'a> = (&'a str, &'a str);

/// Keeps which digests nodes run: those that they no longer do, and those that they do now.
///
/// # Errors
/// The database's.
pub(crate) async fn move_digests(
    write: &mut Write,
    gone: &[Pair<'_>],
    new: &[Pair<'_>],
) -> Result<(), DbError> {
    let delete =
        |rows: &str| format!("DELETE FROM node_digest WHERE (digest, node) IN (VALUES {rows})");
    pairs(write, gone, delete).await?;
    let insert = |rows: &str| format!("INSERT INTO node_digest (digest, node) VALUES {rows}");
    pairs(write, new, insert).await
}

async fn pairs(
    write: &mut Write,
    pairs: &[Pair<'_>],
    text: impl Fn(&str) -> String,
) -> Result<(), DbError> {
    for piece in pieces(pairs) {
        let mut statement = sqlx::query(AssertSqlSafe(text(&values(0, piece.len(), 2))));
        for (node, digest) in piece {
            statement = statement
                .bind((*digest).to_owned())
                .bind((*node).to_owned());
        }
        statement
            .execute(&mut **write)
            .await
            .map_err(|reason| DbError::sql("keeping what nodes run", reason))?;
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

/// Those of these credentials that are nodes'.
///
/// # Errors
/// The database's.
pub(super) async fn credentials(
    connection: &mut Connection,
    sha256: &[&[u8]],
) -> Result<BTreeSet<Vec<u8>>, DbError> {
    let mut found = BTreeSet::new();
    for piece in pieces(sha256) {
        let text = format!(
            "SELECT credential_sha256 FROM node WHERE credential_sha256 IN ({})",
            list(piece.len())
        );
        let mut select = sqlx::query(AssertSqlSafe(text));
        for sha256 in piece {
            select = select.bind(sha256.to_vec());
        }
        let rows = select
            .fetch_all(&mut *connection)
            .await
            .map_err(|reason| DbError::sql("looking up bearers", reason))?;
        for row in &rows {
            found.insert(get(row, "credential_sha256")?);
        }
    }
    Ok(found)
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
