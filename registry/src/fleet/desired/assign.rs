//! Which release of a deployment a node is given: by its pin, by the rollouts that reach it, or what
//! the others have. Called by the plan of each node. Pure.
//! Must never give what a rollout brings to a node that it does not reach.

use std::sync::Arc;

use api::registry::{InstanceReport, Wanted};

use super::{Given, Offer, Standing};
use crate::fleet::moving::{MarksByRollout, Moving, ToldOf};

/// What a deployment has for one node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assigned {
    /// The release, or why there is none.
    pub(crate) given: Given,
    /// The rollout that brought it.
    pub(crate) by: Option<Arc<Moving>>,
    /// Whether the node would have the very release without that rollout.
    pub(crate) had_it: bool,
    /// The rollout whose release is to be staged.
    pub(crate) staged: Option<Arc<Moving>>,
    /// Whether somebody pinned it.
    pub(crate) pinned: bool,
}

impl Standing {
    /// What a node is given that told `marks` of the rollouts, and that it runs `instances`.
    pub(crate) fn assigned(
        &self,
        node: &str,
        marks: &MarksByRollout,
        instances: &[InstanceReport],
    ) -> Assigned {
        let plain = |given: &Given, pinned| Assigned {
            given: given.clone(),
            by: None,
            had_it: false,
            staged: None,
            pinned,
        };
        let is_ours = |one: &&InstanceReport| one.managed && one.instance == self.instance;
        if let Some(pinned) = self.pins.get(node) {
            return plain(&pinned.given, true);
        }
        let mut assigned = plain(&self.given, false);
        // Newest first is how they stand; a newer one lies above an older one.
        for moving in self.layers.iter().rev().filter(|one| one.given.is_ok()) {
            let told = ToldOf {
                marks: marks.get(&moving.number),
                instance: instances.iter().find(is_ours),
            };
            let has_it = is_of(&assigned.given, &moving.digest);
            if moving.reaches(node, told, has_it) {
                assigned.given.clone_from(&moving.given);
                assigned.by = Some(Arc::clone(moving));
                assigned.had_it = has_it;
            } else if moving.stages() && !has_it {
                assigned.staged = Some(Arc::clone(moving));
            }
        }
        assigned
    }

    /// The rollout that moves it now.
    pub(crate) fn moving(&self) -> Option<&Arc<Moving>> {
        self.layers.first().filter(|moving| moving.is_active())
    }

    /// A release of it as a node is told.
    pub(super) fn told(&self, offer: &Offer, by: Option<&Moving>) -> Wanted {
        Wanted {
            instance: self.instance.clone(),
            deployment: self.deployment.clone(),
            payload: self.spec.payload.clone(),
            version: offer.version.to_string(),
            digest: offer.digest.clone(),
            size_bytes: offer.size_bytes,
            envelope: offer.envelope.clone(),
            globals: self.spec.globals.clone(),
            targets: self.spec.targets.clone(),
            rollout: by.map(Moving::by),
        }
    }

    /// The same with `wanted_bytes` as they are at most on any node: once for all nodes, since every
    /// plan adds them up.
    pub(crate) fn weighed(mut self) -> Self {
        // A map with text as keys always has a JSON form.
        let bytes = |given: &Given, by: Option<&Moving>| {
            let told = given.as_ref().map(|offer| self.told(offer, by));
            told.map_or(0, |told| {
                serde_json::to_vec(&told).map_or(usize::MAX, |json| json.len())
            })
        };
        let brought = self.layers.iter().map(|one| bytes(&one.given, Some(one)));
        let pinned = self.pins.values().map(|pinned| bytes(&pinned.given, None));
        let to_run = brought
            .clone()
            .chain(pinned)
            .fold(bytes(&self.given, None), usize::max);
        // What is staged comes beside that.
        let staged = brought.max().unwrap_or(0);
        self.wanted_bytes = to_run.saturating_add(staged);
        self
    }
}

/// Whether a release is this file.
pub(crate) fn is_of(given: &Given, digest: &str) -> bool {
    given.as_ref().is_ok_and(|offer| offer.digest == digest)
}
