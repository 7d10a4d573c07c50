//! `/rollouts/new` and the form that it sends: a rollout is asked for, looked at, begun. The address holds
//! all of the form. Called by browsers.
//! Must never begin a rollout by a GET, nor one that the API would refuse.

use std::collections::HashSet;

use api::registry::{Deployment, Reach, RolloutPlan, Source, StartRollout};
use axum::Json;
use axum::extract::{OriginalUri, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use payload::name::{Excerpt, PayloadName, Version};

use super::super::viewer::{Presser, Viewer};
use super::super::{form, html};
use crate::db;
use crate::page::Section;
use crate::page::rollouts::{Choice, Chosen, Draft, NewRolloutPage, Preview, PreviewPart};
use crate::routes::page::Asked;
use crate::routes::path::{Segments, named};
use crate::routes::refusal::Refusal;
use crate::routes::{deployments, rollouts};
use crate::state::State;

/// Deployments to choose from.
const DEPLOYMENTS_MAX: usize = 500;
/// Versions to choose from, those with a channel not counted.
const VERSIONS_MAX: usize = 100;

/// Has the page's script show another address of this site, without reading it.
const REPLACE_URL: HeaderName = HeaderName::from_static("hx-replace-url");

/// What a form sends.
type Pairs = Vec<(String, String)>;

/// The form, empty or as the address says.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(pairs): Asked<Pairs>,
) -> Result<Response, Refusal> {
    refuse_repeated(&pairs)?;
    let name = text(&pairs, "deployment");
    let chosen = match name.as_str() {
        "" => Ok(None),
        name => deployment(&viewer, &state, name).await.map(Some),
    };
    match chosen {
        Ok(None) => shown(&viewer, &state, None, None),
        Ok(Some(deployment)) => {
            let draft = draft(&pairs, &deployment);
            let chosen = filled(&viewer, &state, &deployment, draft).await?;
            shown(&viewer, &state, Some(chosen), None)
        }
        Err(refusal) if refusal.cause().is_some() => Err(refusal),
        Err(refusal) => shown(&viewer, &state, None, Some(refusal.detail().to_owned())),
    }
}

/// The part that follows the form; the address of the page follows with it.
pub(super) async fn preview(
    viewer: Viewer,
    Shared(state): Shared<State>,
    OriginalUri(uri): OriginalUri,
    Asked(pairs): Asked<Pairs>,
) -> Result<Response, Refusal> {
    refuse_repeated(&pairs)?;
    let deployment = deployment(&viewer, &state, &text(&pairs, "deployment")).await?;
    let mut draft = draft(&pairs, &deployment);
    let preview = looked_ahead(&viewer, &state, &deployment, &mut draft).await?;
    let mut part = html(&PreviewPart { preview })?;
    // The query goes back as it came: it was written for an address once.
    let address = format!("/rollouts/new?{}", uri.query().unwrap_or_default());
    if let Ok(address) = HeaderValue::from_str(&address) {
        part.headers_mut().insert(REPLACE_URL, address);
    }
    Ok(part)
}

/// Begins what the form asks for.
pub(super) async fn start(
    presser: Presser,
    Shared(state): Shared<State>,
    request: Request,
) -> Result<Response, Refusal> {
    let viewer = presser.viewer("/rollouts/new".to_owned());
    let operator = presser.0.operator()?;
    let pairs: Pairs = form::read(request).await?;
    refuse_repeated(&pairs)?;
    let deployment = deployment(&viewer, &state, &text(&pairs, "deployment")).await?;
    let mut draft = draft(&pairs, &deployment);
    if let Some(asked) = draft.asked() {
        match rollouts::begin(operator, &state, asked).await {
            Ok(begun) => {
                let to = format!("/rollouts/{}", begun.rollout);
                return Ok(Redirect::to(&to).into_response());
            }
            Err(refusal) if form::is_mistake(&refusal) => {
                draft.blame(refusal.field(), refusal.detail());
            }
            Err(refusal) => return Err(refusal),
        }
    }
    let chosen = filled(&viewer, &state, &deployment, draft).await?;
    let page = shown(&viewer, &state, Some(chosen), None)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Each field of the form comes once: of two texts, one would be shown and the other begun.
fn refuse_repeated(pairs: &Pairs) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    match pairs.iter().find(|(name, _)| !seen.insert(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let detail = format!("{:?} comes more than once", Excerpt::of(name).to_string());
            Err(Refusal::malformed("query", detail))
        }
    }
}

fn text(pairs: &Pairs, name: &str) -> String {
    let found = pairs.iter().find(|(sent, _)| sent == name);
    found
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

async fn deployment(viewer: &Viewer, state: &State, name: &str) -> Result<Deployment, Refusal> {
    let (shared, name) = (Shared(state.clone()), Segments(name.to_owned()));
    let Json(deployment) = deployments::get(viewer.reader(), shared, name).await?;
    Ok(deployment)
}

/// The form as it was sent, or as the deployment moves by itself.
fn draft(pairs: &Pairs, deployment: &Deployment) -> Draft {
    let name = &deployment.deployment;
    Draft::of_pairs(name, pairs).unwrap_or_else(|| {
        let plan = deployment.spec.rollout.clone().unwrap_or_default();
        Draft::of_plan(name, &text(pairs, "version"), &plan)
    })
}

fn shown(
    viewer: &Viewer,
    state: &State,
    chosen: Option<Chosen>,
    mistake: Option<String>,
) -> Result<Response, Refusal> {
    html(&NewRolloutPage {
        frame: viewer.frame(Section::Rollouts),
        deployments: state.fleet.deployment_names(DEPLOYMENTS_MAX),
        mistake,
        chosen,
    })
}

async fn filled(
    viewer: &Viewer,
    state: &State,
    deployment: &Deployment,
    mut draft: Draft,
) -> Result<Chosen, Refusal> {
    let spec = &deployment.spec;
    let versions = versions(state, deployment, &mut draft).await?;
    let preview = looked_ahead(viewer, state, deployment, &mut draft).await?;
    Ok(Chosen {
        draft,
        payload: spec.payload.clone(),
        source: match &spec.source {
            Source::Version(version) => format!("version {version}"),
            Source::Channel(channel) => format!("channel {channel}"),
        },
        versions,
        has_template: spec.rollout.is_some(),
        active: deployment.rollout,
        preview,
    })
}

/// The versions to choose from, highest first: the first of them is chosen where none was.
async fn versions(
    state: &State,
    deployment: &Deployment,
    draft: &mut Draft,
) -> Result<Vec<Choice>, Refusal> {
    let spec = &deployment.spec;
    let name: PayloadName = named("payload", &spec.payload)?;
    let mut reader = state.db.reader().await?;
    let editions = db::shelf::editions(&mut reader, &name).await?;
    let floor = db::floor::find(&mut reader, &name).await?;
    drop(reader);
    let floor: Option<Version> = floor
        .map(|floor| named("floor", &floor.minimum_version))
        .transpose()?;
    let followed = match &spec.source {
        Source::Channel(channel) => Some(channel),
        Source::Version(_) => None,
    };
    let may_run = |version: &Version| floor.as_ref().is_none_or(|floor| version >= floor);
    let offered = editions.into_iter();
    let offered = offered.filter(|one| one.state == "available" && may_run(&one.version));
    let offered = offered.enumerate().filter(|(index, one)| match followed {
        Some(channel) => one.channels.contains(channel),
        None => *index < VERSIONS_MAX || !one.channels.is_empty(),
    });
    let mut choices: Vec<Choice> = offered
        .map(|(_, one)| Choice {
            says: match one.channels.as_slice() {
                [] => one.version.to_string(),
                channels => format!("{} ({})", one.version, channels.join(", ")),
            },
            version: one.version.to_string(),
            is_chosen: false,
        })
        .collect();
    if draft.version.value.is_empty()
        && let Some(first) = choices.first()
    {
        draft.version.value.clone_from(&first.version);
    }
    let chosen = &draft.version.value;
    if !chosen.is_empty() && choices.iter().all(|one| one.version != *chosen) {
        choices.push(Choice {
            version: chosen.clone(),
            says: chosen.clone(),
            is_chosen: false,
        });
    }
    for one in &mut choices {
        one.is_chosen = one.version == *chosen;
    }
    Ok(choices)
}

/// What it would do, or why nothing. Mistakes stand in the draft as well.
async fn looked_ahead(
    viewer: &Viewer,
    state: &State,
    deployment: &Deployment,
    draft: &mut Draft,
) -> Result<Preview, Refusal> {
    let census = state.fleet.census(&deployment.deployment, state.now_ms());
    let mut preview = Preview::named(&deployment.spec.selector, &census);
    // What was said of it already, by whoever began it.
    let begun_with = draft.mistakes().len();
    let asked = if begun_with > 0 { None } else { draft.asked() };
    if let Some(asked) = asked {
        match rollouts::dry(viewer.reader(), state, &asked).await {
            Ok(dry) => {
                let template = deployment.spec.rollout.as_ref();
                if viewer.frame(Section::Rollouts).may_operate {
                    preview = preview.startable(&dry);
                }
                preview = preview.with(dry, &reaches(&asked));
                preview.command = Some(Preview::command(&asked, template));
            }
            Err(refusal) if form::is_mistake(&refusal) => {
                draft.blame(refusal.field(), refusal.detail());
            }
            Err(refusal) => return Err(refusal),
        }
    }
    preview.mistakes = draft.mistakes().into_iter().map(str::to_owned).collect();
    Ok(preview)
}

fn reaches(asked: &StartRollout) -> Vec<Reach> {
    let plan: Option<&RolloutPlan> = asked.plan.as_ref();
    let waves = plan.map(|plan| plan.waves.as_slice()).unwrap_or_default();
    waves.iter().map(|wave| wave.reach).collect()
}
