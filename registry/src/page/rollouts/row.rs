//! A rollout as lists show it. Called by the views of rollouts and of deployments.
//! Must never hold markup.

use api::registry::{Rollout, RolloutPhase};

use super::bar::Bar;
use crate::page::format::{Moment, ahead, grouped, moment};
use crate::page::visible::visible;

/// A row.
#[derive(Debug)]
pub(crate) struct RolloutRow {
    pub(crate) number: u64,
    pub(crate) deployment: String,
    pub(crate) payload: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) phase: Phase,
    pub(crate) paused: bool,
    pub(crate) because: String,
    pub(crate) wave: u32,
    pub(crate) waves: u32,
    pub(crate) bar: Bar,
    /// Nodes that run it.
    pub(crate) running: String,
    pub(crate) nodes: String,
    pub(crate) failed: u64,
    pub(crate) since: Moment,
    pub(crate) created: Moment,
    pub(crate) created_by: String,
}

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phase {
    /// For people.
    pub(crate) word: String,
    /// `good`, `warn`, `bad`, or `quiet`: the colour beside the word.
    pub(crate) tone: &'static str,
}

impl Phase {
    /// Of a phase.
    pub(crate) fn of(phase: RolloutPhase, paused: bool) -> Self {
        let tone = match phase {
            _ if paused => "warn",
            RolloutPhase::Succeeded => "good",
            RolloutPhase::Scheduled | RolloutPhase::Aborted | RolloutPhase::Superseded => "quiet",
            RolloutPhase::Preflight
            | RolloutPhase::Deploying
            | RolloutPhase::Baking
            | RolloutPhase::Gate => "moving",
            RolloutPhase::RollingBack | RolloutPhase::RolledBack => "warn",
            RolloutPhase::Rejected | RolloutPhase::Incomplete => "bad",
        };
        let word = match phase {
            RolloutPhase::Gate => "at the gate".to_owned(),
            other => other.word().replace('_', " "),
        };
        Self { word, tone }
    }
}

impl RolloutRow {
    /// Of a rollout as it is now.
    pub(crate) fn of(rollout: Rollout, now_ms: u64) -> Self {
        let counts = rollout.counts;
        Self {
            number: rollout.rollout,
            deployment: rollout.deployment,
            payload: rollout.payload,
            from: rollout.from.unwrap_or_else(|| "nothing".to_owned()),
            to: rollout.to,
            phase: Phase::of(rollout.phase, rollout.paused.is_some()),
            paused: rollout.paused.is_some(),
            because: visible(&rollout.because),
            wave: rollout.wave,
            waves: rollout.waves,
            bar: Bar::of(&counts),
            running: grouped(counts.live + counts.committed),
            nodes: grouped(counts.nodes),
            failed: counts.failed,
            since: ahead(rollout.since_ms, now_ms),
            created: moment(rollout.created_ms, now_ms),
            created_by: rollout.created_by,
        }
    }
}
