//! `GET /api/v1/openapi.json`: the API as `OpenAPI` 3.1, derived from the routes that serve it.
//! Read by people and by fuzzers, without a token: it holds nothing of this registry's.
//! Must never describe a route that is not served.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use hyper::body::Bytes;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};

/// What the description says before the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Marrow registry",
        description = "Keeps signed eBPF payloads and tells nodes which to run."
    ),
    components(schemas(api::problem::Problem)),
    modifiers(&Bearer)
)]
pub(crate) struct Description;

struct Bearer;

/// The bytes of a payload file, as the description calls them.
pub(crate) enum PayloadFile {}

impl PartialSchema for PayloadFile {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let object = ObjectBuilder::new().schema_type(Type::String);
        object.format(Some(binary)).into()
    }
}

impl ToSchema for PayloadFile {}

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`marrow_` and 43 letters of base64url"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The handler that answers with this description.
pub(crate) fn answer(
    document: &Document,
) -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone + Send + Sync + 'static {
    // Texts and numbers always have a JSON form.
    let body = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    move || {
        let answer = ([(CONTENT_TYPE, "application/json")], body.clone());
        std::future::ready(answer.into_response())
    }
}
