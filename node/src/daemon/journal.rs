//! What the daemon tells on standard error: every change with who asked for it, every refusal.
//! Used by the state of a connection and by the listeners.
//! Must never let callers who may not come in fill the disk of whoever keeps it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use api::node::{Applied, Instance};
use payload::name::InstanceName;

use super::limits::JOURNAL_REST;
use super::refusal::Refusal;
use crate::door::{Caller, Closed, Via};
use crate::output::Output;

/// Where changes and refusals are told.
pub(super) struct Journal {
    output: Output,
    doors: Mutex<Doors>,
}

/// What was told last about callers that were not let in.
#[derive(Default)]
struct Doors {
    told: Option<Instant>,
    untold: u64,
}

impl Journal {
    /// A journal on standard error.
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            doors: Mutex::default(),
        }
    }

    /// A start or a hot update.
    pub(super) fn applied(&self, caller: Caller, applied: &Applied) {
        let proof = &applied.proof;
        let what = match &proof.from {
            None => format!("started, {}", proof.to.digest),
            Some(from) => format!(
                "generation {} replaced, now {}",
                from.generation, proof.to.digest
            ),
        };
        self.changed(caller, &what, &applied.instance);
    }

    /// Any other change of an instance.
    pub(super) fn changed(&self, caller: Caller, what: &str, instance: &Instance) {
        let (name, generation) = (&instance.name, instance.generation);
        self.output.journal(&format!(
            "{}: {name} (generation {generation}): {what}",
            who(caller)
        ));
    }

    /// What was left of an instance, and nobody had gone on with, was let go.
    pub(super) fn discarded(&self, caller: Caller, name: &InstanceName) {
        let who = who(caller);
        self.output
            .journal(&format!("{who}: {name}: what was left of it is stopped"));
    }

    /// A payload that was not let in, or that can't run.
    pub(super) fn refused(&self, caller: Caller, refusal: &Refusal) {
        self.output
            .journal(&format!("{}: refused: {}", who(caller), refusal.detail()));
    }

    /// A caller that was not let in: told now and then, with how many there were meanwhile.
    pub(super) fn closed(&self, closed: &Closed, now: Instant) {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        if doors
            .told
            .is_some_and(|told| now.saturating_duration_since(told) < JOURNAL_REST)
        {
            doors.untold += 1;
            return;
        }
        let before = std::mem::take(&mut doors.untold);
        doors.told = Some(now);
        drop(doors);
        let more = if before > 0 {
            format!(" (and {before} more before)")
        } else {
            String::new()
        };
        self.output.journal(&format!("not let in: {closed}{more}"));
    }
}

fn who(caller: Caller) -> String {
    match caller.via {
        Via::Unix => format!("user id {} by unix socket", caller.uid),
        Via::Tcp { .. } => format!("user id {} by TCP", caller.uid),
    }
}
