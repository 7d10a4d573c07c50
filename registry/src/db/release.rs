//! The table `release`: name, version, digest, signatures, what was computed when it was published.
//! Used by the routes of releases and by what gives nodes their desired state.
//! Must never change anything of a release but its state and who has signed it.

use api::registry::{Release, ReleaseState};
use payload::name::{NameError, PayloadName, Version};
use sqlx::any::AnyRow;

use super::row::{count, get, json, one, signed, to_json};
use super::{Connection, DbError, Write};

/// A statement that gives releases.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT payload, version, digest, size_bytes, state, reason, signers, envelope,
                 manifest, privileges, published_ms, published_by
             FROM release ",
            $rest
        )
    };
}

/// A version and whether new deployments may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The version.
    pub(crate) version: Version,
    /// Neither yanked nor revoked.
    pub(crate) available: bool,
}

/// Keeps a new release.
///
/// # Errors
/// The database's; also where there is one of this name and version, or no such blob.
pub(crate) async fn insert(
    write: &mut Write,
    release: &Release,
    description: Option<&str>,
) -> Result<(), DbError> {
    let what = "keeping a release";
    let done = sqlx::query(
        "INSERT INTO release (payload, version, digest, size_bytes, state, signers, envelope,
             description, manifest, privileges, published_ms, published_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(release.payload.as_str())
    .bind(release.version.as_str())
    .bind(release.digest.as_str())
    .bind(signed(release.size_bytes))
    .bind(state_text(release.state))
    .bind(to_json("signers", &release.signers)?)
    .bind(release.envelope.as_deref())
    .bind(description)
    .bind(to_json("manifest", &release.manifest)?)
    .bind(to_json("privileges", &release.privileges)?)
    .bind(signed(release.published_ms))
    .bind(release.published_by.as_str())
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// The release of this name and version.
///
/// # Errors
/// The database's.
pub(crate) async fn find(
    connection: &mut Connection,
    name: &PayloadName,
    version: &Version,
) -> Result<Option<Release>, DbError> {
    let row = sqlx::query(select!("WHERE payload = $1 AND version = $2"))
        .bind(name.as_str())
        .bind(version.as_str())
        .fetch_optional(connection)
        .await
        .map_err(|reason| DbError::sql("looking up a release", reason))?;
    row.as_ref().map(release).transpose()
}

/// Every version of a payload, in no order: at most `RELEASES_MAX`.
///
/// # Errors
/// The database's.
pub(crate) async fn versions(
    connection: &mut Connection,
    name: &PayloadName,
) -> Result<Vec<Listed>, DbError> {
    let rows = sqlx::query("SELECT version, state FROM release WHERE payload = $1")
        .bind(name.as_str())
        .fetch_all(connection)
        .await
        .map_err(|reason| DbError::sql("listing versions", reason))?;
    rows.iter()
        .map(|row| {
            let text: String = get(row, "version")?;
            let version = text.parse().map_err(|error: NameError| DbError::Column {
                column: "version",
                reason: error.to_string(),
            })?;
            Ok(Listed {
                version,
                available: state(row)? == ReleaseState::Available,
            })
        })
        .collect()
}

/// Changes whether a release may be used.
///
/// # Errors
/// The database's; also where there is none.
pub(crate) async fn set_state(
    write: &mut Write,
    name: &PayloadName,
    version: &Version,
    state: ReleaseState,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let what = "changing a release's state";
    let done = sqlx::query(
        "UPDATE release SET state = $3, reason = $4 WHERE payload = $1 AND version = $2",
    )
    .bind(name.as_str())
    .bind(version.as_str())
    .bind(state_text(state))
    .bind(reason)
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// Replaces the envelope by one with more signatures over the same bytes.
///
/// # Errors
/// The database's; also where there is none.
pub(crate) async fn set_signatures(
    write: &mut Write,
    name: &PayloadName,
    version: &Version,
    envelope: &str,
    signers: &[String],
) -> Result<(), DbError> {
    let what = "adding signatures to a release";
    let done = sqlx::query(
        "UPDATE release SET envelope = $3, signers = $4 WHERE payload = $1 AND version = $2",
    )
    .bind(name.as_str())
    .bind(version.as_str())
    .bind(envelope)
    .bind(to_json("signers", &signers)?)
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    one(what, &done)
}

/// How many there are.
///
/// # Errors
/// The database's.
pub(crate) async fn total(connection: &mut Connection) -> Result<u64, DbError> {
    let row = sqlx::query("SELECT COUNT(*) AS releases FROM release")
        .fetch_one(connection)
        .await
        .map_err(|reason| DbError::sql("counting releases", reason))?;
    count(&row, "releases")
}

fn state_text(state: ReleaseState) -> &'static str {
    match state {
        ReleaseState::Available => "available",
        ReleaseState::Yanked => "yanked",
        ReleaseState::Revoked => "revoked",
    }
}

fn state(row: &AnyRow) -> Result<ReleaseState, DbError> {
    let text: String = get(row, "state")?;
    match text.as_str() {
        "available" => Ok(ReleaseState::Available),
        "yanked" => Ok(ReleaseState::Yanked),
        "revoked" => Ok(ReleaseState::Revoked),
        _ => Err(DbError::Column {
            column: "state",
            reason: format!("{text:?} is no state"),
        }),
    }
}

fn release(row: &AnyRow) -> Result<Release, DbError> {
    Ok(Release {
        payload: get(row, "payload")?,
        version: get(row, "version")?,
        digest: get(row, "digest")?,
        size_bytes: count(row, "size_bytes")?,
        state: state(row)?,
        reason: get(row, "reason")?,
        signers: json(row, "signers")?,
        envelope: get(row, "envelope")?,
        manifest: json(row, "manifest")?,
        privileges: json(row, "privileges")?,
        published_ms: count(row, "published_ms")?,
        published_by: get(row, "published_by")?,
        nodes: 0,
    })
}
