//! What `GET /payloads/{namespace}/{name}` shows. Made by its route.
//! Must never hold markup.

use std::collections::BTreeMap;

use api::registry::{Channel, Floor};
use askama::Template;

use super::Frame;
use super::address::Address;
use super::format::{Moment, moment, nodes_text};
use super::view::VersionView;

/// `GET /payloads/{namespace}/{name}`.
#[derive(Template)]
#[template(path = "payload.html")]
pub(crate) struct OnePayload {
    pub(crate) frame: Frame,
    /// `namespace/name`.
    pub(crate) name: String,
    /// What an instance of it is called, where nobody says otherwise.
    pub(crate) instance: String,
    /// Of its latest release.
    pub(crate) description: Option<String>,
    /// The highest that is available.
    pub(crate) latest: Option<String>,
    /// How many nodes run any of its releases.
    pub(crate) nodes: String,
    /// Where those are listed.
    pub(crate) nodes_address: String,
    pub(crate) floor: Option<FloorView>,
    pub(crate) channels: Vec<ChannelView>,
    /// Whether the buttons that change channels are shown.
    pub(crate) may_curate: bool,
    /// One page of versions, highest first.
    pub(crate) versions: Vec<ListedVersion>,
    /// Whether it is the first.
    pub(crate) is_first: bool,
    /// Address of the next.
    pub(crate) next: Option<String>,
}

impl OnePayload {
    /// The channel that commands name: `stable`, or whichever there is.
    fn usual(&self) -> Option<&ChannelView> {
        let stable = self.channels.iter().find(|one| one.name == "stable");
        stable.or(self.channels.first())
    }
}

/// A version in the list.
pub(crate) struct ListedVersion {
    pub(super) view: VersionView,
    /// Where the nodes that run it are listed.
    pub(super) nodes_address: String,
}

/// A floor.
pub(crate) struct FloorView {
    pub(super) minimum: String,
    pub(super) set: Moment,
}

/// A channel.
pub(crate) struct ChannelView {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) moved: Moment,
    pub(super) by: String,
    /// Nodes of the deployments that follow it.
    pub(super) nodes: u64,
    pub(super) nodes_text: String,
}

impl ListedVersion {
    /// A version of a payload.
    pub(crate) fn of(payload: &str, view: VersionView) -> Self {
        let nodes_address = nodes_address(payload, &view.version);
        Self {
            view,
            nodes_address,
        }
    }
}

impl FloorView {
    /// A floor as it is now.
    pub(crate) fn of(floor: Floor, now_ms: u64) -> Self {
        Self {
            minimum: floor.minimum_version,
            set: moment(floor.set_ms, now_ms),
        }
    }
}

impl ChannelView {
    /// Each channel with the nodes that follow it.
    pub(crate) fn all(
        channels: Vec<Channel>,
        followers: &BTreeMap<String, u64>,
        now_ms: u64,
    ) -> Vec<Self> {
        let views = channels.into_iter().map(|channel| {
            let nodes = followers.get(&channel.channel).copied().unwrap_or(0);
            Self {
                name: channel.channel,
                version: channel.version,
                moved: moment(channel.moved_ms, now_ms),
                by: channel.moved_by,
                nodes,
                nodes_text: nodes_text(nodes),
            }
        });
        views.collect()
    }
}

/// Where the nodes that run a payload are listed; an empty version is any.
pub(crate) fn nodes_address(payload: &str, version: &str) -> String {
    let address = Address::to("/nodes").with("payload", payload);
    address.with("version", version).text()
}
