//! `GET /metrics`: what there is, in Prometheus' text format (version 0.0.4).
//! Called by monitoring, with a token that may read.
//! Must never write a number that was not counted.

use std::fmt::Write;

use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::caller::Reader;
use super::refusal::Refusal;
use crate::db;
use crate::state::State;

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One number with its name, kind and help.
type Sample = (&'static str, &'static str, &'static str, u64);

/// The registry's numbers.
pub(crate) async fn metrics(
    _: Reader,
    Shared(state): Shared<State>,
) -> Result<impl IntoResponse, Refusal> {
    let mut reader = state.db.reader().await?;
    let (blobs, bytes) = db::blob::totals(&mut reader).await?;
    let releases = db::release::total(&mut reader).await?;
    let sums = state.fleet.sums(state.now_ms());
    let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let samples: [Sample; 10] = [
        (
            "marrow_registry_requests_total",
            "counter",
            "Requests since the start.",
            state.requests(),
        ),
        (
            "marrow_registry_connections",
            "gauge",
            "Connections that are open.",
            state.connections(),
        ),
        ("marrow_registry_releases", "gauge", "Releases.", releases),
        ("marrow_registry_blobs", "gauge", "Blobs.", blobs),
        (
            "marrow_registry_blob_bytes",
            "gauge",
            "Bytes of all blobs.",
            bytes,
        ),
        (
            "marrow_registry_nodes",
            "gauge",
            "Nodes that enrolled.",
            whole(sums.nodes),
        ),
        (
            "marrow_registry_nodes_online",
            "gauge",
            "Nodes heard within three of their poll intervals.",
            whole(sums.online),
        ),
        (
            "marrow_registry_nodes_unsettled",
            "gauge",
            "Nodes that run something else than they should.",
            whole(sums.unsettled),
        ),
        (
            "marrow_registry_doorbells",
            "gauge",
            "Nodes that wait at the doorbell.",
            whole(state.fleet.waiting()),
        ),
        (
            "marrow_registry_deployments",
            "gauge",
            "Deployments.",
            whole(sums.deployments),
        ),
    ];
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text(&samples)))
}

fn text(samples: &[Sample]) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in samples {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        );
    }
    text
}
