//! Rollouts, as they are asked for: how a deployment moves to another release. See `registry`.
//! Must never hold logic.

use serde::{Deserialize, Serialize};

/// How a rollout goes: the template of a deployment, and a part of the body of `POST /rollouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPlan {
    /// The waves, each wider than the one before; the last reaches every node. 1 to 16.
    pub waves: Vec<Wave>,
    /// How long nodes have to load and verify the release before any of them runs it,
    /// milliseconds; who is silent then fails the preflight.
    pub preflight_ms: u64,
    /// How many nodes may fail: the rollout goes on without them.
    pub failures_max: u32,
    /// What to do when a gate fails.
    pub on_failure: OnFailure,
    /// What each gate compares.
    pub compare: Compare,
    /// When all nodes take over at once, by their own clocks, milliseconds since 1970; only with a
    /// single wave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip_at_ms: Option<u64>,
}

/// One wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Which nodes it reaches, those of the waves before among them.
    pub reach: Reach,
    /// How long the release is watched on every node of it before its gate, milliseconds.
    #[serde(default = "Wave::bake_default_ms")]
    pub bake_ms: u64,
    /// How long its nodes have to run the release, milliseconds; who is silent then has failed.
    #[serde(default = "Wave::deadline_default_ms")]
    pub deadline_ms: u64,
    /// Whether its gate waits for `promote`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
}

/// How far a wave reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Nodes whose place is within so many hundredths, and at least one node. 1 to 100.
    Percent(u8),
    /// So many nodes, those with the lowest places.
    Nodes(u32),
}

/// What happens when a gate fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Every node goes back.
    #[default]
    All,
    /// The nodes of this wave go back, then the rollout pauses.
    Wave,
    /// No node goes back; the rollout pauses.
    Pause,
}

/// What a gate compares: nodes that run the release with nodes that do not yet. What has no bound is
/// not compared, and is `null` in JSON: absent, a bound has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Compare {
    /// Records lost of a million, at most so many more than on the others.
    pub lost_ppm_max: Option<u32>,
    /// Nodes of a thousand whose handler failed, at most so many more than on the others.
    pub faults_per_mille_max: Option<u32>,
    /// Time of a run, at most so many hundredths of that on the others.
    pub run_time_percent_max: Option<u32>,
    /// Records, and timed runs, that both sides must have before they are compared.
    pub samples_min: u64,
    /// How long to wait for them, milliseconds; then the rollout pauses.
    pub wait_ms: u64,
}

impl Default for RolloutPlan {
    fn default() -> Self {
        let wave = |percent| Wave {
            reach: Reach::Percent(percent),
            bake_ms: Wave::bake_default_ms(),
            deadline_ms: Wave::deadline_default_ms(),
            approval: false,
        };
        Self {
            waves: vec![wave(1), wave(10), wave(50), wave(100)],
            preflight_ms: 600_000,
            failures_max: 0,
            on_failure: OnFailure::All,
            compare: Compare::default(),
            flip_at_ms: None,
        }
    }
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            lost_ppm_max: Some(1_000),
            faults_per_mille_max: Some(0),
            run_time_percent_max: Some(300),
            samples_min: 100,
            wait_ms: 600_000,
        }
    }
}

impl Wave {
    fn bake_default_ms() -> u64 {
        60_000
    }

    fn deadline_default_ms() -> u64 {
        600_000
    }
}

/// The body of `POST /rollouts`, and of `POST /rollouts/dry-run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartRollout {
    /// The deployment.
    pub deployment: String,
    /// The version that it moves to; absent: the one that its channel names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How; absent: by the deployment's template, or by the defaults of [`RolloutPlan`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RolloutPlan>,
    /// Not before, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at_ms: Option<u64>,
    /// Whether it takes the place of a rollout of the same deployment that has not ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supersede: bool,
}

/// Where a rollout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RolloutPhase {
    /// It waits for its time.
    Scheduled,
    /// Every node loads and verifies the release; none runs it.
    Preflight,
    /// Nodes of the wave take it over.
    Deploying,
    /// They run it and are watched.
    Baking,
    /// The wave's gate is being decided.
    Gate,
    /// Nodes go back.
    RollingBack,
    /// Every node that can runs it.
    Succeeded,
    /// The preflight failed: no node ran it.
    Rejected,
    /// Every node is back.
    RolledBack,
    /// Nodes went back, but for some, which are named.
    Incomplete,
    /// It was ended; nodes stay with what they run.
    Aborted,
    /// Another rollout took its place.
    Superseded,
}

impl RolloutPhase {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_end(self) -> bool {
        match self {
            Self::Scheduled
            | Self::Preflight
            | Self::Deploying
            | Self::Baking
            | Self::Gate
            | Self::RollingBack => false,
            Self::Succeeded
            | Self::Rejected
            | Self::RolledBack
            | Self::Incomplete
            | Self::Aborted
            | Self::Superseded => true,
        }
    }

    /// In a word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Preflight => "preflight",
            Self::Deploying => "deploying",
            Self::Baking => "baking",
            Self::Gate => "gate",
            Self::RollingBack => "rolling_back",
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::RolledBack => "rolled_back",
            Self::Incomplete => "incomplete",
            Self::Aborted => "aborted",
            Self::Superseded => "superseded",
        }
    }

    /// The same within a sentence: "it is …".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Preflight => "in its preflight",
            Self::Gate => "at a gate",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::Scheduled
            | Self::Deploying
            | Self::Baking
            | Self::Succeeded
            | Self::Rejected
            | Self::Incomplete
            | Self::Aborted
            | Self::Superseded => self.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_off_stays_off_in_json_and_an_absent_one_has_its_default() {
        let off = Compare {
            lost_ppm_max: None,
            faults_per_mille_max: None,
            run_time_percent_max: None,
            ..Compare::default()
        };
        let json = serde_json::to_string(&off).unwrap();
        assert_eq!(serde_json::from_str::<Compare>(&json).unwrap(), off);
        assert_eq!(
            serde_json::from_str::<Compare>("{}").unwrap(),
            Compare::default()
        );
    }
}
