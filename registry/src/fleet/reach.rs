//! How far deployments came: nodes that each names, that run what it gives them, that refused it.
//! Called by the fleet for lists. Must never count a node twice for one deployment.

use std::collections::{BTreeMap, HashMap};

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

impl Memory {
    /// For each channel of a payload: nodes of the deployments that follow it.
    pub(super) fn followers(&self, payload: &str) -> BTreeMap<String, u64> {
        let mut followers = BTreeMap::new();
        for known in self.nodes.values() {
            for claim in known.plan.claims() {
                let spec = &claim.standing.spec;
                if let Source::Channel(channel) = &spec.source
                    && spec.payload == payload
                {
                    *followers.entry(channel.clone()).or_default() += 1;
                }
            }
        }
        followers
    }

    /// For each deployment: how far it came.
    pub(super) fn reach(&self) -> HashMap<&str, Reach> {
        let mut reach: HashMap<&str, Reach> = HashMap::new();
        for known in self.nodes.values() {
            for claim in known.plan.claims() {
                let standing = &claim.standing;
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
