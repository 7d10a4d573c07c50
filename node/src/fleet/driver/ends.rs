//! How the watches of what the registry brought have ended: the engine ends them by itself.
//! A part of the driver. Must never tell an end twice, nor one that is still under way.

use std::sync::Arc;

use api::node::Instance;
use api::problem::Problem;
use api::registry::OutcomeKind;
use payload::name::InstanceName;

use super::super::machine::{ATTEMPTS_MAX, Input, Managed, Work};
use super::super::target::Target;
use super::Driver;

/// How a watch ended.
enum End {
    /// The one before runs again.
    Back(String),
    /// The one before was let go of.
    Well,
}

impl Driver {
    /// Looks for watches that have ended.
    pub(super) fn look_for_ends(&mut self) {
        let engine = &self.shared.config.engine;
        // What is under way will be told by itself.
        let at_rest = |name: &InstanceName| {
            let work = self.state.work().get(name);
            !work.is_some_and(Work::is_under_way)
        };
        let managed = self.state.managed().iter();
        let ends = managed
            .filter(|(name, managed)| managed.live && at_rest(name))
            .filter_map(|(name, managed)| {
                let end = end_of(managed, &engine.instance(name)?)?;
                Some((Arc::clone(&managed.target), end))
            });
        let ends: Vec<(Arc<Target>, End)> = ends.collect();
        for (target, end) in ends {
            match end {
                End::Back(reason) => self.went_back(&target, reason),
                End::Well => {
                    let outcome = self.outcome(&target, OutcomeKind::Committed);
                    self.add(outcome);
                    self.tell(Input::Committed(target.instance.clone()));
                }
            }
        }
    }

    /// Takes in what the engine left because the last daemon died with it, before anything is begun.
    pub(super) fn leave_behind(&mut self) {
        let mut told = Vec::new();
        for left in self.shared.config.engine.take_left_behind() {
            let managed = self.state.managed().get(&left.instance);
            let target = managed.map(|managed| Arc::clone(&managed.target));
            // What was told in a life between is not told again.
            let target = target.filter(|target| target.digest.to_string() == left.digest);
            if let Some(target) = target {
                self.state.leave_behind(&left.instance);
                told.push((target, left.reason));
            }
        }
        for (target, reason) in told {
            self.tell_back(&target, reason);
        }
    }

    /// Takes in what was still watched when the daemon before was told to end, and of which the kernel has
    /// nothing any more: nobody watches it now, and started alone it would pass for well.
    pub(super) fn watch_anew(&mut self) {
        let engine = &self.shared.config.engine;
        let broken = self.state.managed().iter().filter(|(name, managed)| {
            managed.to_commit && managed.previous.is_some() && engine.instance(name).is_none()
        });
        let broken: Vec<InstanceName> = broken.map(|(name, _)| name.clone()).collect();
        for name in broken {
            self.state.watch_anew(&name);
        }
    }

    /// Tells that something is not begun any more, and whether what ran before it is.
    pub(super) fn gave_up(&mut self, target: &Arc<Target>, back: bool) {
        let problem = died_of_it();
        if back {
            self.tell_back(target, problem.to_string());
        } else {
            self.refused(target, OutcomeKind::Failed, problem);
        }
    }

    fn went_back(&mut self, target: &Arc<Target>, reason: String) {
        self.tell_back(target, reason);
        self.tell(Input::RolledBack(target.instance.clone()));
    }

    fn tell_back(&mut self, target: &Arc<Target>, reason: String) {
        let name = target.instance.clone();
        let problem = Problem::new(500, "gone back from", reason);
        self.problems.insert(name.clone(), problem.clone());
        let mut outcome = self.outcome(target, OutcomeKind::RolledBack);
        let proofs = self.shared.config.engine.proofs(&name).unwrap_or_default();
        outcome.proof = proofs.into_iter().next_back().map(Box::new);
        outcome.problem = Some(Box::new(problem));
        self.add(outcome);
    }
}

/// Why something is not begun any more.
pub(super) fn died_of_it() -> Problem {
    let detail = format!(
        "the daemon died {ATTEMPTS_MAX} times in a row while it was loaded; it is not tried again until \
         something else is asked for"
    );
    Problem::new(500, "given up", detail)
}

fn end_of(managed: &Managed, shown: &Instance) -> Option<End> {
    match &shown.rolled_back {
        Some(reason) if managed.previous.is_some() => Some(End::Back(reason.clone())),
        None if managed.to_commit && shown.watch.is_none() => {
            (shown.digest == managed.target.digest.to_string()).then_some(End::Well)
        }
        _ => None,
    }
}
