//! `GET /nodes`: the fleet, node by node, and what is looked for in it. Called by browsers.
//! Must never show more nodes than a page has place for.

use api::registry::Presence;
use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::html;
use super::viewer::Viewer;
use crate::fleet::selector::Selector;
use crate::page::{NodeList, Section, Sought, WrongSelector};
use crate::routes::nodes::{self, Listing};
use crate::routes::page::Asked;
use crate::routes::refusal::{Refusal, shown};
use crate::state::State;

/// Nodes on one page.
const ROWS_MAX: u32 = 100;

/// What is looked for; a form sends what is not filled in as empty texts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    q: String,
    #[serde(default)]
    select: String,
    #[serde(default)]
    presence: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    payload: String,
    #[serde(default)]
    version: String,
    /// Behind which name the page begins.
    after: Option<String>,
}

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    Shared(state): Shared<State>,
    Asked(query): Asked<Query>,
) -> Result<Response, Refusal> {
    let frame = viewer.frame(Section::Nodes);
    let sought = Sought {
        named: query.q.trim().to_owned(),
        selector: query.select.trim().to_owned(),
        presence: query.presence,
        state: query.state,
        payload: query.payload.trim().to_owned(),
        version: query.version.trim().to_owned(),
    };
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let selector = given(&sought.selector);
    if let Some(text) = &selector
        && let Err(error) = text.parse::<Selector>()
    {
        let wrong = WrongSelector::new(text, error.at(), error.to_string());
        let page = html(&NodeList::wrong(frame, sought, wrong))?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let listing = Listing {
        named: sought.named.clone(),
        selector,
        presence: presence(&sought.presence)?,
        settled: either("state", &sought.state, ["settled", "unsettled"])?,
        payload: given(&sought.payload),
        version: given(&sought.version),
        after: query.after,
        limit: Some(ROWS_MAX),
    };
    let (is_first, now_ms) = (listing.after.is_none(), state.now_ms());
    let listed = nodes::list(viewer.reader(), Shared(state), Asked(listing));
    let Json(listed) = listed.await?;
    html(&NodeList::of(frame, sought, is_first, listed, now_ms))
}

/// One of the words, or none.
fn presence(text: &str) -> Result<Option<Presence>, Refusal> {
    let found = Presence::ALL.into_iter().find(|one| one.as_str() == text);
    if found.is_none() && !text.is_empty() {
        let words = Presence::ALL.map(Presence::as_str).join(", ");
        let detail = format!("presence is {words}, or nothing; it is {}", shown(text));
        return Err(Refusal::malformed("presence", detail));
    }
    Ok(found)
}

/// One of two words, or none.
fn either(field: &str, text: &str, [yes, no]: [&str; 2]) -> Result<Option<bool>, Refusal> {
    match text {
        "" => Ok(None),
        text if text == yes => Ok(Some(true)),
        text if text == no => Ok(Some(false)),
        _ => {
            let detail = format!("{field} is {yes}, {no}, or nothing; it is {}", shown(text));
            Err(Refusal::malformed(field, detail))
        }
    }
}
