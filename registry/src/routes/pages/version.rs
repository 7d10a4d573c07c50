//! `/payloads/{namespace}/{name}/versions/{version}`: what is in a release and what is different in it;
//! yanked, shown again, revoked, named by a channel. Called by browsers.
//! Must never change anything that the API's own routes would refuse.

use api::registry::{Channel, Reason, Release, ReleaseState, SetChannel};
use axum::Json;
use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use payload::digest::Digest;
use payload::manifest::Manifest;
use payload::name::{PayloadName, Version};
use serde::Deserialize;

use super::viewer::{Presser, Viewer};
use super::{form, html};
use crate::db;
use crate::difference;
use crate::events::{self, EventRecord};
use crate::page::{
    ChannelChoice, Contents, DifferenceView, Mistake, OneVersion, ReleaseView, Section, Side, Typed,
};
use crate::routes::page::Asked;
use crate::routes::path::{Segments, named};
use crate::routes::refusal::Refusal;
use crate::routes::releases::Names;
use crate::routes::{channels, keys, releases, withdrawal};
use crate::state::State;

/// Versions that one may compare with, as near to this one as there are.
const OTHERS_MAX: usize = 200;
/// The largest file whose structs are read for a page, bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What it is compared with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    against: Option<String>,
}

/// What the forms send.
#[derive(Debug, Deserialize)]
struct Fields {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    channel: String,
}

/// The page, and what its buttons do.
pub(super) fn routes() -> Router<State> {
    const PAGE: &str = "/payloads/{namespace}/{name}/versions/{version}";
    Router::new()
        .route(PAGE, get(page))
        .route(&format!("{PAGE}/yank"), post(yank).get(back))
        .route(&format!("{PAGE}/unyank"), post(unyank).get(back))
        .route(&format!("{PAGE}/revoke"), post(revoke).get(back))
        .route(&format!("{PAGE}/channel"), post(move_channel).get(back))
}

/// The page.
async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let written = (Typed::default(), Mistake::default());
    html(&shown(viewer, &state, names, query, written).await?)
}

/// A release with what is in it, as the bytes say.
struct Read {
    release: Release,
    manifest: Option<Manifest>,
    records: Vec<EventRecord>,
}

impl Read {
    async fn of(viewer: &Viewer, state: &State, names: Names) -> Result<Self, Refusal> {
        let release = releases::get(viewer.reader(), Shared(state.clone()), Segments(names));
        let Json(release) = release.await?;
        let manifest: Option<Manifest> = serde_json::from_value(release.manifest.clone()).ok();
        let has_events = manifest.as_ref().is_some_and(|one| !one.events.is_empty());
        let records = if has_events && release.size_bytes <= FILE_BYTES_MAX {
            records(state, &release.digest).await
        } else {
            Vec::new()
        };
        Ok(Self {
            release,
            manifest,
            records,
        })
    }

    fn side(&self) -> Side<'_> {
        Side {
            manifest: self.manifest.as_ref(),
            records: &self.records,
        }
    }
}

/// The structs of a file's events; the page does without where the bytes can't be had.
async fn records(state: &State, digest: &str) -> Vec<EventRecord> {
    let Ok(digest) = digest.parse::<Digest>() else {
        return Vec::new();
    };
    let Ok(Some(file)) = state.blobs.read(&digest).await else {
        return Vec::new();
    };
    let read = tokio::task::spawn_blocking(move || events::of(&file));
    read.await.unwrap_or_default()
}

async fn shown(
    viewer: Viewer,
    state: &State,
    names: Names,
    query: Query,
    (typed, mistake): (Typed, Mistake),
) -> Result<OneVersion, Refusal> {
    let (name, version) = withdrawal::release_of(&names)?;
    state.fleet.caught_up(&state.db).await;
    let mut this = Read::of(&viewer, state, names.clone()).await?;
    let Beside {
        mut others,
        before,
        channels,
        floor,
    } = beside(state, &name, &version).await?;
    let against = query.against.filter(|text| !text.is_empty());
    let against: Option<Version> = against.map(|text| named("against", &text)).transpose()?;
    let difference = match against.or(before) {
        None => None,
        Some(against) => {
            let names = (names.0, names.1, against.to_string());
            // The form shows what is compared, however far away it is.
            if against != version && !others.contains(&names.2) {
                others.push(names.2.clone());
            }
            let other = Read::of(&viewer, state, names).await?;
            let difference = difference::between(&other.release, &this.release);
            Some(DifferenceView::of(difference, &other.side(), &this.side()))
        }
    };
    let keys = keys::list(viewer.reader(), Shared(state.clone())).await?;
    let followers = state.fleet.followers(name.as_str());
    let manifest = this.manifest.take();
    Ok(OneVersion {
        frame: viewer.frame(Section::Payloads),
        release: ReleaseView::of(&this.release, name.name(), &keys.0.keys, state.now_ms()),
        floor,
        channels: ChannelChoice::all(channels, version.as_str(), &followers),
        contents: manifest.map(|manifest| Contents::of(manifest, &this.records)),
        others,
        difference,
        may_curate: viewer.may_curate(&name.to_namespace()),
        typed,
        mistake,
    })
}

/// What there is beside a release.
struct Beside {
    /// Other versions, highest first.
    others: Vec<String>,
    /// The one before.
    before: Option<Version>,
    channels: Vec<Channel>,
    /// The version that the floor wants at least, where this one is below it.
    floor: Option<String>,
}

async fn beside(state: &State, name: &PayloadName, version: &Version) -> Result<Beside, Refusal> {
    let mut reader = state.db.reader().await?;
    let listed = db::release::versions(&mut reader, name).await?;
    let mut all: Vec<Version> = listed.into_iter().map(|one| one.version).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    let here = all.iter().position(|one| one == version).unwrap_or(0);
    let first = here.saturating_sub(OTHERS_MAX / 2);
    let near = all.iter().skip(first).take(OTHERS_MAX);
    let floor = db::floor::find(&mut reader, name).await?;
    let above = floor.map(|floor| floor.minimum_version).filter(|minimum| {
        let minimum: Result<Version, _> = minimum.parse();
        minimum.is_ok_and(|minimum| *version < minimum)
    });
    Ok(Beside {
        others: near
            .filter(|one| *one != version)
            .map(Version::to_string)
            .collect(),
        before: all.get(here + 1).cloned(),
        channels: db::channel::all(&mut reader, name).await?,
        floor: above,
    })
}

/// Hides it.
async fn yank(
    presser: Presser,
    shared: Shared<State>,
    names: Segments<Names>,
    request: Request,
) -> Result<Response, Refusal> {
    withdraw(
        presser,
        shared,
        names,
        request,
        ("yank", ReleaseState::Yanked),
    )
    .await
}

/// Shows it again.
async fn unyank(
    presser: Presser,
    shared: Shared<State>,
    names: Segments<Names>,
    request: Request,
) -> Result<Response, Refusal> {
    withdraw(
        presser,
        shared,
        names,
        request,
        ("unyank", ReleaseState::Available),
    )
    .await
}

/// Rules it out for good.
async fn revoke(
    presser: Presser,
    shared: Shared<State>,
    names: Segments<Names>,
    request: Request,
) -> Result<Response, Refusal> {
    withdraw(
        presser,
        shared,
        names,
        request,
        ("revoke", ReleaseState::Revoked),
    )
    .await
}

async fn withdraw(
    presser: Presser,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    request: Request,
    (form, to): (&str, ReleaseState),
) -> Result<Response, Refusal> {
    let fields: Fields = form::read(request).await?;
    let release = withdrawal::release_of(&names)?;
    let viewer = presser.viewer(address(&names));
    let who = match to {
        ReleaseState::Revoked => presser.0.operator()?.0,
        ReleaseState::Yanked | ReleaseState::Available => {
            presser.0.curator().within(&release.0.to_namespace())?
        }
    };
    let reason = Reason {
        reason: fields.reason.clone(),
    };
    match withdrawal::change(&state, release, to, reason, who).await {
        Ok(_) => Ok(there(&names)),
        Err(refusal) => {
            let mistake = form::mistake(refusal)?.of_form(form);
            let typed = Typed {
                form: form.to_owned(),
                reason: fields.reason,
                channel: String::new(),
            };
            again(viewer, &state, names, typed, mistake).await
        }
    }
}

/// Lets a channel name it.
async fn move_channel(
    presser: Presser,
    Shared(state): Shared<State>,
    Segments(names): Segments<Names>,
    request: Request,
) -> Result<Response, Refusal> {
    let fields: Fields = form::read(request).await?;
    let (name, version) = withdrawal::release_of(&names)?;
    let viewer = presser.viewer(address(&names));
    let who = presser.0.curator().within(&name.to_namespace())?;
    let moved = match named("channel", &fields.channel) {
        Ok(channel) => {
            let asked = SetChannel {
                version: version.to_string(),
            };
            channels::move_to(&state, name, channel, asked, who).await
        }
        Err(refusal) => Err(refusal),
    };
    match moved {
        Ok(_) => Ok(there(&names)),
        Err(refusal) => {
            let mistake = form::mistake(refusal)?;
            let typed = Typed {
                form: "channel".to_owned(),
                reason: String::new(),
                channel: fields.channel,
            };
            again(viewer, &state, names, typed, mistake).await
        }
    }
}

/// What a form said, read again: it is the release's page.
async fn back(_: Viewer, Segments(names): Segments<Names>) -> Result<Response, Refusal> {
    let (name, version) = withdrawal::release_of(&names)?;
    let address = format!("/payloads/{name}/versions/{version}");
    Ok(Redirect::to(&address).into_response())
}

/// The page with what was typed and what is wrong with it.
async fn again(
    viewer: Viewer,
    state: &State,
    names: Names,
    typed: Typed,
    mistake: Mistake,
) -> Result<Response, Refusal> {
    let page = shown(viewer, state, names, Query::default(), (typed, mistake)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response())
}

fn address((namespace, name, version): &Names) -> String {
    format!("/payloads/{namespace}/{name}/versions/{version}")
}

fn there(names: &Names) -> Response {
    Redirect::to(&address(names)).into_response()
}
