//! Opens connections as this registry needs them, and brings the tables up to date.
//! Called when the database is opened.
//! Must never change a table but by a file of `migrations/`.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, ConnectOptions, Executor, SqlSafeStr};

use super::DbError;

/// Every migration, in order: number, name, text.
const MIGRATIONS: [(i64, &str, &str); 6] = [
    (
        1,
        "core",
        include_str!("../../../migrations/sqlite/0001_core.sql"),
    ),
    (
        2,
        "fleet",
        include_str!("../../../migrations/sqlite/0002_fleet.sql"),
    ),
    (
        3,
        "audited_facts",
        include_str!("../../../migrations/sqlite/0003_audited_facts.sql"),
    ),
    (
        4,
        "rollouts",
        include_str!("../../../migrations/sqlite/0004_rollouts.sql"),
    ),
    (
        5,
        "digests",
        include_str!("../../../migrations/sqlite/0005_digests.sql"),
    ),
    (
        6,
        "history",
        include_str!("../../../migrations/sqlite/0006_history.sql"),
    ),
];

/// How long a connection waits for another one's lock: only a checkpoint holds one for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages of the log after which they are written to their places, 4 KiB each. After a publication the
/// whole fleet tells within seconds, and its pages are written again and again: each goes to its place
/// once for many times that it goes to the log.
const LOG_PAGES: u32 = 16_384;

/// How to connect to a file, which is made where there is none.
///
/// # Errors
/// The path has no form that the driver takes.
pub(super) fn options(file: &Path) -> Result<AnyConnectOptions, DbError> {
    let mut url = String::from("sqlite:");
    for byte in file.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            url.push(char::from(*byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url.push_str("?mode=rwc");
    AnyConnectOptions::from_str(&url).map_err(|reason| DbError::sql("naming its file", reason))
}

/// The connection that writes.
///
/// # Errors
/// The file can't be opened or made, or is not a database.
pub(super) async fn connect(file: &Path) -> Result<AnyConnection, DbError> {
    sqlx::any::install_default_drivers();
    let failed = |reason| DbError::sql("opening its file", reason);
    let mut connection = options(file)?.connect().await.map_err(failed)?;
    prepare(&mut connection).await.map_err(failed)?;
    // A page that does not wait in memory for its commit is written again when the next row touches it.
    let spill = connection.execute("PRAGMA cache_spill = OFF").await;
    spill.map_err(failed)?;
    let pages = sqlx::AssertSqlSafe(format!("PRAGMA wal_autocheckpoint = {LOG_PAGES}"));
    connection.execute(pages).await.map_err(failed)?;
    Ok(connection)
}

/// A commit is on the disk when it returns, and readers never wait for the writer.
async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let busy_ms = BUSY_TIMEOUT.as_millis();
    connection.execute("PRAGMA journal_mode = WAL").await?;
    connection.execute("PRAGMA synchronous = FULL").await?;
    connection.execute("PRAGMA foreign_keys = ON").await?;
    let busy = sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {busy_ms}"));
    connection.execute(busy).await?;
    Ok(())
}

/// A connection that can't write.
pub(super) async fn prepare_reader(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    prepare(connection).await?;
    connection.execute("PRAGMA query_only = ON").await?;
    Ok(())
}

/// Brings the tables up to date.
///
/// # Errors
/// A migration fails, or the database has one that this registry does not know.
pub(super) async fn run(connection: &mut AnyConnection) -> Result<(), DbError> {
    let migrations = MIGRATIONS.iter().map(|(number, name, text)| {
        let sql = (*text).into_sql_str();
        Migration::new(*number, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
        .run_direct(None, connection, false)
        .await
        .map_err(|reason| DbError::sql("bringing its tables up to date", reason.into()))
}
