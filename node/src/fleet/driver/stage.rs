//! The parts of staging, begun, and what came of them. A part of the driver.
//! Must never run what is to be staged.

use std::sync::Arc;

use api::problem::Problem;
use api::registry::OutcomeKind;
use tokio::task::{JoinError, spawn_blocking};

use super::super::calls::FetchError;
use super::super::job::Fault;
use super::super::machine::{Input, Prepare, Prepared};
use super::super::target::Target;
use super::super::{Event, calls, job};
use super::{Driver, Shared};

/// How a part of staging went.
pub(in super::super) enum StagingEvent {
    Fetched(Result<(), FetchError>),
    /// Whether it stays loaded.
    Loaded(Box<Result<bool, Fault>>),
    LetGo,
}

impl Driver {
    pub(super) fn stage(&mut self, target: Arc<Target>, prepare: Prepare) {
        match prepare {
            Prepare::Fetch => {
                // As for what is to run: before the file is heard of.
                self.disk.lacks_state = true;
                self.fetch_to_stage(target);
            }
            Prepare::GiveUp => {
                let problem = super::ends::died_of_it();
                self.not_staged(&target, OutcomeKind::Failed, problem);
            }
            Prepare::Load => self.load(target),
            Prepare::Tell => self.tell_staged(&target),
            Prepare::Refuse { floor } => {
                let problem = super::act::below_floor(&target, &floor);
                self.not_staged(&target, OutcomeKind::BelowFloor, problem);
            }
            Prepare::LetGo => self.let_go(target),
        }
    }

    fn fetch_to_stage(&mut self, target: Arc<Target>) {
        let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
        self.begin(async move {
            let Shared { store, turns, .. } = &*shared;
            let fetched = calls::fetch(store, turns, client.as_deref(), &target).await;
            Event::Staging(target, StagingEvent::Fetched(fetched))
        });
    }

    fn load(&mut self, target: Arc<Target>) {
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let of = Arc::clone(&target);
            let loaded = spawn_blocking(move || job::stage(&shared.bench(), &of));
            let died = |error: JoinError| Err(Fault::Died(error.to_string()));
            let loaded = Box::new(loaded.await.unwrap_or_else(died));
            Event::Staging(target, StagingEvent::Loaded(loaded))
        });
    }

    fn let_go(&mut self, target: Arc<Target>) {
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let of = Arc::clone(&target);
            let let_go = spawn_blocking(move || job::unstage(&shared.config.engine, &of));
            // One that died has let go of what it held.
            let _ = let_go.await;
            Event::Staging(target, StagingEvent::LetGo)
        });
    }

    pub(super) fn hear_of_staging(&mut self, target: &Arc<Target>, event: StagingEvent) {
        let prepared = match event {
            StagingEvent::Fetched(Ok(())) => Prepared::Fetched,
            StagingEvent::Fetched(Err(error)) => {
                self.not_staged(target, error.kind(), error.to_problem());
                Prepared::FetchFailed(error.failure())
            }
            StagingEvent::Loaded(loaded) => match *loaded {
                Ok(held) => {
                    self.tell_staged(target);
                    Prepared::Loaded { held }
                }
                Err(fault) => {
                    self.not_staged(target, fault.kind(), fault.to_problem());
                    let again = fault.may_pass();
                    Prepared::LoadFailed { again }
                }
            },
            StagingEvent::LetGo => Prepared::LetGo,
        };
        self.tell(Input::Staging(target.instance.clone(), prepared));
    }

    fn tell_staged(&mut self, target: &Arc<Target>) {
        self.not_staged.remove(&target.instance);
        let mut outcome = self.outcome(target, OutcomeKind::Staged);
        outcome.staging = true;
        self.add(outcome);
    }

    /// Tells why something is not staged, unless that was told last.
    fn not_staged(&mut self, target: &Arc<Target>, kind: OutcomeKind, problem: Problem) {
        let problem = super::hear::shortened(problem);
        let told = (target.rollout(), problem.clone());
        let before = self
            .not_staged
            .insert(target.instance.clone(), told.clone());
        if before.as_ref() == Some(&told) {
            return;
        }
        let mut outcome = self.outcome(target, kind);
        outcome.staging = true;
        outcome.problem = Some(Box::new(problem));
        self.add(outcome);
    }
}
