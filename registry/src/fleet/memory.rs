//! Every node with what it told and what it should run, so that asking costs no SQL. Filled from
//! the database at start, kept up by `fleet` after each commit. Called by `fleet` alone.
//! Must never hold a node whose plan does not fit its facts and the deployments.

mod known;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::registry::{Desired, Facts, InstanceReport, Node, Outcome, Presence};
use payload::digest::Digest;

use super::desired::{Floors, Plan, Standing};
use super::moving::MarksByRollout;
use super::pace::Pace;
use super::refusals::Refusals;
use super::selector::Candidate;
use crate::db::node::KeptNode;

/// A node is online while it was heard within so many of its poll intervals.
pub(crate) const POLLS_MISSED_MAX: u64 = 3;
/// A node that was heard within this is stale, not lost, milliseconds.
const LOST_AFTER_MS: u64 = 86_400_000;

/// A call that was overtaken by a later one is behind it by less; a clock that was set back, by
/// more, milliseconds.
const OVERTAKEN_MS_MAX: u64 = 10_000;

/// What the registry knows of the fleet.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) nodes: BTreeMap<String, Known>,
    pub(super) standings: Vec<Arc<Standing>>,
    pub(super) floors: Floors,
    poll_ms: u64,
    /// Since when this registry has listened, milliseconds since 1970.
    began_ms: u64,
    /// Nodes by digest of what they say they run.
    by_digest: HashMap<String, u64>,
    /// Nodes by payload of what they say they run.
    by_payload: HashMap<String, u64>,
}

/// A node.
#[derive(Debug)]
pub(super) struct Known {
    /// What it told, the labels of its enrolment above its own.
    pub(super) facts: Facts,
    labels: BTreeMap<String, String>,
    enrolled_ms: u64,
    seen_ms: AtomicU64,
    /// When it was first heard behind a time in which it was away, or enrolled; 0 where neither was
    /// in this life of the registry.
    joined_ms: AtomicU64,
    pub(super) instances: Vec<InstanceReport>,
    /// How fast each of them counts, in their order.
    paces: Vec<Pace>,
    pub(super) plan: Plan,
    /// Digest of the body that it is given.
    pub(super) etag: String,
    pub(super) settled: bool,
    refusals: Refusals,
    /// What it told of rollouts that decide something.
    pub(super) marks: MarksByRollout,
}

impl Memory {
    /// Knows nobody yet.
    pub(super) fn new(poll_ms: u64) -> Self {
        Self {
            nodes: BTreeMap::new(),
            standings: Vec::new(),
            floors: Floors::new(),
            poll_ms,
            began_ms: 0,
            by_digest: HashMap::new(),
            by_payload: HashMap::new(),
        }
    }

    /// Takes a node in, or what it told anew. Whether what it should run is different now.
    pub(super) fn put(&mut self, kept: KeptNode) -> bool {
        let KeptNode {
            node,
            mut facts,
            instances,
            labels,
            enrolled_ms,
            seen_ms,
            ..
        } = kept;
        facts.labels.extend(labels.clone());
        let mut before = self.take_out(&node);
        let seen_before = before.as_ref().map_or(0, Known::seen_ms);
        let joined_before = before.as_ref().map_or(0, Known::joined_ms);
        let marks = before
            .as_mut()
            .map(|before| std::mem::take(&mut before.marks));
        let marks = marks.unwrap_or_default();
        let plan = Plan::of(
            Candidate {
                node: &node,
                facts: &facts,
            },
            (&marks, &instances),
            &self.standings,
            &self.floors,
        );
        let etag = match &before {
            // The floors are those that it was decided with.
            Some(before) if before.plan == plan => before.etag.clone(),
            _ => digest(&body(&plan.desired(&node, self.poll_ms, &self.floors))),
        };
        let changed = before.as_ref().is_none_or(|before| before.etag != etag);
        let reported = before.as_ref().map_or((&[][..], &[][..]), Known::reported);
        let paces = Pace::of(&instances, reported, seen_ms);
        let refusals = before.map(|before| before.refusals).unwrap_or_default();
        let settled = plan.settled(&instances);
        let known = Known {
            facts,
            labels,
            enrolled_ms,
            seen_ms: AtomicU64::new(seen_before),
            joined_ms: AtomicU64::new(joined_before),
            instances,
            paces,
            plan,
            etag,
            settled,
            refusals,
            marks,
        };
        if seen_before == 0 {
            // One that is read from the disk was there before, as far as anybody knows.
            known.heard(seen_ms);
        } else {
            self.heard(&known, seen_ms);
        }
        self.count(&known, |nodes| *nodes += 1);
        self.nodes.insert(node, known);
        changed
    }

    /// Takes in what a node that is known told. `None` where it is not known.
    pub(super) fn report(
        &mut self,
        node: &str,
        facts: Facts,
        instances: Vec<InstanceReport>,
        now_ms: u64,
    ) -> Option<bool> {
        let known = self.nodes.get(node)?;
        let kept = KeptNode {
            node: node.to_owned(),
            facts,
            instances,
            labels: known.labels.clone(),
            enrolled_ms: known.enrolled_ms,
            enrolled_by: String::new(),
            seen_ms: now_ms,
        };
        Some(self.put(kept))
    }

    /// Takes in what a node that is known told of rollouts; [`Self::report`] follows.
    pub(super) fn marked(&mut self, node: &str, outcomes: &[Outcome]) {
        let Some(known) = self.nodes.get_mut(node) else {
            return;
        };
        for outcome in outcomes {
            if let Some(rollout) = outcome.rollout {
                known.marks.entry(rollout).or_default().take(outcome);
            }
        }
    }

    /// Takes in what was kept of that, and decides anew what the node should run.
    pub(super) fn remember(&mut self, node: &str, marks: MarksByRollout) {
        let Self {
            nodes,
            standings,
            floors,
            poll_ms,
            ..
        } = self;
        if let Some(known) = nodes.get_mut(node) {
            known.marks = marks;
            known.decide(node, (standings, floors), *poll_ms);
        }
    }

    /// Takes in what happened on a node that is known.
    pub(super) fn happened(&mut self, node: &str, outcomes: &[Outcome]) {
        if let Some(known) = self.nodes.get_mut(node) {
            known.refusals.take(outcomes);
        }
    }

    /// Forgets a node.
    pub(super) fn take_out(&mut self, node: &str) -> Option<Known> {
        let known = self.nodes.remove(node)?;
        self.count(&known, |nodes| *nodes = nodes.saturating_sub(1));
        Some(known)
    }

    fn count(&mut self, known: &Known, change: fn(&mut u64)) {
        for digest in known.distinct(|report| &report.digest) {
            change(self.by_digest.entry(digest.to_owned()).or_default());
        }
        for payload in known.distinct(|report| &report.payload) {
            change(self.by_payload.entry(payload.to_owned()).or_default());
        }
        // Only what somebody runs is remembered.
        for digest in known.distinct(|report| &report.digest) {
            if self.by_digest.get(digest) == Some(&0) {
                self.by_digest.remove(digest);
            }
        }
        for payload in known.distinct(|report| &report.payload) {
            if self.by_payload.get(payload) == Some(&0) {
                self.by_payload.remove(payload);
            }
        }
    }

    /// Takes in the deployments, oldest first, and the floors. The names of the nodes that should
    /// run something else now.
    pub(super) fn deploy(&mut self, standings: Vec<Arc<Standing>>, floors: Floors) -> Vec<String> {
        let different = different(&self.standings, &standings);
        let payloads: BTreeSet<&String> = self
            .floors
            .keys()
            .chain(floors.keys())
            .filter(|payload| self.floors.get(*payload) != floors.get(*payload))
            .collect();
        let mut changed = Vec::new();
        let standing: BTreeSet<u64> = standings
            .iter()
            .flat_map(|one| one.layers.iter().map(|layer| layer.number))
            .collect();
        for (node, known) in &mut self.nodes {
            known.marks.retain(|rollout, _| standing.contains(rollout));
            let candidate = Candidate {
                node,
                facts: &known.facts,
            };
            let concerned = different.iter().any(|one| one.selector.matches(candidate))
                || known
                    .plan
                    .claims()
                    .iter()
                    .any(|c| payloads.contains(&c.standing.spec.payload));
            if !concerned {
                continue;
            }
            if known.decide(node, (&standings, &floors), self.poll_ms) {
                changed.push(node.clone());
            }
        }
        self.standings = standings;
        self.floors = floors;
        changed
    }

    /// The body that a node is given, and its digest.
    pub(super) fn desired(&self, node: &str) -> Option<(Vec<u8>, String)> {
        let known = self.nodes.get(node)?;
        let body = body(&known.plan.desired(node, self.poll_ms, &self.floors));
        Some((body, known.etag.clone()))
    }

    /// A node as lists show it.
    pub(super) fn node(&self, node: &str, now_ms: u64) -> Option<Node> {
        let (node, known) = self.nodes.get_key_value(node)?;
        Some(self.shown(node, known, now_ms))
    }

    pub(super) fn shown(&self, node: &str, known: &Known, now_ms: u64) -> Node {
        Node {
            node: node.to_owned(),
            facts: known.facts.clone(),
            presence: self.presence(known, now_ms),
            enrolled_ms: known.enrolled_ms,
            seen_ms: known.seen_ms(),
            instances: known.instances.clone(),
            settled: known.settled,
            refused: known.refused(),
        }
    }

    /// Whether a node was heard lately. One that was heard at a time to come was not heard since the
    /// clock was set back.
    pub(super) fn online(&self, known: &Known, now_ms: u64) -> bool {
        now_ms.abs_diff(known.seen_ms()) <= POLLS_MISSED_MAX * self.poll_ms
    }

    /// How lately a node was heard.
    pub(super) fn presence(&self, known: &Known, now_ms: u64) -> Presence {
        if self.online(known, now_ms) {
            Presence::Online
        } else if now_ms.saturating_sub(known.seen_ms()) < LOST_AFTER_MS {
            Presence::Stale
        } else {
            Presence::Lost
        }
    }

    /// Notes since when this registry listens: before that nobody could tell it anything.
    pub(super) fn begins(&mut self, now_ms: u64) {
        self.began_ms = now_ms;
    }

    /// Whether a node is there, as far as this registry can know: until it has listened for as long
    /// as a node may be silent, each of them may be.
    pub(super) fn present(&self, known: &Known, now_ms: u64) -> bool {
        let listened_ms = now_ms.abs_diff(self.began_ms);
        listened_ms <= POLLS_MISSED_MAX * self.poll_ms || self.online(known, now_ms)
    }

    /// Notes that a node was heard.
    pub(super) fn heard(&self, known: &Known, now_ms: u64) {
        if !self.present(known, now_ms) {
            known.joined_ms.store(now_ms, Ordering::Relaxed);
        }
        known.heard(now_ms);
    }

    /// Notes that a node is new.
    pub(super) fn joined(&self, node: &str, now_ms: u64) {
        if let Some(known) = self.nodes.get(node) {
            known.joined_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    /// How many nodes say that they run this file.
    pub(super) fn nodes_of_digest(&self, digest: &str) -> u64 {
        self.by_digest.get(digest).copied().unwrap_or(0)
    }

    /// How many nodes say that they run a release of this payload.
    pub(super) fn nodes_of_payload(&self, payload: &str) -> u64 {
        self.by_payload.get(payload).copied().unwrap_or(0)
    }
}

/// What is in one of the lists and not, or otherwise, in the other.
fn different(before: &[Arc<Standing>], after: &[Arc<Standing>]) -> Vec<Arc<Standing>> {
    let by_name = |standings: &[Arc<Standing>]| -> BTreeMap<String, Arc<Standing>> {
        standings
            .iter()
            .map(|one| (one.deployment.clone(), Arc::clone(one)))
            .collect()
    };
    let (before, after) = (by_name(before), by_name(after));
    let gone = before
        .iter()
        .filter(|(name, one)| after.get(*name) != Some(*one));
    let new = after
        .iter()
        .filter(|(name, one)| before.get(*name) != Some(*one));
    gone.chain(new).map(|(_, one)| Arc::clone(one)).collect()
}

/// The bytes of the answer.
fn body(desired: &Desired) -> Vec<u8> {
    // A map with text as keys always has a JSON form.
    serde_json::to_vec(desired).unwrap_or_default()
}

/// What a node knows them by.
fn digest(body: &[u8]) -> String {
    Digest::of(body).to_string()
}

#[cfg(test)]
#[path = "memory/tests.rs"]
mod tests;
