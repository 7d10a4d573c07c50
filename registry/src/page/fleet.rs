//! The page of the fleet: sums, what it runs over time and by kernel, what moves, what is new.
//! Made by its route. Must never hold markup.

use std::collections::{BTreeMap, BTreeSet};

use api::registry::Rollout;
use askama::Template;

use super::Frame;
use super::area::{Area, Band};
use super::format::{Moment, grouped, moment};
use super::payload::nodes_address;
use super::visible::visible;
use crate::db::shelf::Recent;
use crate::fleet::headcount::{Kernel, Release, Sums};

/// `GET /`.
#[derive(Template)]
#[template(path = "fleet.html")]
pub(crate) struct FleetPage {
    /// What is around it.
    pub(crate) frame: Frame,
    /// Numbers of the whole fleet.
    pub(crate) sums: Sums,
    /// Who is there, in words.
    pub(crate) presence: PresenceCounts,
    /// What it ran over time.
    pub(crate) course: Course,
    /// What it runs by kernel.
    pub(crate) kernels: Kernels,
    /// Rollouts that have not ended.
    pub(crate) rollouts: Vec<Moves>,
    /// How many more there are.
    pub(crate) more_rollouts: usize,
    /// What was published last.
    pub(crate) recent: Vec<Published>,
}

/// Who is there.
#[derive(Debug)]
pub(crate) struct PresenceCounts {
    online: String,
    stale: String,
    lost: String,
    /// Whether anybody is missed.
    missed: bool,
}

/// What the fleet ran over time.
#[derive(Debug)]
pub(crate) struct Course {
    /// The picture, where there is enough to draw.
    area: Option<Area>,
    spans: Vec<Link>,
    payloads: Vec<Link>,
    since: Moment,
    span: &'static str,
}

/// A choice, with its address.
#[derive(Debug)]
pub(crate) struct Link {
    /// Where it leads.
    pub(crate) href: String,
    /// What it says.
    pub(crate) word: String,
    /// Whether it is what is shown.
    pub(crate) chosen: bool,
}

/// Kernels × releases.
#[derive(Debug)]
pub(crate) struct Kernels {
    releases: Vec<Named>,
    rows: Vec<KernelRow>,
}

#[derive(Debug)]
struct KernelRow {
    kernel: String,
    nodes: String,
    cells: Vec<String>,
}

/// A release, in words.
#[derive(Debug)]
struct Named {
    payload: String,
    version: String,
    /// Where the nodes that run it are listed.
    href: Option<String>,
}

/// A rollout that has not ended.
#[derive(Debug)]
pub(crate) struct Moves {
    number: u64,
    deployment: String,
    versions: String,
    phase: String,
    paused: bool,
    wave: String,
    done: u64,
    nodes: u64,
    failed: u64,
    because: String,
}

/// A release that was published lately.
#[derive(Debug)]
pub(crate) struct Published {
    payload: String,
    version: String,
    state: String,
    by: String,
    at: Moment,
}

impl PresenceCounts {
    /// Of the whole fleet.
    pub(crate) fn of(sums: &Sums) -> Self {
        let text = |nodes: usize| grouped(u64::try_from(nodes).unwrap_or(u64::MAX));
        Self {
            online: text(sums.online),
            stale: text(sums.stale),
            lost: text(sums.lost),
            missed: sums.stale + sums.lost > 0,
        }
    }
}

impl Course {
    /// A picture with what else could be shown.
    pub(crate) fn of(
        area: Option<Area>,
        (spans, payloads): (Vec<Link>, Vec<Link>),
        (from_ms, now_ms): (u64, u64),
        span: &'static str,
    ) -> Self {
        Self {
            area,
            spans,
            payloads,
            since: moment(from_ms, now_ms),
            span,
        }
    }
}

impl Band {
    fn named(&self) -> Named {
        Named::of(&self.release)
    }
}

impl Named {
    fn of((payload, version): &Release) -> Self {
        let (payload, version, href) = match (payload.as_str(), version.as_str()) {
            ("", _) => ("others", "", None),
            (payload, "") => (payload, "no version", Some(nodes_address(payload, ""))),
            (payload, version) => (payload, version, Some(nodes_address(payload, version))),
        };
        Self {
            payload: visible(payload),
            version: visible(version),
            href,
        }
    }
}

impl Kernels {
    /// Of a headcount.
    pub(crate) fn of(kernels: &BTreeMap<String, Kernel>) -> Self {
        let releases: BTreeSet<&Release> =
            kernels.values().flat_map(|one| one.runs.keys()).collect();
        let cell = |of: &Kernel, release: &Release| match of.runs.get(release) {
            Some(nodes) => grouped(*nodes),
            None => "0".to_owned(),
        };
        let mut rows: Vec<(&String, &Kernel)> = kernels.iter().collect();
        rows.sort_by(|(a, one), (b, other)| other.nodes.cmp(&one.nodes).then(a.cmp(b)));
        let row = |(kernel, of): &(&String, &Kernel)| KernelRow {
            kernel: if kernel.is_empty() {
                "others".to_owned()
            } else {
                visible(kernel)
            },
            nodes: grouped(of.nodes),
            cells: releases.iter().map(|release| cell(of, release)).collect(),
        };
        Self {
            rows: rows.iter().map(row).collect(),
            releases: releases.iter().map(|release| Named::of(release)).collect(),
        }
    }
}

impl Moves {
    /// Of a rollout.
    pub(crate) fn of(rollout: Rollout) -> Self {
        let counts = rollout.counts;
        let from = rollout.from.map(|from| format!("{from} → "));
        Self {
            number: rollout.rollout,
            deployment: rollout.deployment,
            versions: format!("{}{}", from.unwrap_or_default(), rollout.to),
            phase: rollout.phase.word().replace('_', " "),
            paused: rollout.paused.is_some(),
            wave: format!("wave {} of {}", rollout.wave, rollout.waves),
            done: counts.live + counts.committed,
            nodes: counts.nodes - counts.incompatible.min(counts.nodes),
            failed: counts.failed,
            because: visible(&rollout.paused.unwrap_or(rollout.because)),
        }
    }
}

impl Published {
    /// Of a release.
    pub(crate) fn of(recent: Recent, now_ms: u64) -> Self {
        Self {
            payload: recent.payload,
            version: recent.version,
            state: recent.state,
            by: recent.published_by,
            at: moment(recent.published_ms, now_ms),
        }
    }
}
