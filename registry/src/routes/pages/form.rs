//! Bodies of forms, bounded in size and in time. Called by the routes that forms are sent to.
//! Must never read a form before it is known where it comes from and who sends it.

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::Limited;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::limits::{FORM_BYTES_MAX, JSON_TIMEOUT};
use crate::page::Mistake;
use crate::routes::refusal::Refusal;

/// The fields of a form.
///
/// # Errors
/// 4xx: it is no form, too large, too slow, or has not these fields.
pub(super) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let request = request.map(|body| Body::new(Limited::new(body, FORM_BYTES_MAX)));
    match timeout(JSON_TIMEOUT, Form::<T>::from_request(request, &())).await {
        Ok(Ok(Form(fields))) => Ok(fields),
        Ok(Err(error)) => Err(Refusal::new(error.status(), "malformed", error.body_text())),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "the form was not complete in time",
        )),
    }
}

/// Whether somebody can set it right by sending something else.
pub(super) fn is_mistake(refusal: &Refusal) -> bool {
    matches!(
        refusal.status(),
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// What is wrong with what somebody typed, to be shown beside it.
///
/// # Errors
/// The refusal itself, where no other text would do.
pub(super) fn mistake(refusal: Refusal) -> Result<Mistake, Refusal> {
    if !is_mistake(&refusal) {
        return Err(refusal);
    }
    let field = refusal.field().unwrap_or_default();
    Ok(Mistake::new(field, refusal.detail()))
}
