//! What rollouts and pins have to do with a node, in sentences: what it waits for, and when that will
//! be. Called by `explain`. Must never promise a time that depends on people.

use api::registry::RolloutPhase;
use rollout::{Staged, State};

use super::super::{Claim, Standing};
use super::Circumstances;
use crate::fleet::moving::{Marks, Moving};

/// The sentences about one deployment.
pub(super) fn sentences(claim: &Claim, circumstances: Circumstances<'_>) -> Vec<String> {
    let standing = &*claim.standing;
    if let Some(pinned) = standing.pins.get(circumstances.node) {
        let reason = match pinned.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        return vec![format!(
            "{} pinned this node to {}{reason}; no channel and no rollout moves it.",
            pinned.set_by, pinned.version
        )];
    }
    let Some(moving) = standing.moving() else {
        return left(claim, standing);
    };
    let mut said = vec![course(moving)];
    said.push(place(claim, moving, circumstances));
    said.extend(when(moving, circumstances.now_ms));
    said
}

/// Where no rollout goes on, but one that ended decides.
fn left(claim: &Claim, standing: &Standing) -> Vec<String> {
    if let Some(by) = &claim.assigned.by {
        return vec![format!(
            "Rollout {} to {} was ended behind this node ({}); it keeps {}.",
            by.number,
            by.version,
            by.state.phase.phrase(),
            by.version
        )];
    }
    match (&standing.held, &standing.given) {
        (Some(_), Ok(offer)) => vec![format!(
            "It holds {} until a rollout moves it: `packer rollout start {}`.",
            offer.version, standing.deployment
        )],
        (None | Some(_), _) => Vec::new(),
    }
}

fn course(moving: &Moving) -> String {
    let from = match &moving.from_version {
        Some(from) => format!(" from {from}"),
        None => String::new(),
    };
    let State { phase, paused, .. } = &moving.state;
    let (wave, waves) = (moving.state.wave(), moving.plan.waves.len());
    let at = match wave {
        0 => String::new(),
        wave => format!(", wave {wave} of {waves}"),
    };
    let (stands, because) = match paused {
        Some(pause) => ("paused", &pause.because),
        None => (phase.phrase(), &moving.state.because),
    };
    let (number, to) = (moving.number, &moving.version);
    format!("Rollout {number} moves it{from} to {to}; it is {stands}{at}: {because}.")
}

/// What the rollout has to do with this node.
fn place(claim: &Claim, moving: &Moving, circumstances: Circumstances<'_>) -> String {
    let version = &moving.version;
    let by = claim.assigned.by.as_ref().map(|by| by.number);
    if by == Some(moving.number) {
        return format!("It has reached this node: {version} may run here.");
    }
    if moving.state.phase == RolloutPhase::RollingBack {
        return format!("{version} is taken back from this node, if it ever ran here.");
    }
    let marks = circumstances.marks.get(&moving.number);
    let because = marks.and_then(|marks| marks.staged.as_ref());
    let because = because.map_or("", |mark| mark.because.as_str());
    match Marks::staged(marks) {
        Staged::NotYet if moving.stages() => format!(
            "This node is to load and verify {version} first, beside what it runs; it has not \
             told yet how that went."
        ),
        Staged::NotYet => format!("Nothing of {version} has come to this node yet."),
        Staged::Passed => match wave_of(moving, circumstances.node) {
            Some(wave) => {
                format!("This node has loaded and verified {version} and waits for wave {wave}.")
            }
            None => format!(
                "This node has loaded and verified {version} and waits for a wave, which depends \
                 on who can be reached then."
            ),
        },
        Staged::Incompatible => {
            format!("{version} can't run here ({because}), so this node is left out.")
        }
        Staged::Untrusted => format!("This node's own keys do not vouch for {version}: {because}."),
        Staged::Refused => format!("This node can't or may not run {version}: {because}."),
    }
}

fn wave_of(moving: &Moving, node: &str) -> Option<usize> {
    let bounds = moving.state.bounds_of(&moving.plan);
    Some(moving.place(node).wave(&bounds)? + 1)
}

/// When that goes on.
fn when(moving: &Moving, now_ms: u64) -> Option<String> {
    let State {
        phase,
        since_ms,
        paused,
        ..
    } = &moving.state;
    if paused.is_some() {
        return Some("It goes on when somebody resumes it, or promotes its wave.".to_owned());
    }
    let wave = moving.state.wave().saturating_sub(1);
    let wave = moving.plan.waves.get(wave)?;
    let left = |lasts_ms: u64| since_ms.saturating_add(lasts_ms).saturating_sub(now_ms) / 1000;
    Some(match phase {
        RolloutPhase::Scheduled => format!("It begins in {} s.", left(0)),
        RolloutPhase::Preflight => format!(
            "The first wave begins when every node has told; who is silent for another {} s \
             fails the preflight.",
            left(moving.plan.preflight_ms)
        ),
        RolloutPhase::Deploying => format!(
            "The wave is watched as soon as its nodes run it; who is silent for another {} s has \
             failed.",
            left(wave.deadline_ms)
        ),
        RolloutPhase::Baking => {
            format!(
                "The wave's gate is decided in {} s at the earliest.",
                left(wave.bake_ms)
            )
        }
        RolloutPhase::Gate if wave.approval => {
            "It goes on when somebody promotes the wave, if its figures are well.".to_owned()
        }
        RolloutPhase::Gate => {
            "It goes on when the wave's figures can be compared and are well.".to_owned()
        }
        RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => return None,
    })
}
