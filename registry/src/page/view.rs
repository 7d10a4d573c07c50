//! What the templates show, as texts and numbers. Made by the routes of the pages from what the
//! fleet and the database tell.
//! Must never hold markup.

use api::node::{InstanceState, Measured, Trust};
use api::registry::{InstanceReport, Node};

use super::format::{Moment, grouped, moment, size};
use crate::db::payload::Listed;
use crate::db::shelf::Edition;

/// A payload with its highest versions.
#[derive(Debug)]
pub(crate) struct PayloadView {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) versions: Vec<VersionView>,
    /// How many versions are not shown.
    pub(super) hidden: usize,
}

/// A release.
#[derive(Debug)]
pub(crate) struct VersionView {
    pub(super) version: String,
    pub(super) channels: Vec<String>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) nodes: String,
    pub(super) size: String,
    pub(super) published: Moment,
    pub(super) signers: Vec<String>,
    pub(super) digest: String,
}

/// A node with what it runs.
#[derive(Debug)]
pub(crate) struct NodeView {
    pub(super) name: String,
    pub(super) presence: &'static str,
    pub(super) settled: bool,
    pub(super) seen: Moment,
    pub(super) kernel: String,
    pub(super) arch: String,
    pub(super) labels: Vec<String>,
    pub(super) instances: Vec<InstanceView>,
}

/// An instance on a node.
#[derive(Debug)]
pub(super) struct InstanceView {
    pub(super) instance: String,
    pub(super) payload: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) state: &'static str,
    pub(super) managed: bool,
    pub(super) unsigned: bool,
    pub(super) events: String,
    pub(super) lost: String,
    pub(super) has_lost: bool,
    pub(super) started: Moment,
}

impl PayloadView {
    /// A payload with at most `shown_max` of its `editions`, which come highest first.
    pub(crate) fn of(
        listed: Listed,
        editions: Vec<Edition>,
        shown_max: usize,
        version: impl Fn(Edition) -> VersionView,
    ) -> Self {
        // A version that a channel names is what people look for, however old it is.
        let (shown, hidden): (Vec<_>, Vec<_>) = editions
            .into_iter()
            .enumerate()
            .partition(|(index, one)| *index < shown_max || !one.channels.is_empty());
        Self {
            name: listed.name,
            description: listed.description,
            versions: shown.into_iter().map(|(_, one)| version(one)).collect(),
            hidden: hidden.len(),
        }
    }
}

impl VersionView {
    /// A release that `nodes` nodes run.
    pub(crate) fn of(edition: Edition, nodes: u64, now_ms: u64) -> Self {
        Self {
            version: edition.version.to_string(),
            channels: edition.channels,
            state: edition.state,
            reason: edition.reason.filter(|reason| !reason.is_empty()),
            nodes: grouped(nodes),
            size: size(edition.size_bytes),
            published: moment(edition.published_ms, now_ms),
            signers: edition.signers,
            digest: edition.digest,
        }
    }
}

impl NodeView {
    /// A node as it is now.
    pub(crate) fn of(node: Node, now_ms: u64) -> Self {
        let labels = node.facts.labels.into_iter();
        Self {
            name: node.node,
            presence: if node.online { "online" } else { "offline" },
            settled: node.settled,
            seen: moment(node.seen_ms, now_ms),
            kernel: node.facts.kernel,
            arch: node.facts.arch,
            labels: labels
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
            instances: node
                .instances
                .into_iter()
                .map(|one| InstanceView::of(one, now_ms))
                .collect(),
        }
    }
}

impl InstanceView {
    fn of(report: InstanceReport, now_ms: u64) -> Self {
        let (lost, has_lost) = match report.counts.kernel_lost {
            Measured::Known(lost) => (grouped(lost), lost > 0),
            Measured::Unknown => ("unknown".to_owned(), false),
        };
        Self {
            instance: report.instance,
            payload: report.payload,
            version: report.version.unwrap_or_else(|| "no version".to_owned()),
            digest: report.digest,
            state: match report.state {
                InstanceState::Running => "running",
                InstanceState::Paused => "paused",
            },
            managed: report.managed,
            unsigned: !matches!(report.trust, Trust::Signed),
            events: grouped(report.counts.decoded),
            lost,
            has_lost,
            started: moment(report.started_ms, now_ms),
        }
    }
}
