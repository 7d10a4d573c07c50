//! A consistent copy of the database while a registry writes to it.
//! Called by backup.
//! Must never write to the database that it copies.

use std::path::Path;

use sqlx::{Connection as _, Executor};

use super::row::{count, get};
use super::{Connection, DbError, blob, migrate, release};

/// Copies the database into a file that does not exist yet.
///
/// # Errors
/// Either file can't be opened or written.
pub(crate) async fn make(from: &Path, into: &Path) -> Result<(), DbError> {
    let mut connection = migrate::connect(from).await?;
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(into.to_string_lossy().into_owned())
        .execute(&mut connection)
        .await;
    copied.map_err(|reason| DbError::sql("copying it", reason))?;
    close(connection).await
}

/// Opens a copy.
///
/// # Errors
/// It is no database of a registry.
pub(crate) async fn open(file: &Path) -> Result<Connection, DbError> {
    let mut connection = migrate::connect(file).await?;
    migrate::run(&mut connection).await?;
    Ok(connection)
}

/// Every blob that it names, by digest.
///
/// # Errors
/// The database's.
pub(crate) async fn blobs(connection: &mut Connection) -> Result<Vec<blob::Kept>, DbError> {
    let rows = sqlx::query("SELECT digest, size_bytes FROM blob ORDER BY digest")
        .fetch_all(connection)
        .await
        .map_err(|reason| DbError::sql("listing blobs", reason))?;
    rows.iter()
        .map(|row| {
            Ok(blob::Kept {
                digest: blob::digest(&get::<String>(row, "digest")?)?,
                size_bytes: count(row, "size_bytes")?,
            })
        })
        .collect()
}

/// The releases that name a blob, `namespace/name@version`, by name.
///
/// # Errors
/// The database's.
pub(crate) async fn releases_of(
    connection: &mut Connection,
    blob: &blob::Kept,
) -> Result<Vec<String>, DbError> {
    let rows = sqlx::query(
        "SELECT payload || '@' || version AS name FROM release WHERE digest = $1 ORDER BY name",
    )
    .bind(blob.digest.to_string())
    .fetch_all(connection)
    .await
    .map_err(|reason| DbError::sql("looking for releases of a blob", reason))?;
    rows.iter().map(|row| get(row, "name")).collect()
}

/// Forgets a blob in the copy: its bytes are not there.
///
/// # Errors
/// The database's; also where a release names it.
pub(crate) async fn forget(connection: &mut Connection, blob: &blob::Kept) -> Result<(), DbError> {
    let forgotten = sqlx::query("DELETE FROM blob WHERE digest = $1")
        .bind(blob.digest.to_string())
        .execute(connection)
        .await;
    forgotten
        .map(drop)
        .map_err(|reason| DbError::sql("forgetting a blob that is gone", reason))
}

/// Ends the work on a copy; gives how many releases it has.
///
/// # Errors
/// The database's.
pub(crate) async fn finish(mut connection: Connection) -> Result<u64, DbError> {
    let releases = release::total(&mut connection).await?;
    // One file, which can be moved alone.
    let one_file = connection.execute("PRAGMA journal_mode = DELETE").await;
    one_file.map_err(|reason| DbError::sql("folding its log in", reason))?;
    close(connection).await?;
    Ok(releases)
}

async fn close(connection: Connection) -> Result<(), DbError> {
    let closed = connection.close().await;
    closed.map_err(|reason| DbError::sql("closing it", reason))
}
