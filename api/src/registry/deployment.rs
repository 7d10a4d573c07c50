//! Deployments, as the registry tells them. See `registry`. Must never hold logic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rollout::RolloutPlan;

/// Where a deployment's release comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Always this version.
    Version(String),
    /// Whatever the channel names.
    Channel(String),
}

/// Which payload should run on which nodes: the body of `PUT /deployments/{deployment}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeploymentSpec {
    /// `namespace/name` of the payload.
    pub payload: String,
    /// Which of its releases.
    pub source: Source,
    /// The nodes: a label expression such as `env=prod, kernel>=5.15, !canary-optout`; `*` for all.
    /// Terms with commas between, all of which must hold: `key` (the label is there), `!key` (it is
    /// not), `key=value`, `key!=value` (also where it is not there), `key in (a b)`, and `key` with
    /// `<`, `<=`, `>`, `>=` and numbers with dots. `kernel`, `arch` and `node` (its name) are the
    /// node's own; as many numbers of `kernel` are compared as are written. Values with other
    /// letters than `A-Z a-z 0-9 . _ - / : @ +` stand in double quotes.
    pub selector: String,
    /// The name of the instance on the nodes; absent: the payload's name without its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Values of global variables that the manifest calls settable, by name, as JSON or as text.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "super::entries::unique"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Object>))]
    pub globals: BTreeMap<String, serde_json::Value>,
    /// Attach targets of programs whose target the manifest calls settable, by program.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "super::entries::unique"
    )]
    pub targets: BTreeMap<String, String>,
    /// How it moves to another release, whenever its version or its channel changes; absent: all
    /// nodes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutPlan>,
}

/// Whether a deployment has a release to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DeploymentState {
    /// It gives this release.
    Active {
        /// Its version.
        version: String,
        /// Its digest.
        digest: String,
    },
    /// It gives none: its nodes don't run it.
    Void {
        /// Why, such as a channel that does not exist, or a revoked release.
        reason: String,
    },
}

/// A deployment as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deployment {
    /// Its name: letters, digits, `_`, `.`, `-`, as an instance's.
    pub deployment: String,
    /// What was asked for.
    pub spec: DeploymentSpec,
    /// What it gives now; to nodes that a rollout has reached, something else.
    pub release: DeploymentState,
    /// The rollout that moves it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<u64>,
    /// Nodes that its selector names.
    pub nodes: u64,
    /// Nodes of them that say they run the release.
    pub running: u64,
    /// Nodes of them that refused it.
    #[serde(default)]
    pub refused: u64,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// When it was changed last, milliseconds since 1970.
    pub changed_ms: u64,
}

/// The answer to `GET /deployments`, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deployments {
    /// At most `limit` of them.
    pub deployments: Vec<Deployment>,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
