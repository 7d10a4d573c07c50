//! One node of the memory: when it was heard, what it refused, what it should run. A part of `memory`.
//! Must never take a clock that was set back for silence.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::registry::{InstanceRate, InstanceReport, Refused};

use super::super::desired::{Claim, Floors, Plan, Standing};
use super::super::pace::Pace;
use super::super::selector::Candidate;
use super::{Known, OVERTAKEN_MS_MAX, body, digest};

impl Known {
    pub(in crate::fleet) fn seen_ms(&self) -> u64 {
        self.seen_ms.load(Ordering::Relaxed)
    }

    /// Decides what it should run. Whether that is something else than before.
    pub(super) fn decide(
        &mut self,
        node: &str,
        (standings, floors): (&[Arc<Standing>], &Floors),
        poll_ms: u64,
    ) -> bool {
        let facts = &self.facts;
        let told = (&self.marks, self.instances.as_slice());
        self.plan = Plan::of(Candidate { node, facts }, told, standings, floors);
        self.settled = self.plan.settled(&self.instances);
        let etag = digest(&body(&self.plan.desired(node, poll_ms, floors)));
        let changed = etag != self.etag;
        self.etag = etag;
        changed
    }

    pub(in crate::fleet) fn joined_ms(&self) -> u64 {
        self.joined_ms.load(Ordering::Relaxed)
    }

    /// Notes that the node was heard.
    pub(super) fn heard(&self, now_ms: u64) {
        let heard = |before| Some(later(before, now_ms));
        // It always gives a time.
        let _ = (self.seen_ms).fetch_update(Ordering::Relaxed, Ordering::Relaxed, heard);
    }

    /// What of its plan the node refused, by instance.
    pub(super) fn refused(&self) -> Vec<Refused> {
        let claims = self.plan.claims().iter();
        let mut refused: Vec<Refused> = claims.filter_map(|claim| self.refusal(claim)).collect();
        refused.sort_by(|a, b| a.instance.cmp(&b.instance));
        refused
    }

    /// The refusal of what a deployment gives, unless the node runs it all the same.
    pub(in crate::fleet) fn refusal(&self, claim: &Claim) -> Option<Refused> {
        let wanted = claim.wanted()?;
        let mut instances = self.instances.iter();
        let runs = instances.any(|report| {
            report.managed && report.instance == wanted.instance && report.digest == wanted.digest
        });
        if runs {
            return None;
        }
        self.refusals.of(&wanted)
    }

    /// Payload and version of what it runs, each once.
    pub(in crate::fleet) fn releases(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.instances.as_slice();
        let first = |(index, report): &(usize, &InstanceReport)| {
            let same = |before: &InstanceReport| {
                before.payload == report.payload && before.version == report.version
            };
            !all[..*index].iter().any(same)
        };
        all.iter().enumerate().filter(first).map(|(_, report)| {
            let version = report.version.as_deref().unwrap_or_default();
            (report.payload.as_str(), version)
        })
    }

    /// What it reported last, and how that counts.
    pub(super) fn reported(&self) -> (&[InstanceReport], &[Pace]) {
        (&self.instances, &self.paces)
    }

    /// How fast its instances count, as far as that is known.
    pub(in crate::fleet) fn rates(&self) -> Vec<InstanceRate> {
        let paces = self.instances.iter().zip(&self.paces);
        paces
            .filter_map(|(report, pace)| pace.told(&report.instance))
            .collect()
    }

    pub(super) fn distinct(&self, what: fn(&InstanceReport) -> &String) -> BTreeSet<&str> {
        self.instances
            .iter()
            .map(|report| what(report).as_str())
            .collect()
    }
}

/// The later of when a node was heard and now; now where the clock was set back in between.
fn later(before_ms: u64, now_ms: u64) -> u64 {
    if before_ms > now_ms.saturating_add(OVERTAKEN_MS_MAX) {
        now_ms
    } else {
        before_ms.max(now_ms)
    }
}
