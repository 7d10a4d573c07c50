//! What `GET /nodes/{node}/events/{instance}` shows, and the events that come to it. Made by its route.
//! Must never hold markup, nor pass on a letter that hides or turns a line.

use api::registry::LiveEvents;
use askama::Template;
use serde_json::json;

use super::Frame;
use super::visible::visible;

/// `GET /nodes/{node}/events/{instance}`.
#[derive(Template)]
#[template(path = "events.html")]
pub(crate) struct EventsPage {
    pub(crate) frame: Frame,
    pub(crate) node: String,
    pub(crate) instance: String,
}

impl EventsPage {
    /// The command that shows the same.
    fn command(&self) -> String {
        format!("packer events {} {}", self.node, self.instance)
    }
}

/// A batch as the page's script reads it: a line of text an event, with its time.
pub(crate) fn event_lines(events: &LiveEvents) -> String {
    let lines = events.events.iter();
    let lines = lines.map(|one| json!({ "at_ms": one.at_ms, "text": visible(one.event.get()) }));
    json!({ "events": lines.collect::<Vec<_>>(), "skipped": events.skipped }).to_string()
}
