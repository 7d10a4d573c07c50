//! Names in paths, as types that only hold valid ones: the router has decoded `%2f` to a slash and
//! `%2e%2e` to two dots. Used by every route with a name in its path.
//! Must never hand a text from a path on that no type has checked.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use payload::name::{Namespace, PayloadName};
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::state::State;

/// The segments of a path as texts, none of them believed yet.
pub(crate) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(error) => Err(Refusal::malformed("path", error.body_text())),
        }
    }
}

/// A segment as its type.
///
/// # Errors
/// 400 that names the segment and the rule.
pub(crate) fn named<T>(field: &'static str, text: &str) -> Result<T, Refusal>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| Refusal::malformed(field, error.to_string()))
}

/// The two segments that name a payload.
///
/// # Errors
/// 400 that names the part and the rule.
pub(crate) fn payload_name(namespace: &str, name: &str) -> Result<PayloadName, Refusal> {
    // Each alone first: together, a slash in one would be the other's.
    named::<Namespace>("namespace", namespace)?;
    named("name", &format!("{namespace}/{name}"))
}
