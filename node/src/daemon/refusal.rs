//! Every way in which the daemon says no, as an HTTP answer with Problem JSON.
//! Used by all routes.
//! Must never answer 200 to what was not done.

use api::problem::{MEDIA_TYPE, Problem};
use axum::extract::OriginalUri;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::door::{Closed, Foreign};
use crate::engine::{
    ApplyError, ChangeError, Class, IterateError, MapsError, NoInstance, NotYours, PauseError,
    StopError,
};
use crate::fleet::StoreError;
use crate::intake::IntakeError;

/// A refused request.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    field: Option<String>,
    log: Option<String>,
}

impl Refusal {
    /// A refusal that needs no more than its status and a sentence.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            field: None,
            log: None,
        }
    }

    /// The request has the right form, but a value breaks a rule.
    pub(super) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        refusal.field = Some(field.into());
        refusal
    }

    /// 400: a parameter of the query breaks a rule.
    pub(super) fn bad_query(parameter: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, detail);
        refusal.field = Some(parameter.into());
        refusal
    }

    /// The rule that was broken, and both values.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether something is in the way that is somebody else's.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// The same as a problem.
    pub(super) fn into_problem(self) -> Problem {
        let title = self.status.canonical_reason().unwrap_or("refused");
        let mut problem = Problem::new(self.status.as_u16(), title, self.detail);
        problem.field = self.field;
        problem.log = self.log;
        problem
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status;
        let problem = self.into_problem();
        // Strings and a number always have a JSON form.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Foreign> for Refusal {
    fn from(foreign: Foreign) -> Self {
        let status = match foreign {
            Foreign::HostCount { .. } => StatusCode::BAD_REQUEST,
            Foreign::Host { .. } | Foreign::Origin { .. } | Foreign::FetchSite { .. } => {
                StatusCode::FORBIDDEN
            }
        };
        Self::new(status, foreign.to_string())
    }
}

impl From<&Closed> for Refusal {
    fn from(closed: &Closed) -> Self {
        Self::new(StatusCode::FORBIDDEN, closed.to_string())
    }
}

impl From<NoInstance> for Refusal {
    fn from(missing: NoInstance) -> Self {
        Self::new(StatusCode::NOT_FOUND, missing.to_string())
    }
}

impl From<NotYours> for Refusal {
    fn from(error: NotYours) -> Self {
        Self::new(StatusCode::CONFLICT, error.to_string())
    }
}

impl From<StopError> for Refusal {
    fn from(error: StopError) -> Self {
        match error {
            StopError::NoInstance(missing) => missing.into(),
            StopError::NotYours(error) => error.into(),
        }
    }
}

impl From<IntakeError> for Refusal {
    fn from(error: IntakeError) -> Self {
        let status = match error {
            IntakeError::UnsignedRefused => StatusCode::FORBIDDEN,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let field = error.field();
        Self {
            status,
            detail: error.to_string(),
            field,
            log: None,
        }
    }
}

impl From<ApplyError> for Refusal {
    fn from(error: ApplyError) -> Self {
        if let ApplyError::NotYours(error) = error {
            return error.into();
        }
        let status = match error.class() {
            Class::Reject => StatusCode::UNPROCESSABLE_ENTITY,
            Class::Retry => StatusCode::SERVICE_UNAVAILABLE,
        };
        let log = error.log().map(str::to_owned);
        Self {
            status,
            field: error.field(),
            detail: error.to_string(),
            log,
        }
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoInstance(missing) => missing.into(),
            ChangeError::Intake(error) => error.into(),
            ChangeError::Apply(error) => error.into(),
            ChangeError::NothingStaged { .. }
            | ChangeError::NothingBefore { .. }
            | ChangeError::NotKept { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            ChangeError::Blob(error) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<PauseError> for Refusal {
    fn from(error: PauseError) -> Self {
        match error {
            PauseError::NoInstance(missing) => missing.into(),
            PauseError::Apply(error) => error.into(),
        }
    }
}

impl From<IterateError> for Refusal {
    fn from(error: IterateError) -> Self {
        let status = match &error {
            IterateError::NoInstance(_) | IterateError::NoIterator { .. } => StatusCode::NOT_FOUND,
            IterateError::Read { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<MapsError> for Refusal {
    fn from(error: MapsError) -> Self {
        match error {
            MapsError::NoInstance(missing) => missing.into(),
            MapsError::NoMap { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            MapsError::NothingToDraw(_) => Self::field("histogram", error.to_string()),
        }
    }
}

/// Nothing is at this path.
pub(super) async fn no_route(OriginalUri(uri): OriginalUri) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        format!("no route {}", shown(uri.path())),
    )
}

/// Something is at this path, but not for this method. The router adds `Allow` itself.
pub(super) async fn no_method(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    let detail = format!("{} does not take {method}", shown(uri.path()));
    let mut response = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response();
    response.headers_mut().remove(ALLOW);
    response
}

fn shown(path: &str) -> String {
    const CHARS_MAX: usize = 200;
    path.chars().take(CHARS_MAX).collect()
}
