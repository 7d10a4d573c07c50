//! `PUT /payloads/{namespace}/{name}/floor`: a publisher rules old versions out.
//! Called by publishers; nodes check the same envelope with their own keys.
//! Must never take a floor whose serial is not higher than the one before.

use api::problem::Problem;
use api::registry::{Floor, JSON_BYTES_MAX, SetEnvelope};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::HeaderMap;
use payload::name::PayloadName;
use serde_json::json;

use super::body;
use super::caller::Publisher;
use super::path::{Segments, payload_name};
use super::refusal::Refusal;
use super::releases::off_thread;
use crate::access::Who;
use crate::db::{self, Write};
use crate::publish;
use crate::state::State;

/// The highest serial that the database keeps.
const SERIAL_MAX: u64 = i64::MAX.unsigned_abs();

/// Raises the floor of a payload, by a signed statement.
#[utoipa::path(put, path = "/payloads/{namespace}/{name}/floor", tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path)),
    request_body = SetEnvelope, responses(
        (status = 200, body = Floor),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn put(
    publisher: Publisher,
    Shared(state): Shared<State>,
    Segments((namespace, name)): Segments<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Floor>, Refusal> {
    let name = payload_name(&namespace, &name)?;
    let who = publisher.within(&name.to_namespace())?;
    let SetEnvelope { envelope } = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let keys = db::key::all(&mut *state.db.reader().await?).await?;
    let (checked_name, text) = (name.clone(), envelope.clone());
    let verified = off_thread(move || {
        let keys = publish::trusted(&keys)?;
        publish::floor(text.as_bytes(), &keys, &checked_name)
    })
    .await?;
    let statement = verified.statement();
    if statement.serial > SERIAL_MAX {
        let detail = format!(
            "the serial is {}, at most {SERIAL_MAX} is allowed",
            statement.serial
        );
        return Err(Refusal::rule("envelope", detail));
    }
    let floor = Floor {
        minimum_version: statement.minimum_version.to_string(),
        serial: statement.serial,
        envelope,
        set_ms: state.now_ms(),
    };
    let write = state.db.write_as(who.access, floor.set_ms, move |write| {
        Box::pin(async move { set(write, &name, floor, &who).await })
    });
    write.await.map(Json)
}

async fn set(
    write: &mut Write,
    name: &PayloadName,
    floor: Floor,
    who: &Who,
) -> Result<Floor, Refusal> {
    if !db::payload::exists(write, name).await? {
        return Err(Refusal::not_found(format!("no payload {name}")));
    }
    let before = db::floor::find(write, name).await?;
    match before {
        Some(before) if before.envelope == floor.envelope => return Ok(before),
        Some(before) if before.serial >= floor.serial => {
            let detail = format!(
                "the floor of {name} has serial {}, this one has {}; it must be higher",
                before.serial, floor.serial
            );
            return Err(Refusal::conflict("envelope", detail));
        }
        _ => {}
    }
    db::floor::put(write, name, &floor).await?;
    let mut entry = who.entry(floor.set_ms, "floor.set", name.to_string());
    entry.before = before.map(
        |before| json!({ "minimum_version": before.minimum_version, "serial": before.serial }),
    );
    entry.after = Some(json!({
        "minimum_version": floor.minimum_version,
        "serial": floor.serial,
    }));
    db::audit::add(write, &entry).await?;
    Ok(floor)
}
