//! `POST /nodes/enrol`: an enrolment token becomes a node's own credential.
//! Called by nodes, once.
//! Must never give two nodes one name, nor take a use of the token for a refusal.

use api::problem::Problem;
use api::registry::{Enrol, Enrolled, JSON_BYTES_MAX};
use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use payload::name::InstanceName;
use serde_json::json;

use super::body;
use super::caller::{Enroller, audit_refusal};
use super::path::named;
use super::refusal::Refusal;
use crate::access::{Secret, Who};
use crate::db::node::KeptNode;
use crate::db::{self, Write};
use crate::fleet::report;
use crate::limits::NODES_MAX;
use crate::state::State;

/// Enrols a node; its credential is told this once.
#[utoipa::path(post, path = "/nodes/enrol", tag = "fleet", request_body = Enrol, responses(
    (status = 201, body = Enrolled),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn enrol(
    caller: Enroller,
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Enrolled>), Refusal> {
    let Enrol { node, facts } = body::json(&headers, body, JSON_BYTES_MAX).await?;
    let node: InstanceName = named("node", &node)?;
    report::check_facts(&facts).map_err(|error| broken_rule(&error))?;
    let secret = Secret::draw(state.system.random)
        .map_err(|error| Refusal::broken(format!("drawing a credential: {error}")))?;
    let (sha256, now_ms) = (secret.sha256(), state.now_ms());
    let kept = KeptNode {
        node: node.to_string(),
        facts,
        instances: Vec::new(),
        labels: caller.labels,
        enrolled_ms: now_ms,
        enrolled_by: caller.token,
        seen_ms: now_ms,
    };
    let done = state.db.write_as(caller.who.access, now_ms, {
        let (state, who) = (state.clone(), caller.who.clone());
        move |write| {
            Box::pin(async move {
                keep(write, kept.clone(), &sha256, who).await?;
                write.then(move || state.fleet.enrolled(kept));
                Ok(())
            })
        }
    });
    let done: Result<(), Refusal> = done.await;
    if let Err(refusal) = done {
        // Nothing of the transaction is left: who tried is told apart from it.
        let subject = "POST /api/v1/nodes/enrol".to_owned();
        let reason = refusal.detail();
        audit_refusal(&state, &caller.who, "node.refused", subject, reason);
        return Err(refusal);
    }
    let (node, credential) = (node.to_string(), secret.text());
    Ok((StatusCode::CREATED, Json(Enrolled { node, credential })))
}

/// 422 for facts or a report.
pub(super) fn broken_rule(error: &report::ReportError) -> Refusal {
    Refusal::rule(error.field(), error.to_string())
}

async fn keep(
    write: &mut Write,
    kept: KeptNode,
    sha256: &[u8; 32],
    who: Who,
) -> Result<(), Refusal> {
    if db::node::by_name(write, &kept.node).await?.is_some() {
        let detail = format!(
            "a node {} has enrolled already; choose another name, or delete that node first",
            kept.node
        );
        return Err(Refusal::conflict("node", detail));
    }
    let found = db::node::count_all(write).await?;
    if found >= NODES_MAX {
        let detail = format!("there are {found} nodes, at most {NODES_MAX} are allowed");
        return Err(Refusal::conflict("node", detail));
    }
    if !db::token::take_use(write, who.access, kept.enrolled_ms).await? {
        let detail = format!("enrolment token {} is used up", kept.enrolled_by);
        return Err(Refusal::forbidden(detail));
    }
    db::node::insert(write, &kept, sha256).await?;
    let mut entry = who.entry(kept.enrolled_ms, "node.enrol", kept.node);
    entry.after = Some(json!({ "facts": kept.facts, "labels": kept.labels }));
    Ok(db::audit::add(write, &entry).await?)
}
