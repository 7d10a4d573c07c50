//! Pages of lists: `?after=&limit=`, bounded. Used by the routes that list.
//! Must never give more rows than the bound.

use api::registry::PAGE_ROWS_MAX;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::state::State;

/// A query of known fields.
pub(crate) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => Err(Refusal::malformed("query", error.body_text())),
        }
    }
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Only what comes behind this: the `next` of the page before.
    pub(crate) after: Option<String>,
    /// Most rows; at most and by default 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

impl Page {
    /// So many rows behind a name.
    pub(super) fn new(after: Option<String>, rows: u32) -> Self {
        Self {
            after,
            limit: Some(rows),
        }
    }

    /// How many rows.
    ///
    /// # Errors
    /// See [`limit`].
    pub(crate) fn limit(&self) -> Result<u32, Refusal> {
        limit(self.limit)
    }

    /// Cuts the one row that was read beyond the page, and tells what the next one begins behind.
    pub(crate) fn cut<T>(
        rows: &mut Vec<T>,
        limit: u32,
        key: impl Fn(&T) -> String,
    ) -> Option<String> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(key)
    }
}

/// A number of rows within the bound.
///
/// # Errors
/// 400: none, or more than the bound.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked {
        None => Ok(PAGE_ROWS_MAX),
        Some(limit @ 1..=PAGE_ROWS_MAX) => Ok(limit),
        Some(limit) => Err(Refusal::malformed(
            "limit",
            format!("limit is {limit}, 1 to {PAGE_ROWS_MAX} are allowed"),
        )),
    }
}
