//! One transition of a rollout, kept: the row, its deployment, the timeline and the audit, in one
//! transaction. Called by what drives rollouts and by the routes.
//! Must never write over a transition that the caller had not seen.

use api::registry::{RolloutCounts, RolloutPhase, Transition};
use rollout::{Input, State};
use serde_json::json;

use crate::access;
use crate::db::audit::Entry;
use crate::db::{self, DbError, Write};
use crate::fleet::moving::Moving;

/// Who is the cause of a transition.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Somebody asked for it.
    Caller(access::Who),
    /// The rollout itself.
    Registry,
}

/// A transition that somebody asks for.
pub(crate) struct Asked {
    /// What.
    pub(crate) input: Input,
    /// Such as `rollout.pause`.
    pub(crate) what: &'static str,
}

impl Who {
    fn name(&self) -> &str {
        match self {
            Self::Caller(who) => &who.name,
            Self::Registry => "registry",
        }
    }

    fn entry(&self, at_ms: u64, what: &'static str, subject: String) -> Entry {
        match self {
            Self::Caller(who) => who.entry(at_ms, what, subject),
            Self::Registry => Entry {
                at_ms,
                who: self.name().to_owned(),
                what,
                subject,
                before: None,
                after: None,
                request: String::new(),
            },
        }
    }
}

/// Keeps the next state of a rollout. `None` where it is not as `before` any more: somebody was
/// faster.
///
/// # Errors
/// The database's.
pub(crate) async fn keep(
    write: &mut Write,
    before: &Moving,
    next: State,
    counts: RolloutCounts,
    (who, what): (&Who, &'static str),
    now_ms: u64,
) -> Result<Option<Moving>, DbError> {
    let ended = next.phase.is_end();
    let moved = Moving {
        counts: ended.then_some(counts),
        changed_ms: now_ms,
        revision: before.revision + 1,
        state: next,
        ..before.clone()
    };
    if !db::rollout::advance(write, &moved, stands(&moved)).await? {
        return Ok(None);
    }
    settle_deployment(write, before, &moved).await?;
    add(write, before, &moved, (who, what), now_ms).await?;
    Ok(Some(moved))
}

/// Whether it decides what some nodes are given.
fn stands(moving: &Moving) -> bool {
    match moving.state.phase {
        RolloutPhase::Scheduled
        | RolloutPhase::Preflight
        | RolloutPhase::Deploying
        | RolloutPhase::Baking
        | RolloutPhase::Gate
        | RolloutPhase::RollingBack => true,
        // Nodes stay with what they run.
        RolloutPhase::Aborted | RolloutPhase::Superseded => moving.state.bound > rollout::NOWHERE,
        RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete => false,
    }
}

/// What the deployment gives to nodes that no rollout reaches.
async fn settle_deployment(
    write: &mut Write,
    before: &Moving,
    moved: &Moving,
) -> Result<(), DbError> {
    let (was, is) = (before.state.phase, moved.state.phase);
    if is == RolloutPhase::Succeeded {
        let standing = db::deployment::by_name(write, &moved.deployment).await?;
        let Some(standing) = standing else {
            return Ok(());
        };
        let names_it = matches!(&standing.aim, Ok(offer) if offer.digest == moved.digest);
        let held = (!names_it).then_some(moved.version.as_str());
        db::deployment::hold(write, &moved.deployment, held).await?;
        db::rollout::clear(write, &moved.deployment, moved.number, None).await?;
    } else if was == RolloutPhase::Succeeded {
        let from = moved.from_version.as_deref().unwrap_or_default();
        db::deployment::hold(write, &moved.deployment, Some(from)).await?;
    }
    if is == RolloutPhase::RollingBack && was != is {
        // An older rollout that brought the same release does not bring it again.
        let digest = Some(moved.digest.as_str());
        db::rollout::clear(write, &moved.deployment, moved.number, digest).await?;
    }
    Ok(())
}

/// The timeline and the audit of a transition.
///
/// # Errors
/// The database's.
pub(super) async fn add(
    write: &mut Write,
    before: &Moving,
    moved: &Moving,
    (who, what): (&Who, &'static str),
    now_ms: u64,
) -> Result<(), DbError> {
    let transition = Transition {
        revision: moved.revision,
        at_ms: now_ms,
        who: who.name().to_owned(),
        phase: moved.state.phase,
        wave: u32::try_from(moved.state.wave()).unwrap_or(u32::MAX),
        because: because(&moved.state).to_owned(),
    };
    db::rollout::add_transition(write, moved.number, &transition).await?;
    let stands = |state: &State| {
        json!({
            "phase": state.phase,
            "wave": state.wave(),
            "paused": state.paused.as_ref().map(|pause| &pause.because),
            "because": state.because,
        })
    };
    let mut entry = who.entry(
        now_ms,
        what,
        format!("{}#{}", moved.deployment, moved.number),
    );
    entry.before = (before.revision != moved.revision).then(|| stands(&before.state));
    entry.after = Some(stands(&moved.state));
    db::audit::add(write, &entry).await
}

/// Why it stands where it stands.
pub(super) fn because(state: &State) -> &str {
    match &state.paused {
        Some(pause) => &pause.because,
        None => &state.because,
    }
}

/// What comes of asking a rollout for something, where its nodes are as `seen`.
///
/// # Errors
/// The machine's: it is not possible where the rollout stands.
pub(crate) fn ask(
    moving: &Moving,
    seen: &[rollout::Seen<'_>],
    input: Input,
    now_ms: u64,
) -> Result<(State, RolloutCounts), rollout::Refused> {
    let next = rollout::step(&moving.state, &moving.plan, seen, input, now_ms)?;
    let counts = rollout::count(&next, seen).counts;
    Ok((next, counts))
}

/// What people ask of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Press {
    /// To do nothing for now.
    Pause,
    /// To go on.
    Resume,
    /// To pass the gate.
    Promote,
    /// To end it.
    Abort,
    /// To take it back.
    RollBack,
}

/// What the machine lets be asked of a rollout where it stands: its refusals do not depend on nodes.
/// Whether one that has ended is still the last of its deployment is not its to know.
pub(crate) fn possible(moving: &Moving) -> Vec<Press> {
    let because = String::new;
    let asked = [
        (Press::Resume, Input::Resume),
        (Press::Promote, Input::Promote),
        (Press::Pause, Input::Pause { because: because() }),
        (Press::RollBack, Input::RollBack { because: because() }),
        (Press::Abort, Input::Abort),
    ];
    let (state, plan, now_ms) = (&moving.state, &moving.plan, moving.changed_ms);
    let asked = asked.into_iter();
    let may =
        asked.filter(|(_, input)| rollout::step(state, plan, &[], input.clone(), now_ms).is_ok());
    may.map(|(press, _)| press).collect()
}
