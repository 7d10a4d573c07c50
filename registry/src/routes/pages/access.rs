//! `/access`: who looks, the keys that are trusted, and for administrators the tokens; tokens made and
//! revoked, keys trusted and removed. Called by browsers.
//! Must never show a secret but in the answer to its making.

use std::collections::BTreeMap;

use api::registry::{NewToken, TrustedKey};
use axum::Json;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{Router, get, post};
use payload::signature::PublicKey;
use serde::Deserialize;

use super::viewer::{Presser, Viewer};
use super::{form, html};
use crate::page::{
    AccessPage, KeyTyped, KeyView, Mistake, Section, TokenMadePage, TokenTable, TokenTyped, ahead,
};
use crate::routes::page::{Asked, Page};
use crate::routes::path::Segments;
use crate::routes::refusal::Refusal;
use crate::routes::{keys, tokens};
use crate::state::State;

/// Tokens on one page.
const ROWS_MAX: u32 = 50;

/// Which page of tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    after: Option<String>,
}

/// What the form of a token sends: what is not ticked is not there.
#[derive(Debug, Deserialize)]
struct TokenFields {
    name: String,
    read: Option<String>,
    operate: Option<String>,
    admin: Option<String>,
    enrol: Option<String>,
    #[serde(default)]
    publish: String,
    #[serde(default)]
    life_s: String,
    #[serde(default)]
    uses: String,
    #[serde(default)]
    labels: String,
}

/// What the form of a key sends.
#[derive(Debug, Deserialize)]
struct KeyFields {
    pem: String,
    namespaces: String,
    #[serde(default)]
    comment: String,
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Written {
    token: TokenTyped,
    key: KeyTyped,
    mistake: Mistake,
}

/// The page, and what its buttons do.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/access", get(page))
        .route("/access/tokens", post(make_token).get(back))
        .route("/access/tokens/{name}/revoke", post(revoke_token).get(back))
        .route("/access/keys", post(trust_key).get(back))
        .route("/access/keys/{key}/remove", post(remove_key).get(back))
}

async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    html(&shown(viewer, &state, query, Written::default()).await?)
}

async fn shown(
    viewer: Viewer,
    state: &State,
    query: Query,
    written: Written,
) -> Result<AccessPage, Refusal> {
    let (now_ms, frame) = (state.now_ms(), viewer.frame(Section::Access));
    let (scopes, ends_ms) = (viewer.scopes(), viewer.expires_ms);
    let Json(keys) = keys::list(viewer.reader(), Shared(state.clone())).await?;
    let tokens = if frame.may_admin {
        let is_first = query.after.is_none();
        let asked = Asked(Page::new(query.after, ROWS_MAX));
        let listed = tokens::list(viewer.admin()?, Shared(state.clone()), asked);
        let Json(listed) = listed.await?;
        Some(TokenTable::of(listed, is_first, &frame.viewer, now_ms))
    } else {
        None
    };
    Ok(AccessPage {
        frame,
        scopes,
        ends: ends_ms.map(|at_ms| ahead(at_ms, now_ms)),
        keys: keys.keys.into_iter().map(KeyView::of).collect(),
        tokens,
        token_typed: written.token,
        key_typed: written.key,
        mistake: written.mistake,
    })
}

async fn make_token(
    presser: Presser,
    Shared(state): Shared<State>,
    request: Request,
) -> Result<Response, Refusal> {
    let fields: TokenFields = form::read(request).await?;
    let viewer = presser.viewer("/access".to_owned());
    let admin = presser.0.admin()?;
    let typed = TokenTyped {
        scopes: fields.scopes(),
        name: fields.name,
        publish: fields.publish,
        life_s: fields.life_s,
        uses: fields.uses,
        labels: fields.labels,
    };
    let made = match new_token(&typed) {
        Ok(asked) => tokens::make(admin, &state, asked).await,
        Err(refusal) => Err(refusal),
    };
    match made {
        Ok(made) => {
            let frame = viewer.frame(Section::Access);
            let page = html(&TokenMadePage::of(frame, made, state.now_ms()))?;
            Ok((StatusCode::CREATED, page).into_response())
        }
        Err(refusal) => {
            let written = Written {
                mistake: form::mistake(refusal)?,
                token: typed,
                ..Written::default()
            };
            again(viewer, &state, written).await
        }
    }
}

impl TokenFields {
    /// The words that were ticked.
    fn scopes(&self) -> Vec<String> {
        let ticked = [
            ("read", &self.read),
            ("operate", &self.operate),
            ("admin", &self.admin),
            ("enrol", &self.enrol),
        ];
        let ticked = ticked.into_iter().filter(|(_, tick)| tick.is_some());
        ticked.map(|(word, _)| word.to_owned()).collect()
    }
}

/// What was typed, as the API takes it.
fn new_token(typed: &TokenTyped) -> Result<NewToken, Refusal> {
    let namespaces = typed.publish.split_whitespace();
    let publish = namespaces.map(|namespace| format!("publish:{namespace}"));
    let number = |field: &'static str, text: &str| -> Result<Option<u64>, Refusal> {
        match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                let shown: String = text.chars().take(20).collect();
                Refusal::rule(field, format!("{shown:?} is no number"))
            }),
        }
    };
    let uses = number("uses", &typed.uses)?;
    let mut labels = BTreeMap::new();
    for line in typed
        .labels
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let shown: String = line.chars().take(80).collect();
        let pair = line.split_once('=');
        let wrong = || Refusal::rule("labels", format!("{shown:?} is not like env=prod"));
        let (key, value) = pair.ok_or_else(wrong)?;
        if labels.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::rule("labels", format!("{shown:?} is there twice")));
        }
    }
    Ok(NewToken {
        name: typed.name.trim().to_owned(),
        scopes: typed.scopes.iter().cloned().chain(publish).collect(),
        expires_in_s: number("expires_in_s", &typed.life_s)?,
        uses: uses.map(|uses| u32::try_from(uses).unwrap_or(u32::MAX)),
        labels,
    })
}

async fn revoke_token(
    presser: Presser,
    shared: Shared<State>,
    Segments(name): Segments<String>,
) -> Result<Response, Refusal> {
    tokens::revoke(presser.0.admin()?, shared, Segments(name)).await?;
    Ok(Redirect::to("/access#tokens").into_response())
}

async fn trust_key(
    presser: Presser,
    Shared(state): Shared<State>,
    request: Request,
) -> Result<Response, Refusal> {
    let fields: KeyFields = form::read(request).await?;
    let viewer = presser.viewer("/access".to_owned());
    let admin = presser.0.admin()?;
    let trusted = match PublicKey::from_pem(fields.pem.trim().as_bytes()) {
        Ok(public) => {
            let namespaces = fields.namespaces.split_whitespace();
            let asked = TrustedKey {
                key: public.id().to_string(),
                pem: fields.pem.trim().to_owned(),
                namespaces: namespaces.map(str::to_owned).collect(),
                comment: fields.comment.clone(),
            };
            keys::trust(admin, &state, public.id(), asked).await
        }
        Err(error) => Err(Refusal::rule("pem", error.to_string())),
    };
    match trusted {
        Ok(_) => Ok(Redirect::to("/access#keys").into_response()),
        Err(refusal) => {
            let key = KeyTyped {
                pem: fields.pem,
                namespaces: fields.namespaces,
                comment: fields.comment,
            };
            let written = Written {
                mistake: form::mistake(refusal)?,
                key,
                ..Written::default()
            };
            again(viewer, &state, written).await
        }
    }
}

async fn remove_key(
    presser: Presser,
    shared: Shared<State>,
    Segments(key): Segments<String>,
) -> Result<Response, Refusal> {
    keys::delete(presser.0.admin()?, shared, Segments(key)).await?;
    Ok(Redirect::to("/access#keys").into_response())
}

/// What a form said, read again: it is this page.
async fn back(_: Viewer) -> Redirect {
    Redirect::to("/access")
}

async fn again(viewer: Viewer, state: &State, written: Written) -> Result<Response, Refusal> {
    let page = shown(viewer, state, Query::default(), written).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response())
}
