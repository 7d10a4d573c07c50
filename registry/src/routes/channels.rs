//! `/payloads/{namespace}/{name}/channels/{channel}`: names that move between versions.
//! Called by publishers and operators.
//! Must never be moved to a release that was yanked or revoked, or that is below the floor.

use api::problem::Problem;
use api::registry::{Channel, JSON_BYTES_MAX, ReleaseState, SetChannel};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::name::{ChannelName, PayloadName, Version};
use serde_json::json;

use super::body;
use super::caller::Curator;
use super::deploy;
use super::path::{Segments, named, payload_name};
use super::refusal::Refusal;
use crate::access::Who;
use crate::db::{self, Write};
use crate::limits::CHANNELS_MAX;
use crate::state::State;

/// The names in the path of a channel.
type Names = (String, String, String);

/// Moves a channel to a version, or makes it: deployments that follow it begin to update.
#[utoipa::path(put, path = "/payloads/{namespace}/{name}/channels/{channel}", tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("channel" = String, Path)),
    request_body = SetChannel, responses(
        (status = 200, body = Channel),
        (status = 201, body = Channel, description = "There was no such channel"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn put(
    curator: Curator,
    Shared(state): Shared<State>,
    Segments((namespace, name, channel)): Segments<Names>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Channel>), Refusal> {
    let name = payload_name(&namespace, &name)?;
    let channel: ChannelName = named("channel", &channel)?;
    let who = curator.within(&name.to_namespace())?;
    let asked = body::json(&headers, body, JSON_BYTES_MAX).await?;
    move_to(&state, name, channel, asked, who).await
}

/// Moves a channel for somebody who may; the status says whether it is new.
///
/// # Errors
/// 404, 409 for a release that no channel may name, 400 and 422 for what breaks a rule.
pub(super) async fn move_to(
    state: &State,
    name: PayloadName,
    channel: ChannelName,
    SetChannel { version }: SetChannel,
    who: Who,
) -> Result<(StatusCode, Json<Channel>), Refusal> {
    let version: Version = named("version", &version)?;
    let moved = Channel {
        channel: channel.to_string(),
        version: version.to_string(),
        moved_ms: state.now_ms(),
        moved_by: who.name.clone(),
    };
    let after = state.clone();
    let write = state.db.write_as(who.access, moved.moved_ms, move |write| {
        let state = after.clone();
        Box::pin(async move {
            // What their nodes had is not to be known any more behind the move.
            let mut led = Vec::new();
            for name in db::deployment::led_by(write, name.as_str(), &moved.channel).await? {
                led.extend(db::deployment::by_name(write, &name).await?);
            }
            let now_ms = moved.moved_ms;
            let set = set(write, &name, &version, moved, &who).await?;
            deploy::channel_moved(write, &state, led, &who, now_ms).await?;
            Ok::<_, Refusal>(set)
        })
    });
    let (new, channel) = write.await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(channel)))
}

async fn set(
    write: &mut Write,
    name: &PayloadName,
    version: &Version,
    moved: Channel,
    who: &Who,
) -> Result<(bool, Channel), Refusal> {
    let release = db::release::find(write, name, version).await?;
    let missing = || Refusal::not_found(format!("no release {name}@{version}"));
    let state = match release.ok_or_else(missing)?.state {
        ReleaseState::Available => None,
        ReleaseState::Yanked => Some("yanked"),
        ReleaseState::Revoked => Some("revoked"),
    };
    if let Some(state) = state {
        let detail =
            format!("{name}@{version} is {state}; a channel names available releases only");
        return Err(Refusal::conflict("version", detail));
    }
    refuse_below_floor(write, name, version).await?;
    let all = db::channel::all(write, name).await?;
    let before = all.iter().find(|one| one.channel == moved.channel);
    if before.is_none() && all.len() >= CHANNELS_MAX {
        let detail =
            format!("{name} has {CHANNELS_MAX} channels, the most that a payload may have");
        return Err(Refusal::rule("channel", detail));
    }
    let entry = {
        let subject = format!("{name}:{}", moved.channel);
        let mut entry = who.entry(moved.moved_ms, "channel.move", subject);
        entry.before = before.map(|before| json!({ "version": before.version }));
        entry.after = Some(json!({ "version": moved.version }));
        entry
    };
    db::channel::put(write, name, &moved).await?;
    db::audit::add(write, &entry).await?;
    Ok((before.is_none(), moved))
}

/// Nodes never run what is below the floor: a channel there would stop whoever follows it.
async fn refuse_below_floor(
    write: &mut Write,
    name: &PayloadName,
    version: &Version,
) -> Result<(), Refusal> {
    let Some(floor) = db::floor::find(write, name).await? else {
        return Ok(());
    };
    let minimum: Version = floor
        .minimum_version
        .parse()
        .map_err(|error| Refusal::broken(format!("floor of {name}: {error}")))?;
    if *version >= minimum {
        return Ok(());
    }
    let detail = format!(
        "{name}@{version} is below the floor: its publisher lets nothing older than {minimum} run"
    );
    Err(Refusal::conflict("version", detail))
}

/// Removes a channel: deployments that follow it have no release to give.
#[utoipa::path(delete, path = "/payloads/{namespace}/{name}/channels/{channel}", tag = "releases",
    params(("namespace" = String, Path), ("name" = String, Path), ("channel" = String, Path)),
    responses(
        (status = 204),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ), security(("bearer" = [])))]
pub(crate) async fn delete(
    curator: Curator,
    Shared(state): Shared<State>,
    Segments((namespace, name, channel)): Segments<Names>,
) -> Result<StatusCode, Refusal> {
    let name = payload_name(&namespace, &name)?;
    let channel: ChannelName = named("channel", &channel)?;
    let who = curator.within(&name.to_namespace())?;
    let now_ms = state.now_ms();
    let write = state.db.write_as(who.access, now_ms, move |write| {
        Box::pin(async move { remove(write, &name, &channel, &who, now_ms).await })
    });
    write.await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    write: &mut Write,
    name: &PayloadName,
    channel: &ChannelName,
    who: &Who,
    now_ms: u64,
) -> Result<(), Refusal> {
    let all = db::channel::all(write, name).await?;
    let Some(before) = all.iter().find(|one| one.channel == channel.as_str()) else {
        return Err(Refusal::not_found(format!(
            "no channel {channel} of {name}"
        )));
    };
    db::channel::delete(write, name, channel.as_str()).await?;
    let mut entry = who.entry(now_ms, "channel.delete", format!("{name}:{channel}"));
    entry.before = Some(json!({ "version": before.version }));
    Ok(db::audit::add(write, &entry).await?)
}
