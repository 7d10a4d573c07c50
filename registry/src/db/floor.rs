//! The table `payload_floor`: the highest floor of each payload, as it was signed.
//! Used by the routes of floors and by what gives nodes their desired state.
//! Must never go back to a lower serial.

use api::registry::Floor;
use payload::name::PayloadName;

use super::row::{count, get, one, signed};
use super::{Connection, DbError, Write};

/// Keeps a floor in the place of the one before. The caller has compared the serials.
///
/// # Errors
/// The database's; also where the one before has no lower serial.
pub(crate) async fn put(
    write: &mut Write,
    name: &PayloadName,
    floor: &Floor,
) -> Result<(), DbError> {
    let what = "keeping a floor";
    let done = sqlx::query(
        "INSERT INTO payload_floor (payload, minimum_version, serial, envelope, set_ms)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (payload) DO UPDATE SET minimum_version = excluded.minimum_version,
             serial = excluded.serial, envelope = excluded.envelope, set_ms = excluded.set_ms
         WHERE payload_floor.serial < excluded.serial",
    )
    .bind(name.as_str())
    .bind(floor.minimum_version.as_str())
    .bind(signed(floor.serial))
    .bind(floor.envelope.as_str())
    .bind(signed(floor.set_ms))
    .execute(&mut **write)
    .await
    .map_err(|reason| DbError::sql(what, reason))?;
    write.touch_fleet();
    one(what, &done)
}

/// The floor of a payload.
///
/// # Errors
/// The database's.
pub(crate) async fn find(
    connection: &mut Connection,
    name: &PayloadName,
) -> Result<Option<Floor>, DbError> {
    let row = sqlx::query(
        "SELECT minimum_version, serial, envelope, set_ms FROM payload_floor WHERE payload = $1",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await
    .map_err(|reason| DbError::sql("looking up a floor", reason))?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Floor {
        minimum_version: get(&row, "minimum_version")?,
        serial: count(&row, "serial")?,
        envelope: get(&row, "envelope")?,
        set_ms: count(&row, "set_ms")?,
    }))
}
