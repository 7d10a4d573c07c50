//! `/whoami` and `/tokens`: who the caller is; tokens made, listed and revoked.
//! Called by administrators; `/whoami` by everybody.
//! Must never tell a secret but in the answer to its making.

use std::collections::BTreeMap;

use api::problem::Problem;
use api::registry::{JSON_BYTES_MAX, NewToken, Token, TokenMade, Tokens, WhoAmI};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use serde_json::json;

use super::body;
use super::caller::{Admin, Anybody};
use super::page::{Asked, Page};
use super::path::{Segments, named};
use super::refusal::Refusal;
use crate::access::{Caller, Scopes, Secret, TokenName, Who};
use crate::db::token::Kept;
use crate::db::{self, Write};
use crate::limits::{
    ENROL_LIFE_S, ENROL_USES_MAX, LABEL_BYTES_MAX, LABELS_MAX, TOKEN_LIFE_S, TOKEN_LIFE_S_MAX,
};
use crate::state::State;

/// Who the caller is.
#[utoipa::path(get, path = "/whoami", tag = "access", responses(
    (status = 200, body = WhoAmI),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn whoami(Anybody { caller }: Anybody) -> Json<WhoAmI> {
    Json(match caller {
        Caller::Token {
            name,
            scopes,
            expires_ms,
            ..
        } => WhoAmI {
            name,
            scopes: scopes.texts(),
            expires_ms: Some(expires_ms),
        },
        Caller::Node { name } => WhoAmI {
            name: name.to_string(),
            scopes: vec!["node".to_owned()],
            expires_ms: None,
        },
    })
}

/// Tokens, by name.
#[utoipa::path(get, path = "/tokens", tag = "access", params(Page), responses(
    (status = 200, body = Tokens),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn list(
    _: Admin,
    Shared(state): Shared<State>,
    Asked(page): Asked<Page>,
) -> Result<Json<Tokens>, Refusal> {
    let limit = page.limit()?;
    let after = page.after.unwrap_or_default();
    let mut reader = state.db.reader().await?;
    let mut tokens = db::token::page(&mut reader, &after, limit + 1).await?;
    let next = Page::cut(&mut tokens, limit, |token: &Token| token.name.clone());
    Ok(Json(Tokens { tokens, next }))
}

/// Makes a token; its secret is told this once.
#[utoipa::path(post, path = "/tokens", tag = "access", request_body = NewToken, responses(
    (status = 201, body = TokenMade),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn create(
    admin: Admin,
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<TokenMade>), Refusal> {
    let asked = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let made = make(admin, &state, asked).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Makes a token.
///
/// # Errors
/// 409 for the name of one that is in force, 422 for what breaks a rule.
pub(super) async fn make(
    Admin(who): Admin,
    state: &State,
    asked: NewToken,
) -> Result<TokenMade, Refusal> {
    let now_ms = state.now_ms();
    let kept = wanted(asked, now_ms)?;
    let secret = Secret::draw(state.system.random)
        .map_err(|error| Refusal::broken(format!("drawing a token: {error}")))?;
    let (sha256, token) = (secret.sha256(), kept.token.clone());
    state
        .db
        .write_as(who.access, now_ms, move |write| {
            Box::pin(async move { keep(write, kept, &sha256, who, now_ms).await })
        })
        .await?;
    let secret = secret.text();
    Ok(TokenMade { secret, token })
}

async fn keep(
    write: &mut Write,
    kept: Kept,
    sha256: &[u8; 32],
    who: Who,
    now_ms: u64,
) -> Result<(), Refusal> {
    let name = &kept.token.name;
    let before = db::token::by_name(write, name).await?;
    if before
        .as_ref()
        .is_some_and(|before| before.in_force(now_ms))
    {
        let detail = format!("a token {name} is in force; revoke it, or take another name");
        return Err(Refusal::conflict("name", detail));
    }
    db::token::insert(write, &kept, sha256).await?;
    let mut entry = who.entry(now_ms, "token.create", name.clone());
    entry.after = Some(json!({
        "scopes": kept.token.scopes,
        "expires_ms": kept.token.expires_ms,
        "uses_left": kept.token.uses_left,
        "labels": kept.labels,
    }));
    Ok(db::audit::add(write, &entry).await?)
}

/// What was asked for, within the rules.
fn wanted(asked: NewToken, now_ms: u64) -> Result<Kept, Refusal> {
    let rule = |field: &'static str| move |detail: String| Refusal::rule(field, detail);
    let name: TokenName = asked
        .name
        .parse()
        .map_err(|error: crate::access::TokenNameError| rule("name")(error.to_string()))?;
    let scopes = Scopes::parse(&asked.scopes).map_err(|error| rule("scopes")(error.to_string()))?;
    let enrols = scopes.may_enrol();
    let usual_s = if enrols { ENROL_LIFE_S } else { TOKEN_LIFE_S };
    let life_s = asked.expires_in_s.unwrap_or(usual_s);
    if !(1..=TOKEN_LIFE_S_MAX).contains(&life_s) {
        let detail = format!("expires_in_s is {life_s}, 1 to {TOKEN_LIFE_S_MAX} are allowed");
        return Err(rule("expires_in_s")(detail));
    }
    if !enrols && (asked.uses.is_some() || !asked.labels.is_empty()) {
        let field = if asked.uses.is_some() {
            "uses"
        } else {
            "labels"
        };
        let detail = format!(
            "{field} is for the scope enrol, the scopes are {:?}",
            asked.scopes
        );
        return Err(rule(field)(detail));
    }
    let uses = asked.uses.unwrap_or(1);
    if !(1..=ENROL_USES_MAX).contains(&uses) {
        let detail = format!("uses is {uses}, 1 to {ENROL_USES_MAX} are allowed");
        return Err(rule("uses")(detail));
    }
    check_labels(&asked.labels)?;
    let token = Token {
        name: name.to_string(),
        scopes: scopes.texts(),
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(life_s * 1000),
        used_ms: None,
        uses_left: enrols.then_some(uses),
        revoked_ms: None,
    };
    let labels = asked.labels;
    Ok(Kept { token, labels })
}

/// Labels are names that selectors can say, and values without what a page or terminal would act on.
fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if labels.len() > LABELS_MAX {
        let found = labels.len();
        let detail = format!("{found} labels, at most {LABELS_MAX} are allowed");
        return Err(Refusal::rule("labels", detail));
    }
    for (name, value) in labels {
        let plain = |text: &str| {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
            (1..=LABEL_BYTES_MAX).contains(&text.len()) && text.bytes().all(letters)
        };
        if !plain(name) || !plain(value) {
            let name: String = name.chars().take(LABEL_BYTES_MAX).collect();
            let detail = format!(
                "label {name:?}: name and value are 1 to {LABEL_BYTES_MAX} of [A-Za-z0-9_./-]"
            );
            return Err(Refusal::rule("labels", detail));
        }
    }
    Ok(())
}

/// Ends a token at once; not the caller's own, nor the last one that is an administrator's.
#[utoipa::path(delete, path = "/tokens/{name}", tag = "access",
    params(("name" = String, Path, description = "The token's name")), responses(
    (status = 204),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn revoke(
    Admin(who): Admin,
    Shared(state): Shared<State>,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Refusal> {
    let name: TokenName = named("name", &name)?;
    let now_ms = state.now_ms();
    state
        .db
        .write_as(who.access, now_ms, move |write| {
            Box::pin(async move { end(write, &name, who, now_ms).await })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(write: &mut Write, name: &TokenName, who: Who, now_ms: u64) -> Result<(), Refusal> {
    if who.name == name.as_str() {
        let detail = format!("{name} is the token of this very request; another one may revoke it");
        return Err(Refusal::conflict("name", detail));
    }
    if !db::token::revoke(write, name.as_str(), now_ms).await? {
        return Err(Refusal::not_found(format!("no token {name} is in force")));
    }
    // Of two that revoke each other, the later one is not in force any more.
    if !db::token::any_admin(write, now_ms).await? {
        let detail = format!("{name} is the last token with the scope admin that is in force");
        return Err(Refusal::conflict("name", detail));
    }
    let entry = who.entry(now_ms, "token.revoke", name.to_string());
    Ok(db::audit::add(write, &entry).await?)
}
