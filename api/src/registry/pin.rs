//! Nodes that keep their version, as the registry tells of them. See `registry`.
//! Must never hold logic.

use serde::{Deserialize, Serialize};

/// The body of `PUT /deployments/{deployment}/pins/{node}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetPin {
    /// The version that the node is to run whatever the deployment gives; absent: the one that it
    /// is given now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why, for those who wonder.
    #[serde(default)]
    pub reason: String,
}

/// A node that keeps its version: neither rollouts nor channels move it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pin {
    /// The node.
    pub node: String,
    /// The deployment.
    pub deployment: String,
    /// The version.
    pub version: String,
    /// Why.
    pub reason: String,
    /// Since when, milliseconds since 1970.
    pub set_ms: u64,
    /// Who said so.
    pub set_by: String,
}

/// The answer to `GET /deployments/{deployment}/pins`, by node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pins {
    /// At most `limit` of them.
    pub pins: Vec<Pin>,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
