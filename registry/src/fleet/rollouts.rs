//! What rollouts ask of the fleet. Called by what drives and shows them, and by the route of reports.
//! Must never give a node a word in another's rollout.

use std::sync::Arc;

use api::registry::Outcome;
use rollout::Seen;

use super::Fleet;
use super::desired::Standing;
use super::moving::Moving;
use super::reach::Census;
use super::seen::{Meant, Sight};

impl Fleet {
    /// Those of a node's outcomes that its rollouts are to know of: no node has a word in another's.
    pub(crate) fn told_of_rollouts(&self, node: &str, outcomes: &[Outcome]) -> Vec<Outcome> {
        let memory = self.read();
        let Some(known) = memory.nodes.get(node) else {
            return Vec::new();
        };
        let is_told = |outcome: &&Outcome| {
            let claims = known.plan.claims().iter();
            let mut named = claims.filter(|claim| {
                claim.has_instance() && claim.standing.instance == outcome.instance
            });
            named.any(|claim| {
                let mut layers = claim.standing.layers.iter();
                layers
                    .any(|one| outcome.rollout == Some(one.number) && outcome.digest == one.digest)
            })
        };
        outcomes.iter().filter(is_told).cloned().collect()
    }

    /// The rollouts that have not ended.
    pub(crate) fn moving(&self) -> Vec<Arc<Moving>> {
        let memory = self.read();
        let moving = memory.standings.iter().filter_map(|one| one.moving());
        moving.map(Arc::clone).collect()
    }

    /// Asks something of the nodes that a rollout is for.
    pub(crate) fn with_seen<T>(
        &self,
        moving: &Moving,
        now_ms: u64,
        ask: impl FnOnce(&[Seen<'_>]) -> T,
    ) -> T {
        let memory = self.read();
        ask(&memory.seen(moving, now_ms))
    }

    /// Asks something of all nodes that a deployment's selector names.
    pub(crate) fn with_meant<T>(
        &self,
        standing: &Standing,
        now_ms: u64,
        ask: impl FnOnce(Vec<Meant<'_>>) -> T,
    ) -> T {
        let memory = self.read();
        ask(memory.named(&standing.deployment, now_ms))
    }

    /// The version that a deployment gives a node.
    pub(crate) fn version_of(&self, node: &str, deployment: &str) -> Option<String> {
        let memory = self.read();
        let mut claims = memory.nodes.get(node)?.plan.claims().iter();
        let claim = claims.find(|one| one.standing.deployment == deployment)?;
        let offer = claim.assigned.given.as_ref().ok()?;
        Some(offer.version.to_string())
    }

    /// Asks something of the nodes of a rollout, of their kernels and of what they told.
    pub(crate) fn with_sight<T>(
        &self,
        moving: &Moving,
        now_ms: u64,
        ask: impl FnOnce(&Sight<'_>) -> T,
    ) -> T {
        let memory = self.read();
        ask(&memory.sight(moving, now_ms))
    }

    /// Names of deployments, at most so many.
    pub(crate) fn deployment_names(&self, limit: usize) -> Vec<String> {
        let memory = self.read();
        let all = memory.standings.iter();
        let mut names: Vec<String> = all.map(|one| one.deployment.clone()).collect();
        names.sort_unstable();
        names.truncate(limit);
        names
    }

    /// What the nodes of a deployment run, and where they stand.
    pub(crate) fn census(&self, deployment: &str, now_ms: u64) -> Census {
        self.read().census(deployment, now_ms)
    }
}
