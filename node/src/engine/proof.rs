//! The report of a start or an update, from what is known of both generations. Pure.

use std::time::Duration;

use api::node::{HandlerProof, HookProof, MapProof, Measured, Proof, Steps};

use super::prepare::PlannedHook;
use super::view::Shown;
use crate::instance::feed::Turned;
use crate::instance::handling::Begun;
use crate::kernel::hook::Strategy;

/// How long the steps after preparing took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) armed: Duration,
    pub(super) flip: Duration,
    pub(super) grace: Duration,
    pub(super) drain: Duration,
    pub(super) pause: Duration,
    pub(super) retire: Duration,
}

impl Times {
    /// The steps of preparing, completed.
    pub(super) fn added_to(self, prepared: Steps) -> Steps {
        Steps {
            arm_us: micros(self.armed),
            flip_ns: u64::try_from(self.flip.as_nanos()).unwrap_or(u64::MAX),
            grace_us: micros(self.grace),
            drain_us: micros(self.drain),
            pause_us: micros(self.pause),
            retire_us: micros(self.retire),
            ..prepared
        }
    }
}

/// Whole microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The proof of a first start.
pub(super) fn start(
    shown: &Shown,
    hooks: &[PlannedHook],
    maps: Vec<MapProof>,
    at_us: u64,
) -> Proof {
    Proof {
        instance: String::new(),
        from: None,
        to: shown.id.clone(),
        at_us,
        steps: Steps::default(),
        hooks: hooks.iter().map(|planned| hook(planned, "new")).collect(),
        maps,
        handler: None,
        rings: Vec::new(),
        events_before: 0,
        drained: 0,
        falls_through: 0,
        lost: Measured::Known(0),
        room: None,
        duplicated: Measured::Known(0),
        rolled_back: None,
    }
}

/// The proof of an update; sums and times are the caller's to add. Its `lost` is unknown where a
/// hook may have missed events, else 0.
pub(super) fn update(
    old: (&Shown, &[PlannedHook]),
    new: (&Shown, &[PlannedHook]),
    maps: Vec<MapProof>,
    at_us: u64,
) -> Proof {
    let has = |hooks: &[PlannedHook], wanted: &PlannedHook| {
        hooks.iter().any(|planned| planned.hook == wanted.hook)
    };
    let mut hooks: Vec<HookProof> = Vec::new();
    for planned in new.1 {
        hooks.push(hook(
            planned,
            if has(old.1, planned) { "kept" } else { "new" },
        ));
    }
    for planned in old.1.iter().filter(|planned| !has(new.1, planned)) {
        hooks.push(hook(planned, "gone"));
    }
    // Behind a switch a run goes through one lane, and a link has one program: only where two
    // programs were attached beside each other may both have seen an event.
    let switched = |planned: &PlannedHook| planned.hook.strategy() == Strategy::Switch;
    let overlapped = |planned: &PlannedHook| {
        let kept = planned.hook.strategy() == Strategy::Overlap && has(old.1, planned);
        // The same place in another way: attached beside each other too.
        let otherwise = old.1.iter().any(|before| {
            before.hook != planned.hook
                && before.hook.same_place(&planned.hook)
                && !(switched(before) && switched(planned))
        });
        kept || otherwise
    };
    let duplicated = if new.1.iter().any(overlapped) {
        Measured::Unknown
    } else {
        Measured::Known(0)
    };
    // A grace period ends neither a function's run nor a sleep.
    let missed = |planned: &PlannedHook| {
        let hook = &planned.hook;
        overlapped(planned) && (hook.fires_on_return() || hook.may_sleep())
    };
    let lost = if new.1.iter().any(missed) {
        Measured::Unknown
    } else {
        Measured::Known(0)
    };
    Proof {
        from: Some(old.0.id.clone()),
        duplicated,
        lost,
        hooks,
        ..start(new.0, &[], maps, at_us)
    }
}

/// How the handler took over; `alone` where programs and maps stayed as they were.
pub(super) fn handler(turned: &Turned, alone: bool) -> Option<HandlerProof> {
    let (state, reason) = match turned {
        Turned::None => return None,
        Turned::Begun(Begun::Carried) => ("carried", None),
        Turned::Begun(Begun::Fresh(reason)) => ("fresh", Some((*reason).to_owned())),
        Turned::Begun(Begun::Anew(reason)) => ("fresh", Some(reason.clone())),
        Turned::Kept => ("kept", None),
        Turned::Failed(reason) => ("failed", Some(reason.clone())),
    };
    Some(HandlerProof {
        state: state.to_owned(),
        reason,
        alone,
    })
}

fn hook(planned: &PlannedHook, change: &str) -> HookProof {
    HookProof {
        program: planned.program.clone(),
        kind: planned.hook.kind_name().to_owned(),
        target: planned.hook.target_name(),
        strategy: planned.hook.strategy().word().to_owned(),
        change: change.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A proof of a start of this generation, and nothing else.
    pub(in crate::engine) fn proof_to(to: api::node::GenerationId) -> Proof {
        let shown = Shown {
            payload: "local/a".to_owned(),
            trust: api::node::Trust::Unsigned,
            signers: Vec::new(),
            id: to,
            buffers: Vec::new(),
        };
        start(&shown, &[], Vec::new(), 0)
    }
}
