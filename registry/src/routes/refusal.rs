//! Every way in which the registry says no, as an HTTP answer with Problem JSON.
//! Used by all routes; `request` adds the id of the request.
//! Must never answer 200 to what was not done, nor tell a caller what the disk said.

use std::time::Duration;

use api::problem::Problem;
use axum::extract::OriginalUri;
use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::access::TooFast;
use crate::blobs::BlobError;
use crate::db::DbError;
use crate::publish::PublishError;

/// Characters of a path that are shown.
const PATH_CHARS_MAX: usize = 200;

/// What stands behind `urn:marrow:problem:` where a key is not known, or not for the namespace.
const UNKNOWN_SIGNER: &str = "unknown-signer";

/// A refused request.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// What stands behind `urn:marrow:problem:`.
    word: &'static str,
    detail: String,
    field: Option<String>,
    retry_after: Option<Duration>,
    /// What only the journal is told.
    cause: Option<String>,
}

impl Refusal {
    /// A refusal of a kind: its status, its stable word and a sentence.
    pub(crate) fn new(status: StatusCode, word: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            word,
            detail: detail.into(),
            field: None,
            retry_after: None,
            cause: None,
        }
    }

    /// 400: what was sent can't be read as what it should be.
    pub(crate) fn malformed(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail).with_field(field)
    }

    /// 401: no bearer, or one that is not in force.
    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 403: the bearer may not do this.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 409: it does not go together with what is there.
    pub(crate) fn conflict(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail).with_field(field)
    }

    /// 422: the request has the right form, but a value breaks a rule.
    pub(crate) fn rule(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "rule", detail).with_field(field)
    }

    /// 503: not now.
    pub(crate) fn busy(detail: impl Into<String>, wait: Duration) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        refusal.retry_after = Some(wait);
        refusal
    }

    /// 500: this registry is broken; the journal says how.
    pub(crate) fn broken(cause: impl Into<String>) -> Self {
        let detail = "the registry failed while it did this; its journal says where";
        let mut refusal = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", detail);
        refusal.cause = Some(cause.into());
        refusal
    }

    /// The same, naming the field.
    fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The kind of it.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What of the request is at fault, where something is.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The rule that was broken, and both values.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What only the journal is told.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The same as a problem of this request.
    pub(crate) fn into_problem(self, request: &str) -> Problem {
        let title = self.status.canonical_reason().unwrap_or("refused");
        let mut problem = Problem::new(self.status.as_u16(), title, self.detail);
        problem.kind = format!("urn:marrow:problem:{}", self.word);
        problem.field = self.field;
        problem.request = Some(request.to_owned());
        problem
    }
}

impl IntoResponse for Refusal {
    /// Without a body: `request::named` writes it, because it knows the request.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<TooFast> for Refusal {
    fn from(TooFast { wait }: TooFast) -> Self {
        let seconds = wait.as_secs_f32();
        let detail = format!("too many requests; the next one is welcome in {seconds:.1} s");
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-fast", detail);
        refusal.retry_after = Some(wait);
        refusal
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        let cause = error.to_string();
        if matches!(error, DbError::NotInForce) {
            return Self::unauthenticated(cause);
        }
        if error.may_pass_later() {
            let detail = "the registry can't reach or write its database now; try again";
            let mut refusal = Self::busy(detail, Duration::from_secs(1));
            refusal.cause = Some(cause);
            refusal
        } else {
            Self::broken(cause)
        }
    }
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        if error.is_rot() {
            return Self::broken(error.to_string());
        }
        // A disk may have room again; what is wrong stands in the journal.
        let detail = "the registry can't read or write its blobs now; try again";
        let mut refusal = Self::busy(detail, Duration::from_secs(5));
        refusal.cause = Some(error.to_string());
        refusal
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        match error.field() {
            Some(field) if error.is_stranger() => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(status, UNKNOWN_SIGNER, error.to_string()).with_field(field)
            }
            Some(field) => Self::rule(field, error.to_string()),
            None => Self::broken(error.to_string()),
        }
    }
}

/// Nothing is at this path.
pub(crate) async fn no_route(OriginalUri(uri): OriginalUri) -> Refusal {
    Refusal::not_found(format!("no route {}", shown(uri.path())))
}

/// Something is at this path, but not for this method. The router adds `Allow` itself.
pub(crate) async fn no_method(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    let detail = format!("{} does not take {method}", shown(uri.path()));
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail);
    let mut response = refusal.into_response();
    response.headers_mut().remove(ALLOW);
    response
}

/// The beginning of a path, for people.
pub(crate) fn shown(path: &str) -> String {
    path.chars().take(PATH_CHARS_MAX).collect()
}
