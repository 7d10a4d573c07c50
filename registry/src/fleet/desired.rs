//! What a node should run: a pure function of what it told, of the deployments with the releases
//! they give, and of the floors. Called by `fleet` for each node that a change may concern.
//! The order is fixed (instances by name, floors by payload), so the same state gives the same
//! bytes. Must never depend on anything but its arguments.

mod explain;
mod give;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::registry::{DeploymentSpec, Desired, INSTANCES_MAX, InstanceReport, Wanted};
use payload::name::Version;

use super::selector::{Candidate, Selector};
pub(crate) use explain::{Circumstances, explain};
pub(crate) use give::{Given, Ingredients, Offer, Void};

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
    /// The release that it gives, or why it gives none.
    pub(crate) given: Given,
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
    /// The node has [`INSTANCES_MAX`] instances of older deployments already.
    Crowded,
}

/// One deployment that names the node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    /// The deployment.
    pub(crate) standing: Arc<Standing>,
    /// What became of it.
    pub(crate) verdict: Verdict,
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

impl Plan {
    /// Decides for one node. `standings` come oldest first. A deployment without a release keeps
    /// its instance: the node runs nothing there rather than what a younger one wants.
    pub(crate) fn of(node: Candidate<'_>, standings: &[Arc<Standing>]) -> Self {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        let named = standings.iter().filter(|one| one.selector.matches(node));
        let claims = named.map(|standing| {
            let verdict = if let Some(to) = taken.get(standing.instance.as_str()) {
                Verdict::Loses {
                    to: (*to).to_owned(),
                }
            } else if taken.len() == INSTANCES_MAX {
                Verdict::Crowded
            } else {
                taken.insert(&standing.instance, &standing.deployment);
                match &standing.given {
                    Ok(offer) => Verdict::Wins(Arc::clone(offer)),
                    Err(void) => Verdict::Void(void.clone()),
                }
            };
            Claim {
                standing: Arc::clone(standing),
                verdict,
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

    /// The answer to `GET /nodes/{node}/desired`. Floors of payloads that are named but give
    /// nothing go along: a floor may be the reason.
    pub(crate) fn desired(&self, node: &str, poll_ms: u64, floors: &Floors) -> Desired {
        let payloads: BTreeSet<&String> = self
            .claims
            .iter()
            .map(|claim| &claim.standing.spec.payload)
            .collect();
        let floors = payloads
            .into_iter()
            .filter_map(|payload| floors.get(payload));
        Desired {
            node: node.to_owned(),
            poll_ms,
            instances: self.wanted(),
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
    fn wanted(&self) -> Option<Wanted> {
        let Verdict::Wins(offer) = &self.verdict else {
            return None;
        };
        let standing = &self.standing;
        Some(Wanted {
            instance: standing.instance.clone(),
            deployment: standing.deployment.clone(),
            payload: standing.spec.payload.clone(),
            version: offer.version.to_string(),
            digest: offer.digest.clone(),
            size_bytes: offer.size_bytes,
            envelope: offer.envelope.clone(),
            globals: standing.spec.globals.clone(),
            targets: standing.spec.targets.clone(),
        })
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
