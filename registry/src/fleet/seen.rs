//! The nodes of a rollout as its machine sees them: what the fleet's memory knows, put into the
//! machine's words. Called by what drives rollouts and by what shows them.
//! Must never see a node that is pinned, or where another deployment has the instance.

use api::node::Measured;
use api::registry::InstanceReport;
use rollout::{Runs, Sample, Seen, Staged};

use super::memory::{Known, Memory};
use super::moving::{Marks, Moving};
use crate::fleet::desired::{Claim, is_of};

/// A node that a deployment's selector names.
pub(crate) struct Meant<'a> {
    /// Its name.
    pub(crate) node: &'a str,
    /// Whether it was heard lately.
    pub(crate) online: bool,
    /// Why no rollout reaches it.
    pub(crate) left_out: Option<String>,
}

/// The nodes of a rollout with what else is known of them, for as long as nothing changes.
pub(crate) struct Sight<'a> {
    memory: &'a Memory,
    /// Its nodes, by name.
    pub(crate) seen: Vec<Seen<'a>>,
}

impl<'a> Sight<'a> {
    /// The kernel of a node; empty where it is not known any more.
    pub(crate) fn kernel(&self, node: &str) -> &'a str {
        let known = self.memory.nodes.get(node);
        known.map_or("", |known| known.facts.kernel.as_str())
    }

    /// What a node told of a rollout that decides something.
    pub(crate) fn told(&self, node: &str, rollout: u64) -> Option<&'a Marks> {
        self.memory.nodes.get(node)?.marks.get(&rollout)
    }

    /// What all nodes told of it, by name.
    pub(crate) fn all_told(&self, rollout: u64) -> impl Iterator<Item = (&'a str, &'a Marks)> {
        self.memory
            .nodes
            .iter()
            .filter_map(move |(node, known)| Some((node.as_str(), known.marks.get(&rollout)?)))
    }
}

impl Memory {
    /// What is known of a rollout's nodes.
    pub(super) fn sight<'a>(&'a self, moving: &Moving, now_ms: u64) -> Sight<'a> {
        Sight {
            memory: self,
            seen: self.seen(moving, now_ms),
        }
    }

    /// The nodes that a deployment's selector names.
    pub(super) fn named(&self, deployment: &str, now_ms: u64) -> Vec<Meant<'_>> {
        let nodes = self.nodes.iter().filter_map(|(node, known)| {
            let mut claims = known.plan.claims().iter();
            let claim = claims.find(|one| one.standing.deployment == deployment)?;
            Some(Meant {
                node,
                online: self.online(known, now_ms),
                left_out: claim.left_out(),
            })
        });
        nodes.collect()
    }

    /// The nodes that a rollout is for.
    pub(super) fn seen<'a>(&'a self, moving: &Moving, now_ms: u64) -> Vec<Seen<'a>> {
        self.meant(&moving.deployment)
            .map(|(node, known, claim)| self.seen_one(node, known, claim, moving, now_ms))
            .collect()
    }

    /// The nodes that a deployment is for, and that nobody pinned.
    pub(super) fn meant<'a>(
        &'a self,
        deployment: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Known, &'a Claim)> {
        self.nodes.iter().filter_map(move |(node, known)| {
            let mut claims = known.plan.claims().iter();
            let claim = claims.find(|one| one.standing.deployment == deployment)?;
            let is_meant = claim.has_instance() && !claim.assigned.pinned;
            is_meant.then_some((node.as_str(), known, claim))
        })
    }

    fn seen_one<'a>(
        &self,
        node: &'a str,
        known: &Known,
        claim: &Claim,
        moving: &Moving,
        now_ms: u64,
    ) -> Seen<'a> {
        let marks = known.marks.get(&moving.number);
        let mut reports = known.instances.iter();
        let instance = &claim.standing.instance;
        let report = reports.find(|one| one.managed && one.instance == *instance);
        let runs = match report {
            Some(report) if report.digest == moving.digest && report.watched => Runs::Watched,
            Some(report) if report.digest == moving.digest => Runs::Committed,
            _ => Marks::ran(marks),
        };
        // It would have the very file by another way: it need not be asked.
        let by = claim.assigned.by.as_ref();
        let has_it = if by.is_some_and(|by| by.number == moving.number) {
            claim.assigned.had_it
        } else {
            is_of(&claim.assigned.given, &moving.digest)
        };
        Seen {
            node,
            place: moving.place(node),
            online: self.present(known, now_ms),
            heard_ms: known.seen_ms(),
            joined_ms: Some(known.joined_ms()).filter(|at_ms| *at_ms >= moving.state.wave_since_ms),
            staged: if has_it {
                Staged::Passed
            } else {
                Marks::staged(marks)
            },
            runs,
            keeps: has_it,
            sample: report.map(sample),
        }
    }
}

fn sample(report: &InstanceReport) -> Sample {
    let since = &report.since_flip;
    Sample {
        accepted: since.accepted,
        lost: match since.kernel_lost {
            Measured::Known(lost) => Some(lost),
            Measured::Unknown => None,
        },
        faults: since.handler_faults,
        runs: since.runs,
        run_ns: since.run_ns,
    }
}
