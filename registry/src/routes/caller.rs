//! Extractors: one type a right. A route takes the type of caller that it is for, so that
//! forgetting the check does not compile: what writes needs a [`Who`], and only these give one.
//! Used by every route but those of monitoring.
//! Must never let a request through whose bearer was not looked up.

mod holder;

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use payload::name::InstanceName;
use serde_json::json;

use super::path::Segments;
use super::refusal::{Refusal, shown};
use super::request::Context;
use crate::access::{Caller, Scopes, Secret, Session, Who};
use crate::db;
use crate::state::State;
pub(super) use holder::Holder;

/// Any bearer that is in force.
pub(crate) struct Anybody {
    pub(crate) caller: Caller,
}

/// May read.
#[derive(Clone, Copy)]
pub(crate) struct Reader;

/// May fetch blobs: who may read, and nodes. Not counted: a download costs no SQL.
pub(crate) struct Fetcher;

/// May operate the fleet.
pub(crate) struct Operator(pub(super) Who);

/// May manage tokens and keys.
pub(crate) struct Admin(pub(super) Who);

/// May publish somewhere; where, is to be asked.
pub(crate) struct Publisher(Holder);

/// May publish somewhere, or operate the fleet; for which namespace, is to be asked.
pub(crate) struct Curator(Holder);

/// May enrol nodes.
pub(crate) struct Enroller {
    pub(crate) who: Who,
    pub(crate) token: String,
    pub(crate) labels: std::collections::BTreeMap<String, String>,
}

/// A node.
pub(crate) struct NodeCaller {
    pub(crate) who: Who,
    pub(crate) node: InstanceName,
}

/// A request whose bearer was looked up.
struct Authenticated {
    session: Arc<Session>,
    who: Who,
}

impl Authenticated {
    /// Looks the bearer up.
    async fn of(parts: &Parts, state: &State) -> Result<Self, Refusal> {
        let context = Context::of(&parts.extensions);
        let secret = match bearer(parts) {
            Ok(secret) => secret,
            Err(refusal) => return Err(refused(parts, state, &context, refusal)),
        };
        let found = state
            .sessions
            .find(&state.db, &secret, state.now_ms())
            .await;
        let Some(session) = found? else {
            let detail = "the token is unknown, has expired or was revoked";
            let refusal = Refusal::unauthenticated(detail);
            return Err(refused(parts, state, &context, refusal));
        };
        let who = session.who(context.id);
        Ok(Self { session, who })
    }

    /// Looks it up and counts the request.
    async fn counted(parts: &Parts, state: &State) -> Result<Self, Refusal> {
        let authenticated = Self::of(parts, state).await?;
        authenticated.session.rate.count()?;
        Ok(authenticated)
    }

    /// As [`Self::counted`], for tokens with a right.
    async fn with(
        parts: &Parts,
        state: &State,
        right: &'static str,
        may: fn(&Scopes) -> bool,
    ) -> Result<(Who, Scopes), Refusal> {
        let Self { session, who } = Self::counted(parts, state).await?;
        match session.caller.scopes() {
            Some(scopes) if may(scopes) => Ok((who, scopes.clone())),
            _ => Err(foreign(parts, state, &who, &session.caller, right)),
        }
    }
}

fn bearer(parts: &Parts) -> Result<Secret, Refusal> {
    let mut all = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        let detail = "this route needs one header `Authorization: Bearer marrow_…`";
        return Err(Refusal::unauthenticated(detail));
    };
    // RFC 9110, section 11.1: the scheme's letters may be of either case.
    let secret = value.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret)
    });
    let Some(secret) = secret else {
        return Err(Refusal::unauthenticated(
            "`Authorization` must be `Bearer` and a token",
        ));
    };
    Secret::parse(secret).map_err(|error| Refusal::unauthenticated(error.to_string()))
}

/// Counts and audits a bearer that is none.
fn refused(parts: &Parts, state: &State, context: &Context, refusal: Refusal) -> Refusal {
    let who = Who::nobody(context.id.clone());
    audit_refusal(
        state,
        &who,
        "token.refused",
        subject(parts),
        refusal.detail(),
    );
    match state.failures.count(context.address) {
        Ok(()) => refusal,
        Err(too_fast) => too_fast.into(),
    }
}

/// Audits a caller that may do something else.
fn foreign(
    parts: &Parts,
    state: &State,
    who: &Who,
    caller: &Caller,
    right: &'static str,
) -> Refusal {
    let may = match caller.scopes() {
        Some(scopes) => scopes.texts().join(", "),
        None => "act for its own node only".to_owned(),
    };
    let detail = format!("{} may {may}; this route needs {right}", who.name);
    audit_refusal(state, who, "scope.refused", subject(parts), &detail);
    Refusal::forbidden(detail)
}

/// The route that was asked, for the audit.
pub(super) fn subject(parts: &Parts) -> String {
    // The router has cut the prefix off the other one.
    let original = parts.extensions.get::<OriginalUri>();
    let path = original.map_or(parts.uri.path(), |uri| uri.path());
    format!("{} {}", parts.method, shown(path))
}

/// Audits a refusal, or counts it where there are too many.
pub(super) fn audit_refusal(
    state: &State,
    who: &Who,
    what: &'static str,
    subject: String,
    reason: &str,
) {
    let Some(untold) = state.failures.audits() else {
        return;
    };
    let mut after = json!({ "reason": reason });
    if untold > 0 {
        after["not_audited_before"] = untold.into();
    }
    let mut entry = who.entry(state.now_ms(), what, subject);
    entry.after = Some(after);
    state
        .db
        .write_soon(move |write| Box::pin(async move { db::audit::add(write, &entry).await }));
}

impl FromRequestParts<State> for Anybody {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let authenticated = Authenticated::counted(parts, state).await?;
        Ok(Self {
            caller: authenticated.session.caller.clone(),
        })
    }
}

impl FromRequestParts<State> for Reader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        Authenticated::with(parts, state, "read", Scopes::may_read).await?;
        Ok(Self)
    }
}

impl FromRequestParts<State> for Fetcher {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let Authenticated { session, who } = Authenticated::of(parts, state).await?;
        match session.caller.scopes() {
            Some(scopes) if !scopes.may_read() => {
                Err(foreign(parts, state, &who, &session.caller, "read"))
            }
            _ => Ok(Self),
        }
    }
}

impl FromRequestParts<State> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let caller = Authenticated::with(parts, state, "operate", Scopes::may_operate).await?;
        Ok(Self(caller.0))
    }
}

impl FromRequestParts<State> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let caller = Authenticated::with(parts, state, "admin", Scopes::may_admin).await?;
        Ok(Self(caller.0))
    }
}

fn holder(parts: &Parts, state: &State, (who, scopes): (Who, Scopes)) -> Holder {
    Holder {
        who,
        scopes,
        state: state.clone(),
        subject: subject(parts),
    }
}

impl FromRequestParts<State> for Publisher {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let right = "publish:NAMESPACE";
        let caller = Authenticated::with(parts, state, right, Scopes::may_publish).await?;
        Ok(Self(holder(parts, state, caller)))
    }
}

impl FromRequestParts<State> for Curator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let right = "operate or publish:NAMESPACE";
        let may = |scopes: &Scopes| scopes.may_operate() || scopes.may_publish();
        let caller = Authenticated::with(parts, state, right, may).await?;
        Ok(Self(holder(parts, state, caller)))
    }
}

impl FromRequestParts<State> for Enroller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let Authenticated { session, who } = Authenticated::counted(parts, state).await?;
        match &session.caller {
            Caller::Token {
                name,
                scopes,
                labels,
                ..
            } if scopes.may_enrol() => Ok(Self {
                who,
                token: name.clone(),
                labels: labels.clone(),
            }),
            caller => Err(foreign(parts, state, &who, caller, "enrol")),
        }
    }
}

impl FromRequestParts<State> for NodeCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        let Authenticated { session, who } = Authenticated::counted(parts, state).await?;
        let Segments(of_path) = Segments::<String>::from_request_parts(parts, state).await?;
        match &session.caller {
            Caller::Node { name } if name.as_str() == of_path => {
                let node = name.clone();
                Ok(Self { who, node })
            }
            caller => {
                let right = "the credential of the node in its path";
                Err(foreign(parts, state, &who, caller, right))
            }
        }
    }
}
