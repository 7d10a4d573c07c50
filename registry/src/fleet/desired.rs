//! What a node should run: a pure function of what it told, of the deployments with the releases
//! they give, and of the floors. Called by `fleet` for each node that a change may concern.
//! The order is fixed (instances by name, floors by payload), so the same state gives the same
//! bytes. Must never depend on anything but its arguments.

mod assign;
mod explain;
mod give;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::registry::{
    DESIRED_BYTES_MAX, DeploymentSpec, Desired, INSTANCES_MAX, InstanceReport, Wanted,
};
use payload::name::Version;

use super::moving::{MarksByRollout, Moving};
use super::selector::{Candidate, Selector};
use assign::Assigned;
pub(crate) use assign::is_of;
pub(crate) use explain::{Circumstances, explain};
pub(crate) use give::{Given, Ingredients, Offer, Void};

/// Bytes of an answer that no instance and no floor takes: names of fields, and the node's.
const FRAME_BYTES: usize = 1 << 10;

/// A deployment with what it gives now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// Its name.
    pub(crate) deployment: String,
    /// What was asked for, `instance` filled in.
    pub(crate) spec: DeploymentSpec,
    /// The instance's name.
    pub(crate) instance: String,
    /// `spec.selector`, read.
    pub(crate) selector: Selector,
    /// When it was made, milliseconds since 1970; the older of two deployments wins.
    pub(crate) created_ms: u64,
    /// When it was changed last, milliseconds since 1970.
    pub(crate) changed_ms: u64,
    /// The release that its version or channel names, or why there is none.
    pub(crate) aim: Given,
    /// The version that it gives in the place of that; nothing where this is empty.
    pub(crate) held: Option<String>,
    /// The release that it gives where no rollout and no pin says otherwise, or why it gives none.
    pub(crate) given: Given,
    /// Its rollouts that decide what some nodes are given, newest first.
    pub(crate) layers: Vec<Arc<Moving>>,
    /// What single nodes are given whatever happens.
    pub(crate) pins: BTreeMap<String, Pinned>,
    /// Bytes of that in an answer; see [`Standing::weighed`].
    pub(crate) wanted_bytes: usize,
}

/// What a node is given whatever happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// The version.
    pub(crate) version: String,
    /// The release, or why there is none.
    pub(crate) given: Given,
    /// Why; empty where nobody said so.
    pub(crate) reason: String,
    /// Who said so.
    pub(crate) set_by: String,
}

/// A publisher's floor, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StandingFloor {
    /// The oldest version that may run.
    pub(crate) minimum_version: Version,
    /// The DSSE envelope as text.
    pub(crate) envelope: String,
}

/// Floors by `namespace/name` of the payload.
pub(crate) type Floors = BTreeMap<String, StandingFloor>;

/// Why a deployment that names a node gets its way there, or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The node should run its release.
    Wins(Arc<Offer>),
    /// It wins the instance and has nothing to give.
    Void(Void),
    /// An older deployment has the instance.
    Loses {
        /// The older one.
        to: String,
    },
    /// Older deployments want [`INSTANCES_MAX`] instances here already, or so much that the answer
    /// would have more than [`DESIRED_BYTES_MAX`] bytes.
    Crowded,
}

/// One deployment that names the node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    /// The deployment.
    pub(crate) standing: Arc<Standing>,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// What it has for the node, who is not given it where the verdict says no.
    pub(crate) assigned: Assigned,
}

/// Every deployment that names a node, oldest first, with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    claims: Vec<Claim>,
}

/// Sorts deployments as [`Plan::of`] wants them: oldest first, then by name.
pub(crate) fn by_age(standings: &mut [Arc<Standing>]) {
    standings.sort_by(|a, b| a.age().cmp(&b.age()));
}

impl Standing {
    fn age(&self) -> (u64, &str) {
        (self.created_ms, &self.deployment)
    }
}

impl StandingFloor {
    /// The most that it takes in an answer: JSON in JSON has two bytes for some of its own.
    fn bytes_max(&self) -> usize {
        self.envelope.len().saturating_mul(2).saturating_add(2)
    }
}

/// What the claims of a node took already.
struct Taken<'a> {
    /// Who has which instance.
    instances: BTreeMap<&'a str, &'a str>,
    /// Whose floors go along.
    payloads: BTreeSet<&'a str>,
    bytes: usize,
}

impl<'a> Taken<'a> {
    /// Takes the instance of a deployment, if there is room for it and its floor.
    fn take(&mut self, standing: &'a Standing, floors: &Floors) -> bool {
        let payload = standing.spec.payload.as_str();
        let mut bytes = self
            .bytes
            .saturating_add(standing.wanted_bytes)
            .saturating_add(1);
        if !self.payloads.contains(payload) {
            let floor = floors.get(payload).map(StandingFloor::bytes_max);
            bytes = bytes.saturating_add(floor.map_or(0, |bytes| bytes + 1));
        }
        if self.instances.len() == INSTANCES_MAX || bytes > DESIRED_BYTES_MAX {
            return false;
        }
        self.instances
            .insert(&standing.instance, &standing.deployment);
        self.payloads.insert(payload);
        self.bytes = bytes;
        true
    }
}

impl Plan {
    /// Decides for one node, by what it told. `standings` come oldest first. A deployment without a release keeps
    /// its instance: the node runs nothing there rather than what a younger one wants. What does
    /// not fit into an answer any more is left out, the youngest first.
    pub(crate) fn of(
        node: Candidate<'_>,
        (marks, instances): (&MarksByRollout, &[InstanceReport]),
        standings: &[Arc<Standing>],
        floors: &Floors,
    ) -> Self {
        let mut taken = Taken {
            instances: BTreeMap::new(),
            payloads: BTreeSet::new(),
            bytes: FRAME_BYTES,
        };
        let named = standings.iter().filter(|one| one.selector.matches(node));
        let claims = named.map(|standing| {
            let assigned = standing.assigned(node.node, marks, instances);
            let verdict = if let Some(to) = taken.instances.get(standing.instance.as_str()) {
                Verdict::Loses {
                    to: (*to).to_owned(),
                }
            } else if taken.take(standing, floors) {
                match &assigned.given {
                    Ok(offer) => Verdict::Wins(Arc::clone(offer)),
                    Err(void) => Verdict::Void(void.clone()),
                }
            } else {
                Verdict::Crowded
            };
            Claim {
                standing: Arc::clone(standing),
                verdict,
                assigned,
            }
        });
        Self {
            claims: claims.collect(),
        }
    }

    /// The claims, oldest deployment first.
    pub(crate) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// What should run, by instance.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = self.claims.iter().filter_map(Claim::wanted).collect();
        wanted.sort_by(|a, b| a.instance.cmp(&b.instance));
        wanted
    }

    /// What should be staged, by instance.
    pub(crate) fn staged(&self) -> Vec<Wanted> {
        let mut staged: Vec<Wanted> = self.claims.iter().filter_map(Claim::staged).collect();
        staged.sort_by(|a, b| a.instance.cmp(&b.instance));
        staged
    }

    /// The answer to `GET /nodes/{node}/desired`, of at most [`DESIRED_BYTES_MAX`] bytes. The floor
    /// of a deployment that has an instance and gives nothing goes along: it may be the reason. What
    /// has no instance has no floor here: the node does not run it, and takes no more floors than
    /// instances.
    pub(crate) fn desired(&self, node: &str, poll_ms: u64, floors: &Floors) -> Desired {
        let payloads: BTreeSet<&String> = self
            .claims
            .iter()
            .filter(|claim| claim.has_instance())
            .map(|claim| &claim.standing.spec.payload)
            .collect();
        let floors = payloads
            .into_iter()
            .filter_map(|payload| floors.get(payload));
        Desired {
            node: node.to_owned(),
            poll_ms,
            instances: self.wanted(),
            staged: self.staged(),
            floors: floors.map(|floor| floor.envelope.clone()).collect(),
        }
    }

    /// Whether what a node says it runs is what it should run. What somebody on the node started
    /// counts only where it has the name of an instance that is wanted.
    pub(crate) fn settled(&self, running: &[InstanceReport]) -> bool {
        let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
        for claim in &self.claims {
            if let Verdict::Wins(offer) = &claim.verdict {
                wanted.insert(&claim.standing.instance, &offer.digest);
            }
        }
        let mut met = 0;
        for report in running {
            match wanted.get(report.instance.as_str()) {
                Some(digest) if report.managed && *digest == report.digest => met += 1,
                Some(_) => return false,
                None if report.managed => return false,
                None => {}
            }
        }
        met == wanted.len()
    }
}

impl Claim {
    /// What it gives to the node, where it wins.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        match &self.verdict {
            Verdict::Wins(offer) => Some(self.standing.told(offer, self.assigned.by.as_deref())),
            Verdict::Void(_) | Verdict::Loses { .. } | Verdict::Crowded => None,
        }
    }

    /// What it lets the node stage, where it has the instance.
    pub(crate) fn staged(&self) -> Option<Wanted> {
        if !self.has_instance() {
            return None;
        }
        let moving = self.assigned.staged.as_deref()?;
        let offer = moving.given.as_ref().ok()?;
        Some(self.standing.told(offer, Some(moving)))
    }

    /// Why no rollout of it reaches the node.
    pub(crate) fn left_out(&self) -> Option<String> {
        match (&self.verdict, &self.assigned) {
            (Verdict::Loses { to }, _) => Some(format!("deployment {to} has the instance there")),
            (Verdict::Crowded, _) => Some("there is no room for it there".to_owned()),
            (_, assigned) if assigned.pinned => Some("it is pinned".to_owned()),
            (Verdict::Wins(_) | Verdict::Void(_), _) => None,
        }
    }

    /// Whether it has the instance on the node, whatever it gives.
    pub(crate) fn has_instance(&self) -> bool {
        matches!(self.verdict, Verdict::Wins(_) | Verdict::Void(_))
    }
}

/// The oldest other deployment that wants the instance of `new` on one of `nodes`, and that node.
/// `standings` come oldest first.
pub(crate) fn rival<'a>(
    new: &Standing,
    standings: &'a [Arc<Standing>],
    nodes: &(impl Iterator<Item = Candidate<'a>> + Clone),
) -> Option<(&'a Standing, &'a str)> {
    let wants_the_same = |other: &&Arc<Standing>| {
        other.deployment != new.deployment && other.instance == new.instance
    };
    standings.iter().filter(wants_the_same).find_map(|other| {
        let both =
            |node: &Candidate<'_>| new.selector.matches(*node) && other.selector.matches(*node);
        nodes.clone().find(both).map(|node| (&**other, node.node))
    })
}

#[cfg(test)]
#[path = "desired/tests.rs"]
mod tests;
