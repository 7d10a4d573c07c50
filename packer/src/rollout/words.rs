//! Rollouts in words: phases, counts, one rollout on a line. Used by everything in `rollout`.
//! Must never leave out nodes that failed.

use api::registry::{Rollout, RolloutCounts, RolloutPhase};

use crate::table::{escaped, grouped};

/// Where a rollout stands: `baking in wave 2 of 4`.
pub(super) fn stands(rollout: &Rollout) -> String {
    let phase = phase(rollout.phase);
    let (wave, waves) = (rollout.wave, rollout.waves);
    let stands = match rollout.phase {
        RolloutPhase::Deploying | RolloutPhase::Baking | RolloutPhase::Gate => {
            format!("{phase} wave {wave} of {waves}")
        }
        RolloutPhase::Scheduled
        | RolloutPhase::Preflight
        | RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => phase.to_owned(),
    };
    match rollout.paused {
        Some(_) => format!("paused, {stands}"),
        None => stands,
    }
}

/// A phase.
fn phase(phase: RolloutPhase) -> &'static str {
    match phase {
        RolloutPhase::Scheduled => "scheduled",
        RolloutPhase::Preflight => "preflight",
        RolloutPhase::Deploying => "deploying",
        RolloutPhase::Baking => "baking",
        RolloutPhase::Gate => "at the gate of",
        RolloutPhase::RollingBack => "rolling back",
        RolloutPhase::Succeeded => "succeeded",
        RolloutPhase::Rejected => "rejected",
        RolloutPhase::RolledBack => "rolled back",
        RolloutPhase::Incomplete => "incomplete",
        RolloutPhase::Aborted => "aborted",
        RolloutPhase::Superseded => "superseded",
    }
}

/// Why it stands there.
pub(super) fn because(rollout: &Rollout) -> &str {
    rollout.paused.as_deref().unwrap_or(&rollout.because)
}

/// `1.0.0 → 1.1.0`.
pub(super) fn moves(rollout: &Rollout) -> String {
    match &rollout.from {
        Some(from) => format!("{from} → {}", rollout.to),
        None => rollout.to.clone(),
    }
}

/// Nodes by where they stand, with the letter that draws each and the word for it; in the order in
/// which they come there.
pub(super) fn standing(counts: &RolloutCounts) -> [(char, u64, &'static str); 7] {
    [
        ('#', counts.committed, "committed"),
        ('+', counts.live, "live"),
        ('-', counts.offered, "offered"),
        ('.', counts.staged, "staged"),
        (' ', counts.outside, "not staged"),
        ('x', counts.incompatible, "incompatible"),
        ('!', counts.failed, "failed"),
    ]
}

/// `5 committed, 2 live`.
pub(super) fn counts(counts: &RolloutCounts) -> String {
    let some = standing(counts)
        .into_iter()
        .filter(|(_, nodes, _)| *nodes > 0);
    let some = some.map(|(_, nodes, word)| format!("{} {word}", grouped(nodes)));
    let some: Vec<String> = some.collect();
    some.join(", ")
}

/// A rollout on one line, escaped.
pub(super) fn line(rollout: &Rollout) -> String {
    let (number, deployment) = (rollout.rollout, &rollout.deployment);
    let (moves, stands, because) = (moves(rollout), stands(rollout), because(rollout));
    let mut line = format!("rollout {number} of {deployment}, {moves}: {stands}: {because}");
    let counts = counts(&rollout.counts);
    if !counts.is_empty() {
        line.push_str("; ");
        line.push_str(&counts);
    }
    escaped(&line)
}

/// What can be typed where a rollout stands, the likeliest first, with what it does.
pub(super) fn next_steps(rollout: &Rollout) -> Vec<(&'static str, String)> {
    let to = &rollout.to;
    let promote = match rollout.phase {
        RolloutPhase::Baking | RolloutPhase::Gate => {
            Some(format!("pass the gate of wave {}", rollout.wave))
        }
        RolloutPhase::Preflight | RolloutPhase::Deploying => rollout
            .paused
            .as_ref()
            .map(|_| "bear the failures, and go on".to_owned()),
        RolloutPhase::Scheduled
        | RolloutPhase::RollingBack
        | RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => None,
    };
    let back = || ("rollback", format!("take {to} back from every node"));
    let abort = || ("abort", "end it; nodes keep what they run".to_owned());
    let mut steps = Vec::new();
    match rollout.phase {
        RolloutPhase::Scheduled
        | RolloutPhase::Preflight
        | RolloutPhase::Deploying
        | RolloutPhase::Baking
        | RolloutPhase::Gate => {
            steps.extend(promote.map(|what| ("promote", what)));
            steps.push(match rollout.paused {
                Some(_) => ("resume", "go on as before".to_owned()),
                None => ("pause", format!("let no further node run {to}")),
            });
            steps.extend([back(), abort()]);
        }
        RolloutPhase::Succeeded | RolloutPhase::Aborted => steps.push(back()),
        // Nodes that go back are not held up.
        RolloutPhase::RollingBack
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Superseded => {}
    }
    steps
}
