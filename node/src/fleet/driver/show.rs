//! How the node stands, put together for whoever looks.
//! A part of the driver. Must never show a secret.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use api::node::{Followed, Following, HeldFloor, Standing, Step};
use api::problem::Problem;
use payload::name::InstanceName;

use super::super::machine::{Phase, Staging, Work, has_failed};
use super::super::target::Target;
use super::Driver;

impl Driver {
    /// Shows how things are now.
    pub(super) fn show(&self) {
        self.watch.show(self.following(), &self.tally);
    }

    fn following(&self) -> Following {
        let keys = self.keys.clone();
        let floors = self
            .shared
            .floors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Following {
            registry: self.shared.config.registry.url.clone(),
            node: self.node(),
            standing: match self.state.link().phase() {
                Phase::Unenrolled => Standing::Unenrolled,
                Phase::Enrolling => Standing::Enrolling,
                Phase::Enrolled => Standing::Enrolled,
                Phase::Denied => Standing::Denied,
            },
            heard_ms: self.heard_ms,
            doorbell: self.bell_open,
            trouble: self.troubles.latest().cloned(),
            keys: keys.count,
            keys_trouble: keys.trouble,
            instances: self.followed(),
            staged: self.staged(),
            floors: floors
                .iter()
                .map(|(payload, held)| HeldFloor {
                    payload: payload.to_string(),
                    minimum_version: held.minimum_version.to_string(),
                    serial: held.serial,
                })
                .collect(),
            outcomes_waiting: u64::try_from(self.outbox.waiting()).unwrap_or(u64::MAX),
            outcomes_dropped: self.outbox.dropped(),
        }
    }

    fn followed(&self) -> Vec<Followed> {
        let mut names: BTreeSet<&InstanceName> = self.state.desired().keys().collect();
        names.extend(self.state.managed().keys());
        names
            .into_iter()
            .filter_map(|name| self.one(name))
            .collect()
    }

    fn one(&self, name: &InstanceName) -> Option<Followed> {
        let managed = self.state.managed().get(name);
        let wanted = self.state.desired().get(name);
        let target: &Arc<Target> = wanted.or(managed.map(|managed| &managed.target))?;
        let runs = managed.is_some_and(|managed| managed.live && managed.target.runs_as(target));
        let step = match self.state.work().get(name) {
            Some(Work::Fetching(..)) => Step::Fetching,
            Some(Work::Applying(..)) => Step::Loading,
            Some(Work::Stopping) => Step::Stopping,
            Some(Work::Resting { .. }) => Step::Waiting,
            Some(Work::Refused(_)) => Step::Refused,
            None if runs => Step::Running,
            None if has_failed(managed, target) => Step::Refused,
            None => Step::Queued,
        };
        Some(shown(target, step, self.problems.get(name)))
    }

    fn staged(&self) -> Vec<Followed> {
        let mut names: BTreeSet<&InstanceName> = self.state.staged().keys().collect();
        names.extend(self.state.staging().keys());
        let staged = names.into_iter().filter_map(|name| {
            let staging = self.state.staging().get(name);
            let wanted = self.state.staged().get(name);
            let target = staging.map(Staging::target).or(wanted)?;
            let step = match staging {
                None => Step::Queued,
                Some(Staging::Fetching(..)) => Step::Fetching,
                Some(Staging::Loading(..)) => Step::Loading,
                Some(Staging::Ready { .. }) => Step::Staged,
                Some(Staging::Resting { .. }) => Step::Waiting,
                Some(Staging::Refused(_)) => Step::Refused,
                Some(Staging::LettingGo(_)) => Step::Stopping,
            };
            let problem = self.not_staged.get(name).map(|(_, problem)| problem);
            Some(shown(target, step, problem))
        });
        staged.collect()
    }
}

fn shown(target: &Target, step: Step, problem: Option<&Problem>) -> Followed {
    Followed {
        instance: target.instance.to_string(),
        deployment: target.wanted.deployment.clone(),
        payload: target.payload.to_string(),
        version: target.version.to_string(),
        digest: target.digest.to_string(),
        step,
        problem: problem.cloned(),
    }
}
