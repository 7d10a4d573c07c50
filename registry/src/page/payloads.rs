//! What `GET /payloads` shows. Made by its route.
//! Must never hold markup.

use api::registry::{PayloadSummary, Payloads};
use askama::Template;

use super::Frame;
use super::address::Address;
use super::format::{Moment, grouped, moment};
use super::payload::nodes_address;
use super::view::told;

/// `GET /payloads`.
#[derive(Template)]
#[template(path = "payloads.html")]
pub(crate) struct PayloadList {
    frame: Frame,
    /// What is looked for in their names.
    sought: String,
    is_first: bool,
    /// Address of the first page.
    first: String,
    payloads: Vec<Row>,
    /// Address of the next page.
    next: Option<String>,
}

/// A payload.
struct Row {
    name: String,
    latest: Option<String>,
    description: Option<String>,
    /// `stable 1.0.0`.
    channels: Vec<(String, String)>,
    releases: String,
    nodes: String,
    nodes_address: String,
    published: Moment,
}

impl PayloadList {
    /// A page of payloads, the first where it is behind none.
    pub(crate) fn of(
        frame: Frame,
        sought: String,
        is_first: bool,
        listed: Payloads,
        now_ms: u64,
    ) -> Self {
        let next = listed.next.map(|after| {
            let address = Address::to("/payloads").with("q", &sought);
            address.with("after", &after).text()
        });
        let first = Address::to("/payloads").with("q", &sought).text();
        let payloads = listed.payloads.into_iter();
        Self {
            frame,
            sought,
            is_first,
            first,
            payloads: payloads.map(|one| Row::of(one, now_ms)).collect(),
            next,
        }
    }
}

impl Row {
    fn of(one: PayloadSummary, now_ms: u64) -> Self {
        Self {
            nodes_address: nodes_address(&one.payload, ""),
            name: one.payload,
            latest: one.latest,
            description: told(one.description.as_deref()),
            channels: one.channels.into_iter().collect(),
            releases: grouped(one.releases),
            nodes: grouped(one.nodes),
            published: moment(one.published_ms, now_ms),
        }
    }
}
