//! Live events of an instance: viewed by operators, told by the node while somebody views.
//! Called by `packer events`, by the pages and by nodes.
//! Must never show events that their node does not share, nor let a look at them stay unaudited.

use api::problem::Problem;
use api::registry::{JSON_BYTES_MAX, LIVE_EVENT_BYTES_MAX, LIVE_EVENTS_MAX, LiveEvents};
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;
use payload::name::InstanceName;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::body;
use super::caller::{NodeCaller, Operator};
use super::nodes::absent;
use super::path::{Segments, named};
use super::refusal::Refusal;
use super::sse::{self, Places, Source};
use crate::access::Who;
use crate::db;
use crate::fleet::live::Viewing;
use crate::limits::LIVE_EVENTS_TIME;
use crate::state::State;

/// What an instance puts out, as it comes: a batch of events at most twice a second. Ends after ten
/// minutes; whoever views on asks again.
#[utoipa::path(get, path = "/nodes/{node}/instances/{instance}/events", tag = "fleet",
    params(("node" = String, Path, description = "The node's name"),
           ("instance" = String, Path, description = "The instance's name")), responses(
    (status = 200, body = LiveEvents, content_type = "text/event-stream"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn view(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments((node, instance)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let seen = viewed(who, &state, &node, &instance).await?;
    Ok(sse::stream(
        Told {
            seen,
            text: as_they_are,
        },
        &state,
    ))
}

/// Takes what an instance of the caller's puts out, for those who view it.
#[utoipa::path(post, path = "/nodes/{node}/events", tag = "node",
    params(("node" = String, Path, description = "The caller's own name")),
    request_body = LiveEvents, responses(
    (status = 204, description = "Somebody views"),
    (status = 410, description = "Nobody views this instance", body = Problem,
        content_type = "application/problem+json"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn pass(
    NodeCaller { node, .. }: NodeCaller,
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let body = body::read_json(&headers, body, JSON_BYTES_MAX).await?;
    let events: LiveEvents = body::parse(&body)?;
    checked(&events)?;
    if state.fleet.pass(node.as_str(), &events) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let _: InstanceName = named("instance", &events.instance)?;
    let detail = format!("nobody views {} on {node}", events.instance);
    Err(Refusal::new(StatusCode::GONE, "unviewed", detail))
}

fn checked(events: &LiveEvents) -> Result<(), Refusal> {
    let found = events.events.len();
    if found > LIVE_EVENTS_MAX {
        let detail = format!("events has {found} entries, at most {LIVE_EVENTS_MAX} are allowed");
        return Err(Refusal::rule("events", detail));
    }
    for (at, one) in events.events.iter().enumerate() {
        let (field, text) = (format!("events[{at}].event"), one.event.get());
        let bytes = text.len();
        if bytes > LIVE_EVENT_BYTES_MAX {
            let most = LIVE_EVENT_BYTES_MAX;
            let detail = format!("{field} has {bytes} bytes, at most {most} are allowed");
            return Err(Refusal::rule(field, detail));
        }
        // Within texts JSON has none of them.
        if text.bytes().any(|byte| byte < b' ') {
            let detail = format!("{field} has line breaks or tabs; an event is one line");
            return Err(Refusal::rule(field, detail));
        }
    }
    Ok(())
}

/// The events of an instance for one who may look, and the places that it takes.
pub(super) struct Seen {
    viewing: Viewing,
    ends: Instant,
    _places: Places,
}

/// Begins to view; the audit says who.
///
/// # Errors
/// 404 where there is no such node, or it runs no such instance; 409 where it shares no events; 503 where no place is free.
pub(super) async fn viewed(
    who: Who,
    state: &State,
    node: &str,
    instance: &str,
) -> Result<Seen, Refusal> {
    let name: InstanceName = named("node", node)?;
    let instance: InstanceName = named("instance", instance)?;
    state.fleet.caught_up(&state.db).await;
    let at_ms = state.now_ms();
    let known = state
        .fleet
        .node(name.as_str(), at_ms)
        .ok_or_else(|| absent(&name))?;
    if !known.facts.shares_events {
        let detail = format!(
            "{node} keeps its events to itself; who runs it may start it with --share-events"
        );
        return Err(Refusal::conflict("node", detail));
    }
    let runs = known.instances.iter().map(|one| one.instance.as_str());
    let runs: Vec<&str> = runs.collect();
    if !runs.contains(&instance.as_str()) {
        let others = if runs.is_empty() {
            "nothing".to_owned()
        } else {
            runs.join(", ")
        };
        let detail = format!("{node} does not run {instance}; it runs {others}");
        return Err(Refusal::not_found(detail));
    }
    let places = Places::take(state, who.access)?;
    let mut entry = who.entry(at_ms, "node.events", node.to_owned());
    entry.after = Some(json!({ "instance": instance.as_str() }));
    let noted = state.db.write_as(who.access, at_ms, move |write| {
        Box::pin(async move { Ok::<_, Refusal>(db::audit::add(write, &entry).await?) })
    });
    noted.await?;
    Ok(Seen {
        viewing: state.fleet.view(name.as_str(), instance.as_str()),
        ends: Instant::now() + LIVE_EVENTS_TIME,
        _places: places,
    })
}

impl Seen {
    async fn next(&mut self) -> Option<LiveEvents> {
        tokio::select! {
            // Rights end: whoever views on is looked up again.
            () = sleep_until(self.ends) => None,
            events = self.viewing.next() => events,
        }
    }
}

/// What is seen, as a stream writes it.
pub(super) struct Told {
    pub(super) seen: Seen,
    /// A batch as one line.
    pub(super) text: fn(&LiveEvents) -> String,
}

impl Source for Told {
    async fn next(&mut self) -> Option<String> {
        let events = self.seen.next().await?;
        let text = (self.text)(&events);
        Some(format!("event: events\ndata: {text}\n\n"))
    }
}

fn as_they_are(events: &LiveEvents) -> String {
    // Numbers, texts and JSON always have a JSON form.
    serde_json::to_string(events).unwrap_or_default()
}
