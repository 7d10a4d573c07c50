//! The buttons of a rollout. Called by browsers; each does what the route of the API of its name does.
//! Must never promote a wave that the page did not show.

use axum::Json;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use api::registry::Rollout;

use super::super::form;
use super::super::viewer::{Presser, Viewer};
use super::one::{Query, shown};
use crate::routes::caller::Operator;
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
    presser: Presser,
    shared: Shared<State>,
    rollout: Segments<String>,
) -> Result<Response, Refusal> {
    press(presser, shared, rollout, asked::pause).await
}

pub(super) async fn resume(
    presser: Presser,
    shared: Shared<State>,
    rollout: Segments<String>,
) -> Result<Response, Refusal> {
    press(presser, shared, rollout, asked::resume).await
}

pub(super) async fn abort(
    presser: Presser,
    shared: Shared<State>,
    rollout: Segments<String>,
) -> Result<Response, Refusal> {
    press(presser, shared, rollout, asked::abort).await
}

pub(super) async fn roll_back(
    presser: Presser,
    shared: Shared<State>,
    rollout: Segments<String>,
) -> Result<Response, Refusal> {
    press(presser, shared, rollout, asked::roll_back).await
}

/// Does what the route of the API does that is `ask`.
async fn press<F: Future<Output = Asked>>(
    presser: Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    ask: impl FnOnce(Operator, Shared<State>, Segments<String>) -> F,
) -> Result<Response, Refusal> {
    let viewer = presser.viewer(format!("/rollouts/{rollout}"));
    let (shared, segment) = (Shared(state.clone()), Segments(rollout.clone()));
    let asked = ask(presser.0.operator()?, shared, segment).await;
    answer(&viewer, &state, &rollout, asked).await
}

/// Passes the gate that the page showed: who presses late means that one, and not the next.
pub(super) async fn promote(
    presser: Presser,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let viewer = presser.viewer(format!("/rollouts/{rollout}"));
    let operator = presser.0.operator()?;
    let fields: Fields = form::read(request).await?;
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
        Err(refusal) if refusal.status() == StatusCode::CONFLICT => {
            let why = Some(refusal.detail().to_owned());
            let page = shown(viewer, state, number, Query::default(), why).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(refusal) => Err(refusal),
    }
}
