//! `/rollouts`: how deployments move to other releases, in waves.
//! Called by operators, and read by everybody who may read.
//! Must never let a rollout be asked for what it can't do where it stands.

pub(crate) mod asked;
mod meant;

use api::problem::Problem;
use api::registry::{
    DryRun, JSON_BYTES_MAX, Rollout, RolloutDetail, RolloutNodes, Rollouts, StartRollout,
};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::name::{Excerpt, InstanceName};
use serde::Deserialize;

use super::body;
use super::caller::{Operator, Reader};
use super::deploy::{self, How, Kept};
use super::page::{self, Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use super::settings;
use crate::db::{self, Connection};
use crate::fleet::moving::Moving;
use crate::fleet::order;
use crate::page::rollouts::{PHASES, STANDS};
use crate::rollouts::{self, Start, Told};
use crate::state::State;
use meant::{Meant, meant};

/// Which page of the rollouts.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Only those of this deployment.
    pub(super) deployment: Option<String>,
    /// Only those in this phase; `active`: those that go on, `ended`: the others.
    pub(super) phase: Option<String>,
    /// Only what came before this number: the `next` of the page before.
    pub(super) before: Option<u64>,
    /// Most rollouts; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// Which nodes of a rollout.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodesQuery {
    /// Only those that stand so: one of the counts of a rollout, such as `failed`.
    pub(super) stands: Option<String>,
    /// Only what comes behind this name: the `next` of the page before.
    pub(super) after: Option<String>,
    /// Most nodes; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// Begins a rollout.
#[utoipa::path(post, path = "/rollouts", tag = "fleet", request_body = StartRollout, responses(
    (status = 201, body = Rollout),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn start(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Rollout>), Refusal> {
    let asked: StartRollout = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let shown = begin(Operator(who), &state, asked).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Begins the rollout that is asked for.
///
/// # Errors
/// As `POST /rollouts`, each with the field of its body.
pub(super) async fn begin(
    Operator(who): Operator,
    state: &State,
    asked: StartRollout,
) -> Result<Rollout, Refusal> {
    let now_ms = state.now_ms();
    let Meant {
        standing,
        spec,
        plan,
        ..
    } = meant(state, &asked, now_ms).await?;
    let deployment: InstanceName = named("deployment", &standing.deployment)?;
    let ordered = order::check(&deployment, spec).map_err(|error| deploy::broken_rule(&error))?;
    let tried = settings::tried_now(state, &ordered).await?;
    let how = How::By(Start {
        plan,
        not_before_ms: asked.start_at_ms,
        supersede: asked.supersede,
    });
    let begun = state.db.write_as(who.access, now_ms, {
        let state = state.clone();
        move |write| {
            Box::pin(async move {
                let ordered = (ordered, tried);
                deploy::keep(write, &state, ordered, how, &who, now_ms).await
            })
        }
    });
    let Kept { begun, .. } = begun.await?;
    let begun = begun.ok_or_else(|| Refusal::broken("a rollout that was begun is not there"))?;
    state.fleet.caught_up(&state.db).await;
    Ok(rollouts::summary(&state.fleet, &begun, now_ms))
}

/// What a rollout would do, and to which nodes; nothing is changed.
#[utoipa::path(post, path = "/rollouts/dry-run", tag = "fleet", request_body = StartRollout,
    responses(
    (status = 200, body = DryRun),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn dry_run(
    reader: Reader,
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DryRun>, Refusal> {
    let asked: StartRollout = body::json(&headers, body, JSON_BYTES_MAX).await?;
    Ok(Json(dry(reader, &state, &asked).await?))
}

/// What the rollout that is asked for would do.
///
/// # Errors
/// As `POST /rollouts/dry-run`, each with the field of its body.
pub(super) async fn dry(_: Reader, state: &State, asked: &StartRollout) -> Result<DryRun, Refusal> {
    let now_ms = state.now_ms();
    let Meant {
        standing,
        version,
        plan,
        ..
    } = meant(state, asked, now_ms).await?;
    state.fleet.caught_up(&state.db).await;
    let version = version.as_str();
    Ok(rollouts::dry_run(
        &state.fleet,
        &standing,
        version,
        &plan,
        now_ms,
    ))
}

/// Rollouts, newest first.
#[utoipa::path(get, path = "/rollouts", tag = "fleet", params(Query), responses(
    (status = 200, body = Rollouts),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Reader,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Json<Rollouts>, Refusal> {
    Ok(Json(listed(Reader, &state, &query).await?))
}

/// The rollouts that are asked for. The nodes of those that go on are as they were counted last.
///
/// # Errors
/// 400 that names the part of the query.
pub(super) async fn listed(_: Reader, state: &State, query: &Query) -> Result<Rollouts, Refusal> {
    let limit = page::limit(query.limit)?;
    known("phase", query.phase.as_deref(), &PHASES)?;
    let deployment: Option<InstanceName> = query
        .deployment
        .as_deref()
        .map(|name| named("deployment", name))
        .transpose()?;
    let asked = db::rollout::Listed {
        before: query.before,
        deployment: deployment.as_ref().map(InstanceName::as_str),
        phase: query.phase.as_deref(),
    };
    let mut reader = state.db.reader().await?;
    let mut all = db::rollout::page(&mut reader, asked, limit + 1).await?;
    drop(reader);
    let keep = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = all.len() > keep;
    all.truncate(keep);
    let next = all.last().filter(|_| more).map(|last| last.number);
    let now_ms = state.now_ms();
    let rollouts = all.iter().map(|one| brief(state, one, now_ms)).collect();
    Ok(Rollouts { rollouts, next })
}

/// A rollout as lists show it: the nodes of one that goes on are as they were counted last.
pub(super) fn brief(state: &State, moving: &Moving, now_ms: u64) -> Rollout {
    match state.trends.counts(moving.number, now_ms) {
        Some(counts) => rollouts::summary_of(moving, counts),
        None => rollouts::summary(&state.fleet, moving, now_ms),
    }
}

/// One rollout, with all that is known of it.
#[utoipa::path(get, path = "/rollouts/{rollout}", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = RolloutDetail),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn get(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Json<RolloutDetail>, Refusal> {
    Ok(Json(shown(&state, number(&rollout)?).await?))
}

/// All of a rollout as it stands.
pub(super) async fn shown(state: &State, number: u64) -> Result<RolloutDetail, Refusal> {
    Ok(look(Reader, state, number, None).await?.detail)
}

/// A rollout with some of its nodes, at one look.
pub(super) struct Look {
    /// The rollout.
    pub(super) moving: Moving,
    /// The same in the words of the API.
    pub(super) detail: RolloutDetail,
    /// Its nodes, at most as many as were asked for.
    pub(super) nodes: RolloutNodes,
}

/// A rollout, and those of its nodes that are asked for.
///
/// # Errors
/// 404.
pub(super) async fn look(
    _: Reader,
    state: &State,
    number: u64,
    rows: Option<&NodesQuery>,
) -> Result<Look, Refusal> {
    state.fleet.caught_up(&state.db).await;
    let mut reader = state.db.reader().await?;
    let moving = db::rollout::by_number(&mut reader, number).await?;
    let moving = moving.ok_or_else(|| absent(number))?;
    let told = told(state, &mut reader, &moving).await?;
    let timeline = db::rollout::transitions(&mut reader, number).await?;
    drop(reader);
    let now_ms = state.now_ms();
    let nodes = match rows {
        Some(query) => {
            let rows = (query, page::limit(query.limit)?);
            known("stands", query.stands.as_deref(), &STANDS)?;
            page_of_nodes(state, &moving, &told, rows, now_ms)
        }
        None => RolloutNodes {
            nodes: Vec::new(),
            next: None,
        },
    };
    let detail = rollouts::detail(&state.fleet, &moving, &told, timeline, now_ms);
    Ok(Look {
        moving,
        detail,
        nodes,
    })
}

/// What nodes told of a rollout: the fleet knows it as long as the rollout goes on, and then many ask.
async fn told(state: &State, reader: &mut Connection, moving: &Moving) -> Result<Told, Refusal> {
    if moving.is_active() {
        return Ok(Told::ByFleet);
    }
    if let Some(kept) = state.ended.of(moving) {
        return Ok(Told::Kept(kept));
    }
    let kept = db::mark::of_rollout(reader, moving.number).await?;
    Ok(Told::Kept(state.ended.remember(moving, kept)))
}

fn page_of_nodes(
    state: &State,
    moving: &Moving,
    told: &Told,
    (query, limit): (&NodesQuery, u32),
    now_ms: u64,
) -> RolloutNodes {
    let rows = rollouts::Rows {
        after: query.after.as_deref().unwrap_or_default(),
        stands: query.stands.as_deref(),
        limit: limit + 1,
    };
    let mut nodes = rollouts::nodes(&state.fleet, moving, told, rows, now_ms);
    let next = Page::cut(&mut nodes, limit, |one| one.node.clone());
    RolloutNodes { nodes, next }
}

/// The nodes of a rollout, by name.
#[utoipa::path(get, path = "/rollouts/{rollout}/nodes", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number"), NodesQuery), responses(
    (status = 200, body = RolloutNodes),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn nodes(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    Asked(query): Asked<NodesQuery>,
) -> Result<Json<RolloutNodes>, Refusal> {
    let number = number(&rollout)?;
    let limit = page::limit(query.limit)?;
    known("stands", query.stands.as_deref(), &STANDS)?;
    state.fleet.caught_up(&state.db).await;
    let mut reader = state.db.reader().await?;
    let moving = db::rollout::by_number(&mut reader, number).await?;
    let moving: Moving = moving.ok_or_else(|| absent(number))?;
    let told = told(&state, &mut reader, &moving).await?;
    drop(reader);
    let nodes = page_of_nodes(&state, &moving, &told, (&query, limit), state.now_ms());
    Ok(Json(nodes))
}

pub(super) fn number(text: &str) -> Result<u64, Refusal> {
    // One rollout has one address: 012 and +12 are none of it.
    let number = text.parse().ok();
    let number = number.filter(|number: &u64| number.to_string() == text);
    number.ok_or_else(|| {
        let detail = format!("{text:?} is not the number of a rollout, such as 12");
        Refusal::malformed("rollout", detail)
    })
}

/// A filter by a word that there is not would find nothing and seem to have looked.
fn known(field: &str, asked: Option<&str>, words: &[(&str, &str)]) -> Result<(), Refusal> {
    match asked.filter(|asked| words.iter().all(|(word, _)| word != asked)) {
        None => Ok(()),
        Some(asked) => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let asked = Excerpt::of(asked);
            let detail = format!("{field} is {asked:?}, and one of {}", words.join(", "));
            Err(Refusal::malformed(field, detail))
        }
    }
}

pub(super) fn absent(number: u64) -> Refusal {
    Refusal::not_found(format!("there is no rollout {number}"))
}
