//! What a node refused last, by instance: kept from its outcomes, for lists and counts. Called by
//! `memory` and `desired`.
//! Must never hold more than the bound, nor a verifier's log.

use std::collections::BTreeMap;

use api::registry::{Outcome, OutcomeKind, Refused, Wanted};

use crate::limits::OUTCOMES_KEPT_MAX;

/// Instances of a node whose latest outcome is a refusal.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_instance: BTreeMap<String, Refusal>,
    /// The highest serial that was taken in.
    serial: u64,
}

#[derive(Debug)]
struct Refusal {
    serial: u64,
    digest: String,
    kind: OutcomeKind,
    because: String,
}

/// Whether a node that says so waits for something else to run: it tries the others again.
pub(crate) fn is_refusal(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::SignatureRejected
        | OutcomeKind::BelowFloor
        | OutcomeKind::PolicyRefused
        | OutcomeKind::Incompatible
        | OutcomeKind::LoadRejected
        | OutcomeKind::RolledBack => true,
        OutcomeKind::Started
        | OutcomeKind::Updated
        | OutcomeKind::Staged
        | OutcomeKind::Committed
        | OutcomeKind::Stopped
        | OutcomeKind::FetchFailed
        | OutcomeKind::Failed => false,
    }
}

impl Refusals {
    /// Takes in what happened, in any order; what was taken in before changes nothing.
    pub(super) fn take(&mut self, outcomes: &[Outcome]) {
        let mut new: Vec<&Outcome> = outcomes
            .iter()
            // What is only staged says nothing of what should run.
            .filter(|outcome| outcome.serial > self.serial && !outcome.staging)
            .collect();
        new.sort_by_key(|outcome| outcome.serial);
        for outcome in new {
            self.serial = outcome.serial;
            if !is_refusal(outcome.kind) {
                self.by_instance.remove(&outcome.instance);
                continue;
            }
            let because = outcome.problem.as_ref().map(ToString::to_string);
            let refusal = Refusal {
                serial: outcome.serial,
                digest: outcome.digest.clone(),
                kind: outcome.kind,
                because: because.unwrap_or_default(),
            };
            self.by_instance.insert(outcome.instance.clone(), refusal);
        }
        // As many as the database keeps outcomes of a node.
        let oldest = self.serial.saturating_sub(u64::from(OUTCOMES_KEPT_MAX));
        self.by_instance.retain(|_, one| one.serial > oldest);
    }

    /// The refusal of exactly this file under this instance.
    pub(super) fn of(&self, wanted: &Wanted) -> Option<Refused> {
        let refusal = self.by_instance.get(&wanted.instance)?;
        (refusal.digest == wanted.digest).then(|| Refused {
            instance: wanted.instance.clone(),
            version: wanted.version.clone(),
            kind: refusal.kind,
            because: refusal.because.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use api::problem::Problem;

    use super::*;

    fn outcome(serial: u64, instance: &str, kind: OutcomeKind) -> Outcome {
        let problem = Problem::new(422, "refused", "no").with_log("R1");
        Outcome {
            serial,
            at_ms: 0,
            instance: instance.to_owned(),
            kind,
            payload: "acme/a".to_owned(),
            version: None,
            digest: "sha256:1".to_owned(),
            proof: None,
            problem: Some(Box::new(problem)),
            rollout: None,
            staging: false,
        }
    }

    fn wanted(instance: &str, digest: &str) -> Wanted {
        Wanted {
            instance: instance.to_owned(),
            deployment: "d".to_owned(),
            payload: "acme/a".to_owned(),
            version: "1.0.0".to_owned(),
            digest: digest.to_owned(),
            size_bytes: 1,
            envelope: None,
            globals: BTreeMap::new(),
            targets: BTreeMap::new(),
            rollout: None,
        }
    }

    #[test]
    fn the_latest_outcome_of_an_instance_counts_for_its_file_alone() {
        let mut refusals = Refusals::default();
        let refused = outcome(2, "a", OutcomeKind::LoadRejected);
        refusals.take(&[refused.clone(), outcome(1, "a", OutcomeKind::Started)]);
        let of = |refusals: &Refusals, digest| refusals.of(&wanted("a", digest));
        assert_eq!(
            of(&refusals, "sha256:1").map(|one| one.because),
            Some("refused: no".to_owned())
        );
        assert_eq!(of(&refusals, "sha256:2"), None);
        assert_eq!(refusals.of(&wanted("b", "sha256:1")), None);
        refusals.take(&[outcome(3, "a", OutcomeKind::Failed)]);
        assert_eq!(of(&refusals, "sha256:1"), None, "it is tried again");
        // A batch whose answer was lost comes once more.
        refusals.take(&[refused]);
        assert_eq!(of(&refusals, "sha256:1"), None);
    }

    #[test]
    fn refusals_of_a_node_are_bounded() {
        let mut refusals = Refusals::default();
        for serial in 1..1000 {
            let name = format!("a{serial}");
            refusals.take(&[outcome(serial, &name, OutcomeKind::PolicyRefused)]);
        }
        let kept = u32::try_from(refusals.by_instance.len());
        assert_eq!(kept, Ok(OUTCOMES_KEPT_MAX));
        assert!(refusals.of(&wanted("a999", "sha256:1")).is_some());
    }
}
