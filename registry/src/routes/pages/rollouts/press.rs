//! The buttons of a rollout. Called by browsers; each does what the route of the API of its name does.
//! Must never promote a wave that the page did not show.

use axum::Json;
use axum::extract::{FromRequestParts, Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use api::registry::Rollout;

use super::super::form;
use super::super::viewer::{Presser, Viewer};
use super::one::{Query, shown};
use crate::routes::path::Segments;
use crate::routes::refusal::Refusal;
use crate::routes::rollouts::{asked, look, number};
use crate::state::State;

type Asked = Result<Json<Rollout>, Refusal>;

/// What the form of `promote` sends.
#[derive(Deserialize)]
struct Fields {
    /// The revision that the page showed.
    revision: u64,
}

pub(super) async fn pause(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    viewer: Viewer,
) -> Result<Response, Refusal> {
    let (shared, segment) = (Shared(state.clone()), Segments(rollout.clone()));
    let asked = asked::pause(holder.operator()?, shared, segment).await;
    answer(&viewer, &state, &rollout, asked).await
}

pub(super) async fn resume(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    viewer: Viewer,
) -> Result<Response, Refusal> {
    let (shared, segment) = (Shared(state.clone()), Segments(rollout.clone()));
    let asked = asked::resume(holder.operator()?, shared, segment).await;
    answer(&viewer, &state, &rollout, asked).await
}

pub(super) async fn abort(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    viewer: Viewer,
) -> Result<Response, Refusal> {
    let (shared, segment) = (Shared(state.clone()), Segments(rollout.clone()));
    let asked = asked::abort(holder.operator()?, shared, segment).await;
    answer(&viewer, &state, &rollout, asked).await
}

pub(super) async fn roll_back(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    viewer: Viewer,
) -> Result<Response, Refusal> {
    let (shared, segment) = (Shared(state.clone()), Segments(rollout.clone()));
    let asked = asked::roll_back(holder.operator()?, shared, segment).await;
    answer(&viewer, &state, &rollout, asked).await
}

/// Passes the gate that the page showed: who presses late means that one, and not the next.
pub(super) async fn promote(
    Presser(holder): Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let operator = holder.operator()?;
    let (mut parts, body) = request.into_parts();
    let viewer = Viewer::from_request_parts(&mut parts, &state).await;
    let viewer = match viewer {
        Ok(viewer) => viewer,
        Err(to_log_in) => return Ok(to_log_in),
    };
    let fields: Fields = form::read(Request::from_parts(parts, body)).await?;
    let now = look(viewer.reader(), &state, number(&rollout)?, None).await?;
    let asked = if now.moving.revision == fields.revision {
        asked::promote(operator, Shared(state.clone()), Segments(rollout.clone())).await
    } else {
        let detail = "the rollout went on since this page was read; look at it and press again";
        Err(Refusal::conflict("rollout", detail))
    };
    answer(&viewer, &state, &rollout, asked).await
}

/// A page that said no, read again: it is the rollout's.
pub(super) async fn back(
    _: Viewer,
    Segments(rollout): Segments<String>,
) -> Result<Response, Refusal> {
    let number = number(&rollout)?;
    Ok(Redirect::to(&format!("/rollouts/{number}")).into_response())
}

/// The page of the rollout, or why not.
async fn answer(
    viewer: &Viewer,
    state: &State,
    rollout: &str,
    asked: Asked,
) -> Result<Response, Refusal> {
    let number = number(rollout)?;
    match asked {
        Ok(_) => Ok(Redirect::to(&format!("/rollouts/{number}")).into_response()),
        Err(refusal) if refusal.is_conflict() => {
            let why = Some(refusal.detail().to_owned());
            let page = shown(viewer, state, number, Query::default(), why).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(refusal) => Err(refusal),
    }
}
