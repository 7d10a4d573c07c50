//! How far deployments came: nodes that each names, that run what it gives them, that refused it.
//! Called by the fleet for lists. Must never count a node twice for one deployment.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::registry::Source;

use super::desired::is_of;
use super::memory::Memory;

/// Nodes of one deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Those that its selector names.
    pub(super) nodes: u64,
    /// Those of them that run what it gives them.
    pub(super) running: u64,
    /// Those of them that refused it.
    pub(super) refused: u64,
}

/// Versions of one deployment that are told apart.
const VERSIONS_MAX: usize = 32;

/// What the nodes of one deployment run, and where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Those that its selector names.
    pub(crate) nodes: u64,
    /// Those that were heard lately.
    pub(crate) online: u64,
    /// Those that keep a version whatever it gives.
    pub(crate) pinned: u64,
    /// Those where another deployment has the instance, or where there is no room for it.
    pub(crate) elsewhere: u64,
    /// Nodes by the version that they say they run; by nothing where they run none.
    pub(crate) versions: BTreeMap<Option<String>, u64>,
    /// Nodes with versions beyond those.
    pub(crate) versions_more: u64,
}

impl Memory {
    /// For each channel of a payload: the nodes that move with it, each once.
    pub(super) fn followers(&self, payload: &str) -> BTreeMap<String, u64> {
        let mut followers: BTreeMap<&str, u64> = BTreeMap::new();
        for known in self.nodes.values() {
            let mut channels = BTreeSet::new();
            for claim in known.plan.claims() {
                let spec = &claim.standing.spec;
                if let Source::Channel(channel) = &spec.source
                    && spec.payload == payload
                    && claim.has_instance()
                    && !claim.assigned.pinned
                {
                    channels.insert(channel.as_str());
                }
            }
            for channel in channels {
                *followers.entry(channel).or_default() += 1;
            }
        }
        let owned = followers.into_iter();
        owned
            .map(|(channel, nodes)| (channel.to_owned(), nodes))
            .collect()
    }

    /// See [`Census`].
    pub(super) fn census(&self, deployment: &str, now_ms: u64) -> Census {
        let mut census = Census::default();
        for known in self.nodes.values() {
            let mut claims = known.plan.claims().iter();
            let Some(claim) = claims.find(|one| one.standing.deployment == deployment) else {
                continue;
            };
            census.nodes += 1;
            census.online += u64::from(self.online(known, now_ms));
            if !claim.has_instance() {
                census.elsewhere += 1;
                continue;
            }
            census.pinned += u64::from(claim.assigned.pinned);
            let mut reports = known.instances.iter();
            let instance = &claim.standing.instance;
            let report = reports.find(|one| one.managed && one.instance == *instance);
            let version = report.and_then(|report| report.version.clone());
            let full = census.versions.len() >= VERSIONS_MAX;
            match census.versions.get_mut(&version) {
                Some(nodes) => *nodes += 1,
                None if full => census.versions_more += 1,
                None => {
                    census.versions.insert(version, 1);
                }
            }
        }
        census
    }

    /// For each deployment that is asked for: how far it came.
    pub(super) fn reach(&self, is_asked: impl Fn(&str) -> bool) -> HashMap<&str, Reach> {
        let mut reach: HashMap<&str, Reach> = HashMap::new();
        for known in self.nodes.values() {
            for claim in known.plan.claims() {
                let standing = &claim.standing;
                if !is_asked(&standing.deployment) {
                    continue;
                }
                let reach = reach.entry(&standing.deployment).or_default();
                reach.nodes += 1;
                let runs = known.instances.iter().any(|report| {
                    report.managed
                        && report.instance == standing.instance
                        && is_of(&claim.assigned.given, &report.digest)
                });
                reach.running += u64::from(runs);
                reach.refused += u64::from(known.refusal(claim).is_some());
            }
        }
        reach
    }
}
