//! What calls and jobs tell, turned into what the machine is told, and into outcomes for the registry.
//! A part of the driver. Must never take an answer for true that its reading refuses.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use api::client::ClientError;
use api::node::Applied;
use api::problem::Problem;
use api::registry::{Outcome, OutcomeKind};
use payload::name::InstanceName;

use super::super::calls::{FetchError, failure_of};
use super::super::floors::Absorbed;
use super::super::job::Fault;
use super::super::machine::{Failure, Input, Why};
use super::super::store::Credential;
use super::super::target::{Answered, Asked, NotATarget, Target, targets_of};
use super::super::troubles::Concern;
use super::super::{Answer, Event, job};
use super::Driver;

/// Most bytes of a verifier's log in an outcome: its end says why.
const LOG_BYTES_MAX: usize = 64 << 10;

impl Driver {
    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Enrolled(Ok(enrolled)) => {
                let credential = Credential {
                    node: enrolled.node,
                    credential: enrolled.credential,
                };
                self.enrolled(credential);
                self.disk.lacks_credential = true;
            }
            Event::Enrolled(Err(error)) => {
                self.troubled(Concern::Credential, "not enrolled", error.to_string());
                self.tell(Input::EnrolFailed(error.failure()));
            }
            Event::Polled(answer) => self.polled(answer),
            Event::BellOpened => self.bell_open = true,
            Event::Rang(ring) => {
                self.tally.rings += 1;
                self.view(&ring.viewed);
                self.tell(Input::Rang {
                    spread_ms: ring.spread_ms,
                });
            }
            Event::BellClosed(error) => {
                self.bell_open = false;
                self.view(&[]);
                let again = Failure::Again {
                    retry_after_ms: None,
                };
                let failure = error.as_ref().map_or(again, failure_of);
                self.tell(Input::BellClosed(failure));
            }
            Event::Fetched(target, fetched) => self.fetched(&target, fetched),
            Event::Applied(target, applied) => self.applied(&target, *applied),
            Event::Staging(target, event) => self.hear_of_staging(&target, event),
            Event::Stopped {
                target,
                why,
                problem,
            } => self.stopped(&target, why, problem),
            Event::Reported { serial, sent } => self.reported(serial, sent),
        }
    }

    fn polled(&mut self, answer: Option<Result<Answer, ClientError>>) {
        let again = Failure::Again {
            retry_after_ms: None,
        };
        let input = match answer {
            Some(Ok(Some((desired, etag)))) => {
                let poll_ms = desired.poll_ms;
                // They are their publishers' word: they hold whatever else the answer says.
                self.absorb_floors(&desired.floors);
                match targets_of(&self.node(), desired) {
                    Ok(Answered {
                        instances,
                        staged,
                        refused,
                    }) => {
                        self.heard();
                        self.tell_unread(&refused);
                        let desired = self.state.desired();
                        forget(&mut self.problems, desired, &instances);
                        forget(&mut self.not_staged, self.state.staged(), &staged);
                        Input::Desired {
                            etag: Some(etag),
                            poll_ms,
                            instances,
                            staged,
                        }
                    }
                    Err(error) => {
                        let detail = format!("{error}; nothing is started or stopped for it");
                        let title = "the registry wants what can't be";
                        self.troubled(Concern::Desire, title, detail);
                        self.tally.polls_failed += 1;
                        Input::PollFailed(again)
                    }
                }
            }
            Some(Ok(None)) => {
                self.heard();
                Input::Unchanged
            }
            Some(Err(error)) => {
                let title = "the registry did not say what is wanted";
                self.troubled(Concern::Desire, title, error.to_string());
                self.tally.polls_failed += 1;
                Input::PollFailed(failure_of(&error))
            }
            None => Input::PollFailed(again),
        };
        self.tell(input);
    }

    fn heard(&mut self) {
        self.tally.polls += 1;
        self.heard_ms = Some(self.wall_ms());
        self.eased(Concern::Desire);
    }

    fn tell_unread(&mut self, refused: &[NotATarget]) {
        let title = "an instance that is wanted can't be";
        match first_of(refused) {
            None => self.eased(Concern::Instances),
            Some(told) => {
                let detail = format!("{told}; what ran there goes on, the rest is done");
                self.troubled(Concern::Instances, title, detail);
            }
        }
    }

    fn absorb_floors(&mut self, envelopes: &[String]) {
        let absorbed = {
            let shared = Arc::clone(&self.shared);
            let mut floors = shared.floors.lock().unwrap_or_else(PoisonError::into_inner);
            let absorbed = floors.absorb(envelopes, &shared.keys.keys());
            (absorbed, floors.minimums())
        };
        let (Absorbed { changed, refused }, minimums) = absorbed;
        self.tally.floors_refused += u64::try_from(refused.len()).unwrap_or(u64::MAX);
        match first_of(&refused) {
            None => self.eased(Concern::Floors),
            Some(told) => self.troubled(Concern::Floors, "a floor was not taken", told),
        }
        if changed {
            self.disk.lacks_floors = true;
            self.tell(Input::Floors(minimums));
        }
    }

    fn fetched(&mut self, target: &Arc<Target>, fetched: Result<(), FetchError>) {
        let name = target.instance.clone();
        match fetched {
            Ok(()) => self.tell(Input::Fetched(name)),
            Err(error) => {
                self.refused(target, error.kind(), error.to_problem());
                self.tell(Input::FetchFailed(name, error.failure()));
            }
        }
    }

    fn applied(&mut self, target: &Arc<Target>, applied: Result<Option<Applied>, Fault>) {
        let instance = target.instance.clone();
        match applied {
            Ok(None) => self.tell(Input::TooEarly(instance)),
            Ok(Some(applied)) => {
                let is_watched = applied.instance.watch.is_some();
                let kind = match applied.proof.from {
                    None => OutcomeKind::Started,
                    Some(_) => OutcomeKind::Updated,
                };
                self.problems.remove(&instance);
                let mut outcome = self.outcome(target, kind);
                outcome.proof = Some(Box::new(applied.proof));
                self.add(outcome);
                self.tell(Input::Applied {
                    instance,
                    to_commit: is_watched || target.rollout().is_some(),
                });
                // One that follows none is not watched.
                self.look_for_ends();
            }
            Err(fault) => {
                self.refused(target, fault.kind(), fault.to_problem());
                let again = fault.may_pass();
                self.tell(Input::ApplyFailed { instance, again });
            }
        }
    }

    fn stopped(&mut self, target: &Arc<Target>, why: Why, problem: Option<String>) {
        let mut outcome = self.outcome(target, OutcomeKind::Stopped);
        let reason = match (problem, why) {
            (Some(problem), _) => Some(problem),
            (None, Why::BelowFloor(floor)) => Some(format!(
                "{} {} is below the floor {floor}",
                target.payload, target.version
            )),
            (None, Why::Unwanted) => None,
        };
        outcome.problem = reason.map(|reason| Box::new(Problem::new(422, "stopped", reason)));
        self.problems.remove(&target.instance);
        self.add(outcome);
        self.tell(Input::Stopped(target.instance.clone()));
    }

    fn reported(&mut self, serial: Option<u64>, sent: Option<Result<(), ClientError>>) {
        let again = Failure::Again {
            retry_after_ms: None,
        };
        let input = match sent {
            Some(Ok(())) => {
                self.tally.reports += 1;
                self.eased(Concern::Report);
                if let Some(serial) = serial {
                    self.outbox.taken(serial);
                    self.disk.lacks_state = true;
                }
                Input::Reported {
                    more: self.outbox.waiting() > 0,
                }
            }
            Some(Err(error)) => {
                self.tally.reports_failed += 1;
                let title = "the registry did not take a report";
                self.troubled(Concern::Report, title, error.to_string());
                if let (Some(serial), true) = (serial, is_never_taken(&error)) {
                    self.outbox.give_up(serial);
                    self.disk.lacks_state = true;
                }
                Input::ReportFailed(failure_of(&error))
            }
            None => Input::ReportFailed(again),
        };
        self.tell(input);
    }

    /// Tells that something was refused or failed, unless that was told last.
    pub(super) fn refused(&mut self, target: &Arc<Target>, kind: OutcomeKind, problem: Problem) {
        let problem = shortened(problem);
        let name = target.instance.clone();
        let before = self.problems.insert(name, problem.clone());
        if before.as_ref() == Some(&problem) {
            return;
        }
        let mut outcome = self.outcome(target, kind);
        outcome.problem = Some(Box::new(problem));
        self.add(outcome);
    }

    pub(super) fn outcome(&self, target: &Target, kind: OutcomeKind) -> Outcome {
        Outcome {
            serial: 0,
            at_ms: self.wall_ms(),
            instance: target.instance.to_string(),
            kind,
            payload: target.payload.to_string(),
            version: Some(target.version.to_string()),
            digest: target.digest.to_string(),
            proof: None,
            problem: None,
            rollout: target.rollout(),
            staging: false,
        }
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        let (name, kind) = (&outcome.instance, outcome.kind.word());
        let version = outcome.version.as_deref().unwrap_or_default();
        let staging = if outcome.staging { "staging: " } else { "" };
        let mut text = format!("{name}: {staging}{kind}: {} {version}", outcome.payload);
        if let Some(problem) = &outcome.problem {
            text.push_str(": ");
            text.push_str(&problem.to_string());
        }
        self.journal(&text);
        *self.tally.outcomes.entry(kind).or_default() += 1;
        self.outbox.add(outcome);
        self.disk.lacks_state = true;
        self.tell(Input::News);
    }

    /// Says to the engine which deployments its instances run for by now.
    pub(super) fn adopt(&self) {
        for managed in self.state.managed().values().filter(|managed| managed.live) {
            let (engine, target) = (
                self.shared.config.engine.clone(),
                Arc::clone(&managed.target),
            );
            let owner = job::owner(&target);
            let shown = engine.instance(&target.instance);
            if shown.is_some_and(|shown| shown.owner != owner) {
                // It waits while a verifier works on this instance.
                tokio::task::spawn_blocking(move || engine.adopt(&target.instance, &owner));
            }
        }
    }
}

/// What was refused of something else than what is asked for now is no matter any more.
fn forget<Told>(
    told: &mut BTreeMap<InstanceName, Told>,
    before: &BTreeMap<InstanceName, Arc<Target>>,
    asked: &Asked,
) {
    let as_before = |name: &InstanceName| {
        let mut now = asked.targets.iter();
        match (now.find(|now| now.instance == *name), before.get(name)) {
            (None, before) => asked.unread.may_be(name) || before.is_none(),
            (Some(now), Some(before)) => now.asks_as(before),
            (Some(_), None) => false,
        }
    };
    told.retain(|name, _| as_before(name));
}

/// The first of several reasons, and how many there are.
fn first_of<T: ToString>(reasons: &[T]) -> Option<String> {
    let first = reasons.first()?.to_string();
    Some(match reasons.len() - 1 {
        0 => first,
        more => format!("{first}; and {more} more"),
    })
}

/// Whether the same batch would be refused again and again.
fn is_never_taken(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { problem, .. } => matches!(problem.status, 400 | 413 | 415 | 422),
        _ => false,
    }
}

pub(super) fn shortened(mut problem: Problem) -> Problem {
    if let Some(log) = &mut problem.log
        && log.len() > LOG_BYTES_MAX
    {
        let mut from = log.len() - LOG_BYTES_MAX;
        while !log.is_char_boundary(from) {
            from += 1;
        }
        *log = log.split_off(from);
    }
    problem
}
