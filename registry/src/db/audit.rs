//! The table `audit`: every change and every refusal of a token, append-only. Written in the
//! transaction of the change itself, read by `GET /audit`.
//! Must never hold a secret: what is kept of a token is its name.

use api::registry::AuditEntry;
use serde_json::Value;

use super::row::{count, get, signed, to_json};
use super::rows::{anywhere, at_the_front};
use super::{Connection, DbError, Write};

/// What is to be kept.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// Name of the token, `node:NAME`, or `nobody`.
    pub(crate) who: String,
    /// Such as `release.publish`.
    pub(crate) what: &'static str,
    /// Such as `acme/execsnoop@1.0.0`.
    pub(crate) subject: String,
    /// How it was.
    pub(crate) before: Option<Value>,
    /// How it is, or why it was refused.
    pub(crate) after: Option<Value>,
    /// The id of the request.
    pub(crate) request: String,
}

/// Adds an entry.
///
/// # Errors
/// The database's.
pub(crate) async fn add(write: &mut Write, entry: &Entry) -> Result<(), DbError> {
    let text = |value: &Option<Value>| -> Result<Option<String>, DbError> {
        value
            .as_ref()
            .map(|value| to_json("state_after", value))
            .transpose()
    };
    let (before, after) = (text(&entry.before)?, text(&entry.after)?);
    sqlx::query(
        "INSERT INTO audit (id, at_ms, who, what, subject, state_before, state_after, request)
         SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM audit",
    )
    .bind(signed(entry.at_ms))
    .bind(entry.who.as_str())
    .bind(entry.what)
    .bind(entry.subject.as_str())
    .bind(before)
    .bind(after)
    .bind(entry.request.as_str())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql("adding to the audit", reason))?;
    Ok(())
}

/// Which entries are looked for; an empty text is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sought {
    /// Who, whole.
    pub(crate) who: String,
    /// What `what` begins with.
    pub(crate) what: String,
    /// What is somewhere in the subject.
    pub(crate) subject: String,
}

/// The newest entries with an id below `before` and from `from` on that are looked for, newest first.
///
/// # Errors
/// The database's.
pub(crate) async fn page(
    connection: &mut Connection,
    sought: &Sought,
    (from, before): (u64, u64),
    limit: u32,
) -> Result<Vec<AuditEntry>, DbError> {
    let rows = sqlx::query(
        "SELECT id, at_ms, who, what, subject, state_before, state_after, request
         FROM audit WHERE id < $1 AND id >= $3 AND ($4 = '' OR who = $4)
           AND what LIKE $5 ESCAPE '\\' AND subject LIKE $6 ESCAPE '\\'
         ORDER BY id DESC LIMIT $2",
    )
    .bind(signed(before))
    .bind(i64::from(limit))
    .bind(signed(from))
    .bind(sought.who.as_str())
    .bind(at_the_front(&sought.what))
    .bind(anywhere(&sought.subject))
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("reading the audit", reason))?;
    rows.iter()
        .map(|row| {
            Ok(AuditEntry {
                id: count(row, "id")?,
                at_ms: count(row, "at_ms")?,
                who: get(row, "who")?,
                what: get(row, "what")?,
                subject: get(row, "subject")?,
                before: value(get(row, "state_before")?, "state_before")?,
                after: value(get(row, "state_after")?, "state_after")?,
                request: get(row, "request")?,
            })
        })
        .collect()
}

/// The id of the newest entry; 0 where there is none.
///
/// # Errors
/// The database's.
pub(crate) async fn newest(connection: &mut Connection) -> Result<u64, DbError> {
    let row = sqlx::query("SELECT COALESCE(MAX(id), 0) AS newest FROM audit")
        .fetch_one(connection)
        .await
        .map_err(|reason| DbError::sql("looking for the newest of the audit", reason))?;
    count(&row, "newest")
}

fn value(text: Option<String>, column: &'static str) -> Result<Option<Value>, DbError> {
    text.map(|text| {
        serde_json::from_str(&text).map_err(|error| DbError::Column {
            column,
            reason: error.to_string(),
        })
    })
    .transpose()
}
