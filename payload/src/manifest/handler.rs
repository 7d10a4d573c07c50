//! What a manifest says about the handler: facts of its bytes, rights and limits that it asks for,
//! metrics and settings that it has. FORMAT.md has the table.
//! Must never hold what a node grants: that is decided by its policy.

mod check;

use std::collections::BTreeMap;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::bounded;
use super::entry::is_default;
use crate::handler;
use crate::limits::{
    ACCEPTS_MAX, BUCKETS_MAX, HANDLER_CALL_MS_DEFAULT, HANDLER_EMIT_BYTES_PER_S_DEFAULT,
    HANDLER_EMITS_PER_S_DEFAULT, HANDLER_LOG_LINES_PER_S_DEFAULT, HANDLER_MEMORY_BYTES_DEFAULT,
    HANDLER_STATE_BYTES_DEFAULT, HANDLER_STATE_MS_DEFAULT, IDENTIFIER_BYTES_MAX, IMPORTS_MAX,
    LABELS_MAX, MAPS_MAX, METRIC_HELP_BYTES_MAX, METRIC_NAME_BYTES_MAX, METRIC_SERIES_DEFAULT,
    METRICS_MAX, SDK_BYTES_MAX, TOOL_BYTES_MAX,
};
use crate::name::Version;

pub use check::{HandlerFieldError, is_name};

/// What the world of every handler begins with; its version follows.
pub const HANDLER_WORLD: &str = "marrow:handler@";

/// What the handler was written for and asks for; the node's policy decides what it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// WIT world and version, such as `marrow:handler@1.0.0`.
    #[serde(deserialize_with = "bounded::text::<_, TOOL_BYTES_MAX>")]
    pub world: String,
    /// What it imports, such as `marrow:handler/host@1.0.0#emit`, ascending. A fact.
    #[serde(deserialize_with = "bounded::texts::<_, IMPORTS_MAX, IDENTIFIER_BYTES_MAX>")]
    pub imports: Vec<String>,
    /// What it was built with, such as `c/1`; absent where its bytes don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, SDK_BYTES_MAX>")]
    pub sdk: Option<String>,
    /// What happens to the state of the handler before at an update.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: CarryState,
    /// What the bytes of its state mean: its author's own number.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schema: u32,
    /// Other schemas whose state it goes on with, ascending.
    #[serde(default, skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "bounded::list::<_, _, ACCEPTS_MAX>")]
    pub accepts: Vec<u32>,
    /// Maps that it asks for, by name.
    #[serde(default, skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "bounded::list::<_, _, MAPS_MAX>")]
    pub maps: Vec<MapAccess>,
    /// Metrics that it changes, by name.
    #[serde(default, skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "bounded::list::<_, _, METRICS_MAX>")]
    pub metrics: Vec<Metric>,
    /// Settings, with their defaults.
    #[serde(default, skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "bounded::settings")]
    pub config: BTreeMap<String, String>,
    /// Memory it asks for beside the windows of rings, bytes.
    pub memory_bytes_max: u64,
    /// Time it asks for in one call, milliseconds.
    pub call_ms_max: u32,
    /// Time it asks for in `init` and in `snapshot`, milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state_ms_max: Limit<HANDLER_STATE_MS_DEFAULT>,
    /// Bytes of its state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state_bytes_max: Limit<HANDLER_STATE_BYTES_DEFAULT>,
    /// Outputs in a second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub emits_per_s_max: Limit<HANDLER_EMITS_PER_S_DEFAULT>,
    /// Bytes of outputs in a second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub emit_bytes_per_s_max: Limit<HANDLER_EMIT_BYTES_PER_S_DEFAULT>,
    /// Lines for the log in a second.
    #[serde(default, skip_serializing_if = "is_default")]
    pub log_lines_per_s_max: Limit<HANDLER_LOG_LINES_PER_S_DEFAULT>,
}

impl Handler {
    /// One without state, rights and imports, at every default.
    #[must_use]
    pub fn of_world(version: &Version) -> Self {
        Self {
            world: format!("{HANDLER_WORLD}{version}"),
            imports: Vec::new(),
            sdk: None,
            state: CarryState::default(),
            schema: 0,
            accepts: Vec::new(),
            maps: Vec::new(),
            metrics: Vec::new(),
            config: BTreeMap::new(),
            memory_bytes_max: HANDLER_MEMORY_BYTES_DEFAULT,
            call_ms_max: HANDLER_CALL_MS_DEFAULT,
            state_ms_max: Limit::default(),
            state_bytes_max: Limit::default(),
            emits_per_s_max: Limit::default(),
            emit_bytes_per_s_max: Limit::default(),
            log_lines_per_s_max: Limit::default(),
        }
    }

    /// Takes over what the bytes of a handler say: imports, and what its SDK wrote.
    pub fn take_facts(&mut self, handler: &handler::Handler) {
        self.imports.clone_from(&handler.imports);
        if let Some(abi) = &handler.abi {
            self.world = format!("{HANDLER_WORLD}{}", abi.world);
            self.sdk.clone_from(&abi.sdk);
            self.schema = abi.schema;
            self.accepts.clone_from(&abi.accepts);
        }
    }

    /// The version of its world; none where `world` names another one, which no manifest that was
    /// read does.
    #[must_use]
    pub fn world_version(&self) -> Option<Version> {
        self.world.strip_prefix(HANDLER_WORLD)?.parse().ok()
    }

    /// Whether it says that it goes on with state of this schema: its own, or one it accepts.
    #[must_use]
    pub fn goes_on_with(&self, schema: u32) -> bool {
        schema == self.schema || self.accepts.contains(&schema)
    }
}

/// What happens to a handler's state at an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CarryState {
    /// Goes on where the new handler takes it, else the handler starts fresh.
    #[default]
    Carry,
    /// Goes on, else the update is refused.
    Require,
    /// Each handler starts without.
    Fresh,
}

/// A map of the payload's own object that the handler asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapAccess {
    /// Its name among the manifest's maps.
    #[serde(deserialize_with = "bounded::text::<_, IDENTIFIER_BYTES_MAX>")]
    pub map: String,
    /// What is asked for.
    pub access: Access,
}

/// What a handler may do with a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Look up and scan.
    Read,
    /// Update and delete as well.
    Write,
}

/// A metric of a handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name, `[a-z_][a-z0-9_]*`.
    #[serde(deserialize_with = "bounded::text::<_, METRIC_NAME_BYTES_MAX>")]
    pub name: String,
    /// Its kind.
    pub kind: MetricKind,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, METRIC_HELP_BYTES_MAX>")]
    pub help: Option<String>,
    /// Names of its labels, in the order in which the handler gives their values.
    #[serde(default, skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "bounded::texts::<_, LABELS_MAX, METRIC_NAME_BYTES_MAX>")]
    pub labels: Vec<String>,
    /// Upper bounds of a histogram's buckets, ascending; what is above the last is counted too.
    #[serde(default, skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "bounded::list::<_, _, BUCKETS_MAX>")]
    pub buckets: Vec<UpperBound>,
    /// The most series it may have.
    #[serde(default, skip_serializing_if = "is_default")]
    pub series_max: Limit<METRIC_SERIES_DEFAULT>,
}

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Only goes up.
    Counter,
    /// Any number.
    Gauge,
    /// Counted by upper bounds.
    Histogram,
}

/// A number that is `DEFAULT` where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limit<const DEFAULT: u32>(pub u32);

impl<const DEFAULT: u32> Default for Limit<DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

/// The upper bound of a bucket: a finite number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct UpperBound(f64);

/// It is finite, so that each is equal to itself.
impl Eq for UpperBound {}

/// A number that is no bound.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{found} is no finite number")]
pub struct InfiniteBound {
    /// What was given.
    pub found: f64,
}

impl UpperBound {
    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for UpperBound {
    type Error = InfiniteBound;

    fn try_from(found: f64) -> Result<Self, InfiniteBound> {
        if found.is_finite() {
            // One spelling of zero.
            Ok(Self(found + 0.0))
        } else {
            Err(InfiniteBound { found })
        }
    }
}

impl<'de> Deserialize<'de> for UpperBound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[path = "handler/tests.rs"]
mod tests;
