//! Extractors: who looks at a page, by the cookie of the log-in. A log-in is worth what its token
//! is worth now, and its requests are counted as the token's.
//! Must never take a bearer for a cookie, or a cookie for a bearer.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::{COOKIE, HeaderMap, HeaderName, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use payload::name::Namespace;

use super::{onward, origin};
use crate::access::{Caller, Scopes, Secret, Session, Who};
use crate::db::{self, Access, DbError};
use crate::page::{Frame, Section};
use crate::routes::caller::{Admin, Holder, Operator, Reader, subject};
use crate::routes::refusal::Refusal;
use crate::routes::request::Context;
use crate::state::State;

/// The name of the cookie: the prefix holds browsers to `Secure`, `Path=/` and this very host
/// (RFC 6265bis, section 4.1.3.2).
const COOKIE_NAME: &str = "__Host-marrow";

/// May look; who has not logged in is shown the log-in.
pub(super) struct Viewer {
    holder: Holder,
    reader: Reader,
    /// When the token ends, milliseconds since 1970, where that was looked up.
    pub(super) expires_ms: Option<u64>,
    /// Path and query of the page.
    address: String,
}

impl Viewer {
    /// What is around a page of this section.
    pub(super) fn frame(&self, section: Section) -> Frame {
        let Holder { who, scopes, .. } = &self.holder;
        Frame {
            viewer: who.name.clone(),
            section,
            address: self.address.clone(),
            may_operate: scopes.may_operate(),
            may_admin: scopes.may_admin(),
        }
    }

    /// What its token may do, as it is written.
    pub(super) fn scopes(&self) -> Vec<String> {
        self.holder.scopes.texts()
    }

    /// Whether the buttons are shown that change what is published in a namespace.
    pub(super) fn may_curate(&self, namespace: &Namespace) -> bool {
        let scopes = &self.holder.scopes;
        scopes.may_operate() || scopes.may_publish_in(namespace.as_str())
    }

    /// For the functions of the API that only operators read by.
    ///
    /// # Errors
    /// 403.
    pub(super) fn operator(self) -> Result<Operator, Refusal> {
        self.holder.operator()
    }

    /// For those that only administrators read by.
    ///
    /// # Errors
    /// 403.
    pub(super) fn admin(self) -> Result<Admin, Refusal> {
        self.holder.admin()
    }

    /// For the functions of the API that read: who may not has no log-in.
    pub(super) fn reader(&self) -> Reader {
        self.reader
    }
}

/// Presses a button: its form comes from a page of this registry, and its log-in is in force.
pub(super) struct Presser(pub(super) Holder);

impl Presser {
    /// The same as one who looks, for a form that is shown again.
    pub(super) fn viewer(&self, address: String) -> Viewer {
        Viewer {
            holder: self.0.clone(),
            reader: Reader,
            expires_ms: None,
            address,
        }
    }
}

/// May look; who has not logged in is refused.
pub(super) struct LiveViewer {
    /// The token.
    pub(super) access: Access,
    /// What the cookie holds.
    secret: Secret,
}

impl LiveViewer {
    /// Whether it may look still: its log-in may be over, and its token revoked.
    pub(super) async fn may_look(&self, state: &State) -> bool {
        matches!(look_up(state, &self.secret).await, Ok(Some(_)))
    }
}

/// Who looks, if it has logged in: also who asks too often, and may read no longer.
pub(super) struct AnyViewer(pub(super) Option<Who>);

/// The header that gives the cookie for so many seconds.
pub(super) fn cookie(secret: &str, life_s: u64) -> (axum::http::HeaderName, String) {
    let kept = "Path=/; Secure; HttpOnly; SameSite=Strict";
    (
        SET_COOKIE,
        format!("{COOKIE_NAME}={secret}; {kept}; Max-Age={life_s}"),
    )
}

/// The header that takes the cookie away.
pub(super) fn no_cookie() -> (axum::http::HeaderName, String) {
    cookie("", 0)
}

/// What the cookie holds.
pub(super) fn secret(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).map(str::trim);
    let value = pairs.find_map(|pair| pair.strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    Secret::parse(value?).ok()
}

/// Whose log-in it is; `None` where there is none, or it ended.
async fn find(parts: &Parts, state: &State) -> Result<Option<Arc<Session>>, Refusal> {
    let Some(secret) = secret(&parts.headers) else {
        return Ok(None);
    };
    let Some(session) = look_up(state, &secret).await? else {
        state
            .failures
            .count(Context::of(&parts.extensions).address)?;
        return Ok(None);
    };
    session.rate.count()?;
    Ok(reads(&session).then_some(session))
}

/// The token of a log-in, if both are in force.
async fn look_up(state: &State, secret: &Secret) -> Result<Option<Arc<Session>>, DbError> {
    let now_ms = state.now_ms();
    let mut reader = state.db.reader().await?;
    let token = db::page_session::token(&mut reader, &secret.sha256(), now_ms).await?;
    drop(reader);
    match token {
        Some(token) => state.sessions.find_hashed(&state.db, token, now_ms).await,
        None => Ok(None),
    }
}

/// Whether it is a token that may read.
pub(super) fn reads(session: &Session) -> bool {
    session.caller.scopes().is_some_and(Scopes::may_read)
}

/// To the log-in: as a page, or as what htmx takes for one.
fn to_log_in(parts: &Parts) -> Response {
    let address = onward::log_in_address(parts);
    if parts.headers.contains_key("hx-request") {
        let to = [(HeaderName::from_static("hx-redirect"), address)];
        return (StatusCode::NO_CONTENT, to, [no_cookie()]).into_response();
    }
    ([no_cookie()], Redirect::to(&address)).into_response()
}

impl FromRequestParts<State> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let found = find(parts, state).await;
        let session = found.map_err(IntoResponse::into_response)?;
        let session = session.ok_or_else(|| to_log_in(parts))?;
        let path_and_query = parts.uri.path_and_query();
        Ok(Self {
            holder: holder(&session, parts, state).ok_or_else(|| to_log_in(parts))?,
            reader: Reader,
            expires_ms: match session.caller {
                Caller::Token { expires_ms, .. } => Some(expires_ms),
                Caller::Node { .. } => None,
            },
            address: path_and_query.map_or_else(|| "/".to_owned(), ToString::to_string),
        })
    }
}

impl FromRequestParts<State> for Presser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        origin::same(&parts.headers).map_err(IntoResponse::into_response)?;
        let found = find(parts, state).await;
        let session = found.map_err(IntoResponse::into_response)?;
        let session = session.ok_or_else(|| to_log_in(parts))?;
        let holder = holder(&session, parts, state);
        Ok(Self(holder.ok_or_else(|| to_log_in(parts))?))
    }
}

/// Who has logged in, with what it may do.
fn holder(session: &Session, parts: &Parts, state: &State) -> Option<Holder> {
    let scopes = session.caller.scopes().cloned();
    Some(Holder {
        who: session.who(Context::of(&parts.extensions).id),
        scopes: scopes?,
        state: state.clone(),
        subject: subject(parts),
    })
}

impl FromRequestParts<State> for LiveViewer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let request = Context::of(&parts.extensions).id;
        match (find(parts, state).await?, secret(&parts.headers)) {
            (Some(session), Some(secret)) => Ok(Self {
                access: session.who(request).access,
                secret,
            }),
            _ => Err(Refusal::unauthenticated("log in first: the log-in is over")),
        }
    }
}

impl FromRequestParts<State> for AnyViewer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let Some(secret) = secret(&parts.headers) else {
            return Ok(Self(None));
        };
        let context = Context::of(&parts.extensions);
        let session = look_up(state, &secret).await?;
        if session.is_none() {
            state.failures.count(context.address)?;
        }
        Ok(Self(session.map(|session| session.who(context.id))))
    }
}
