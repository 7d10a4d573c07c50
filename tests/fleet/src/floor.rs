//! The bare server that a registry is compared with: axum, one watch that every event stream waits
//! for, answers from memory. It knows nobody, keeps nothing and checks nothing.
//! Must never do more than a server must to tell so many clients that something is new.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use api::registry::{Channel, Desired, Enrol, Enrolled, Ring, SetChannel, Wanted};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures_util::stream::{self, Stream};
use payload::digest::Digest;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::output;

/// As in the registry.
const ALIVE: Duration = Duration::from_secs(15);
const POLL_MS: u64 = 30_000;
/// Calls a millisecond that the spread is made for, as in the registry.
const CALLS_PER_MS: u64 = 10;

/// What every node is given.
#[derive(Clone)]
struct Given {
    ring: Ring,
    etag: HeaderValue,
    body: Vec<u8>,
}

type Shared = State<Arc<watch::Sender<Given>>>;

/// Serves until SIGTERM; nodes run `version` at first.
///
/// # Errors
/// When no socket can be had.
pub(crate) fn serve(version: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let first = Ring::default();
        let given = Arc::new(watch::Sender::new(given(version, first)?));
        let routes = Router::new()
            .route("/api/v1/nodes/enrol", post(enrol))
            .route("/api/v1/nodes/{node}/doorbell", get(doorbell))
            .route("/api/v1/nodes/{node}/desired", get(desired))
            .route("/api/v1/nodes/{node}/reports", post(reports))
            .route(
                "/api/v1/payloads/{namespace}/{name}/channels/{channel}",
                put(publish),
            )
            .with_state(given);
        let listener = listener.tap_io(|stream| {
            // A stream that is gone says so when it is read.
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        output::line(&json!({ "listening": url }))?;
        terminate.recv().await;
        Ok(())
    })
}

async fn enrol(Json(enrol): Json<Enrol>) -> (StatusCode, Json<Enrolled>) {
    let credential = "nobody-asks".to_owned();
    let node = enrol.node;
    (StatusCode::CREATED, Json(Enrolled { node, credential }))
}

async fn doorbell(State(given): Shared) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut rings = given.subscribe();
    rings.mark_changed();
    let told = stream::unfold(rings, |mut rings| async {
        rings.changed().await.ok()?;
        let ring = rings.borrow_and_update().ring.clone();
        // Numbers and names always have a JSON form.
        let event = Event::default().event("ring").json_data(&ring).ok()?;
        Some((Ok(event), rings))
    });
    Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE))
}

async fn desired(State(given): Shared, headers: HeaderMap) -> Response {
    let given = given.borrow();
    let etag = [(ETAG, given.etag.clone())];
    if headers.get(IF_NONE_MATCH) == Some(&given.etag) {
        return (StatusCode::NOT_MODIFIED, etag).into_response();
    }
    let json = [(CONTENT_TYPE, "application/json")];
    (etag, json, given.body.clone()).into_response()
}

async fn reports(body: axum::body::Bytes) -> StatusCode {
    drop(body);
    StatusCode::NO_CONTENT
}

async fn publish(
    State(shared): Shared,
    Path((_, _, channel)): Path<(String, String, String)>,
    Json(SetChannel { version }): Json<SetChannel>,
) -> Result<Json<Channel>, StatusCode> {
    let ring = Ring {
        revision: shared.borrow().ring.revision + 1,
        spread_ms: shared.receiver_count() as u64 / CALLS_PER_MS,
        viewed: Vec::new(),
    };
    let given = given(&version, ring).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    shared.send_replace(given);
    Ok(Json(Channel {
        channel,
        version,
        moved_ms: 0,
        moved_by: String::new(),
    }))
}

/// One answer for all nodes.
fn given(version: &str, ring: Ring) -> Result<Given> {
    let digest = Digest::of(version.as_bytes()).to_string();
    let desired = Desired {
        node: "node".to_owned(),
        poll_ms: POLL_MS,
        instances: vec![Wanted {
            instance: "fleet".to_owned(),
            deployment: "fleet".to_owned(),
            payload: "marrow/fleet".to_owned(),
            version: version.to_owned(),
            digest,
            size_bytes: 1,
            envelope: None,
            globals: BTreeMap::new(),
            targets: BTreeMap::new(),
            rollout: None,
        }],
        staged: Vec::new(),
        floors: Vec::new(),
    };
    let body = serde_json::to_vec(&desired)?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", Digest::of(&body)))?;
    Ok(Given { ring, etag, body })
}
