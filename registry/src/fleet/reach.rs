//! How far deployments came: nodes that each names, that run what it gives them, that refused it.
//! Called by the fleet for lists. Must never count a node twice for one deployment.

use std::collections::HashMap;

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
