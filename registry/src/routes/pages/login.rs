//! `/login`, `/logout`: a token becomes a cookie, for half a day at most. Called by browsers.
//! Must never say of a token more than that it does not open this page.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::viewer::{AnyViewer, cookie, no_cookie, reads, secret};
use super::{form, html, onward, origin};
use crate::access::{Caller, Secret, Session, Who};
use crate::db::audit::Entry;
use crate::db::{self, DbError, Write};
use crate::limits::{PAGE_SESSION_S, PAGE_SESSIONS_MAX};
use crate::page::Login;
use crate::routes::caller::audit_refusal;
use crate::routes::page::Asked;
use crate::routes::refusal::Refusal;
use crate::routes::request::Context;
use crate::state::State;

/// What the form sends.
#[derive(Deserialize)]
struct Fields {
    token: String,
    /// Where somebody was going.
    #[serde(default)]
    next: String,
}

/// What the address of the form says.
#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    next: String,
}

/// The form.
pub(super) async fn page(Asked(query): Asked<Query>) -> Result<Response, Refusal> {
    html(&Login {
        refusal: None,
        next: onward::checked(&query.next),
    })
}

/// Logs in; the log-in that the browser had before ends.
pub(super) async fn log_in(
    Shared(state): Shared<State>,
    request: Request,
) -> Result<Response, Refusal> {
    origin::same(request.headers())?;
    let context = Context::of(request.extensions());
    let before = secret(request.headers()).map(|secret| secret.sha256());
    let fields: Fields = form::read(request).await?;
    let Some((session, token, ends_ms)) = check(&state, &fields).await? else {
        return again(&state, &context, onward::checked(&fields.next));
    };
    let secret = Secret::draw(state.system.random)
        .map_err(|error| Refusal::broken(format!("drawing a log-in: {error}")))?;
    let now_ms = state.now_ms();
    let ends_ms = ends_ms.min(now_ms + PAGE_SESSION_S * 1000);
    let who = session.who(context.id);
    let entry = who.entry(now_ms, "page.login", who.name.clone());
    let (sha256, times) = (secret.sha256(), (now_ms, ends_ms));
    let done = state.db.write_as(who.access, now_ms, move |write| {
        Box::pin(async move {
            if let Some(before) = before {
                db::page_session::delete(write, &before).await?;
            }
            keep(write, &sha256, &token, times, &entry).await
        })
    });
    done.await.map_err(|error: DbError| Refusal::from(error))?;
    let life_s = ends_ms.saturating_sub(now_ms) / 1000;
    let onward = Redirect::to(onward::checked(&fields.next).unwrap_or("/"));
    Ok(([cookie(&secret.text(), life_s)], onward).into_response())
}

/// The token with its SHA-256, and when it ends, if it opens the pages.
async fn check(
    state: &State,
    fields: &Fields,
) -> Result<Option<(Arc<Session>, [u8; 32], u64)>, Refusal> {
    let Ok(token) = Secret::parse(fields.token.trim()) else {
        return Ok(None);
    };
    let found = state
        .sessions
        .find(&state.db, &token, state.now_ms())
        .await?;
    let Some(session) = found else {
        return Ok(None);
    };
    session.rate.count()?;
    match session.caller {
        Caller::Token { expires_ms, .. } if reads(&session) => {
            Ok(Some((session, token.sha256(), expires_ms)))
        }
        _ => Ok(None),
    }
}

/// The form with a word on why, counted and audited.
fn again(state: &State, context: &Context, next: Option<&str>) -> Result<Response, Refusal> {
    const REASON: &str =
        "This token does not open the page: it is unknown, has ended, or may not read.";
    let who = Who::nobody(context.id.clone());
    audit_refusal(
        state,
        &who,
        "token.refused",
        "POST /login".to_owned(),
        REASON,
    );
    state.failures.count(context.address)?;
    let refusal = Some(REASON);
    let page = html(&Login { refusal, next })?;
    Ok((StatusCode::UNAUTHORIZED, page).into_response())
}

async fn keep(
    write: &mut Write,
    sha256: &[u8; 32],
    token: &[u8; 32],
    times: (u64, u64),
    entry: &Entry,
) -> Result<(), DbError> {
    db::page_session::insert(write, sha256, token, times, PAGE_SESSIONS_MAX).await?;
    db::audit::add(write, entry).await
}

/// Logs out, also who was not logged in; whatever is said, the cookie goes.
pub(super) async fn log_out(
    viewer: Result<AnyViewer, Refusal>,
    Shared(state): Shared<State>,
    request: Request,
) -> Result<Response, Refusal> {
    origin::same(request.headers())?;
    let who = match viewer {
        Ok(AnyViewer(who)) => who,
        Err(refusal) => return Ok(([no_cookie()], refusal).into_response()),
    };
    if let (Some(who), Some(secret)) = (who, secret(request.headers())) {
        let now_ms = state.now_ms();
        let entry = who.entry(now_ms, "page.logout", who.name.clone());
        let sha256 = secret.sha256();
        let done = state.db.write_as(who.access, now_ms, move |write| {
            Box::pin(async move { end(write, &sha256, &entry).await })
        });
        done.await.map_err(|error: DbError| Refusal::from(error))?;
    }
    Ok(([no_cookie()], Redirect::to("/login")).into_response())
}

async fn end(write: &mut Write, sha256: &[u8; 32], entry: &Entry) -> Result<(), DbError> {
    if db::page_session::delete(write, sha256).await? {
        db::audit::add(write, entry).await?;
    }
    Ok(())
}
