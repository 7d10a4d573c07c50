//! What the templates show, as texts and numbers. Made by the routes of the pages from what the
//! fleet and the database tell.
//! Must never hold markup.

use api::node::{InstanceState, Measured};
use api::registry::{InstanceReport, Node};

use super::format::{Moment, grouped, moment, size};
use super::visible::visible;
use crate::db::shelf::Edition;

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
    pub(super) state: &'static str,
    pub(super) lost: String,
    pub(super) has_lost: bool,
}

impl VersionView {
    /// A release that `nodes` nodes run.
    pub(crate) fn of(edition: Edition, nodes: u64, now_ms: u64) -> Self {
        Self {
            version: edition.version.to_string(),
            channels: edition.channels,
            state: edition.state,
            reason: told(edition.reason.as_deref()),
            nodes: grouped(nodes),
            size: size(edition.size_bytes),
            published: moment(edition.published_ms, now_ms),
            signers: edition.signers,
            digest: edition.digest,
        }
    }
}

/// A text that somebody gave, where it says anything.
pub(crate) fn told(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(visible)
}

impl NodeView {
    /// A node as it is now.
    pub(crate) fn of(node: Node, now_ms: u64) -> Self {
        let labels = node.facts.labels.into_iter();
        Self {
            name: node.node,
            presence: node.presence.as_str(),
            settled: node.settled,
            seen: moment(node.seen_ms, now_ms),
            kernel: visible(&node.facts.kernel),
            arch: visible(&node.facts.arch),
            labels: labels
                .map(|(key, value)| visible(&format!("{key}={value}")))
                .collect(),
            instances: node.instances.iter().map(InstanceView::of).collect(),
        }
    }
}

impl InstanceView {
    fn of(report: &InstanceReport) -> Self {
        let (lost, has_lost) = match report.counts.kernel_lost {
            Measured::Known(lost) => (grouped(lost), lost > 0),
            Measured::Unknown => ("unknown".to_owned(), false),
        };
        Self {
            instance: visible(&report.instance),
            payload: visible(&report.payload),
            version: visible(report.version.as_deref().unwrap_or("no version")),
            state: match report.state {
                InstanceState::Running => "running",
                InstanceState::Paused => "paused",
            },
            lost,
            has_lost,
        }
    }
}
