//! Releases, channels and floors, as the registry tells them. See `registry`.
//! Must never hold logic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The body of `PUT /payloads/{namespace}/{name}/versions/{version}`. The bytes were put before,
/// by `PUT /blobs/{digest}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishRelease {
    /// `sha256:<hex>` of the payload file.
    pub digest: String,
    /// The DSSE envelope over name, version and digest: its JSON as text, byte for byte.
    pub envelope: String,
}

/// The body of `POST …/signatures` and `PUT …/floor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetEnvelope {
    /// A DSSE envelope: its JSON as text, byte for byte.
    pub envelope: String,
}

/// The body of `POST …/yank`, `…/unyank` and `…/revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why, for people; at most 1 KiB.
    #[serde(default)]
    pub reason: String,
}

/// The body of `PUT /payloads/{namespace}/{name}/channels/{channel}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetChannel {
    /// The version that the channel names from now on.
    pub version: String,
}

/// Whether a release may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ReleaseState {
    /// For every deployment.
    Available,
    /// Hidden from new deployments and channels; those that use it go on.
    Yanked,
    /// For nobody: nodes leave it.
    Revoked,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Release {
    /// `namespace/name` of the payload.
    pub payload: String,
    /// Its version.
    pub version: String,
    /// `sha256:<hex>` of the file.
    pub digest: String,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// Whether it may be used.
    pub state: ReleaseState,
    /// Why it was yanked or revoked, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The keys whose signatures the registry checked; empty for an unsigned release.
    pub signers: Vec<String>,
    /// The DSSE envelope as text; absent for an unsigned release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
    /// The manifest of the file, as its format says.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub manifest: serde_json::Value,
    /// What its programs could do, in words a person can judge.
    pub privileges: Vec<String>,
    /// When it was published, milliseconds since 1970.
    pub published_ms: u64,
    /// Name of the token that published it.
    pub published_by: String,
    /// How many nodes say that they run it.
    pub nodes: u64,
}

/// A name that moves between versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Channel {
    /// Its name, such as `stable`.
    pub channel: String,
    /// The version it names.
    pub version: String,
    /// When it was moved there, milliseconds since 1970.
    pub moved_ms: u64,
    /// Name of the token that moved it.
    pub moved_by: String,
}

/// A publisher's signed word that older versions must no longer run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Floor {
    /// The oldest version that may run.
    pub minimum_version: String,
    /// Counts up with each floor of this payload.
    pub serial: u64,
    /// The DSSE envelope as text.
    pub envelope: String,
    /// When it was set, milliseconds since 1970.
    pub set_ms: u64,
}

/// A payload in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayloadSummary {
    /// `namespace/name`.
    pub payload: String,
    /// Its highest available version by semver; absent where none is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// The description in the manifest of `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many releases it has.
    pub releases: u64,
    /// Version by channel.
    pub channels: BTreeMap<String, String>,
    /// How many nodes say that they run one of its releases.
    pub nodes: u64,
    /// When its newest release was published, milliseconds since 1970.
    pub published_ms: u64,
}

/// The answer to `GET /payloads`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Payloads {
    /// At most `limit` of them.
    pub payloads: Vec<PayloadSummary>,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer to `GET /payloads/{namespace}/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Payload {
    /// `namespace/name`.
    pub payload: String,
    /// Its releases, highest version first: at most `limit` of them, fewer where their manifests are
    /// large.
    pub releases: Vec<Release>,
    /// Its channels, by name.
    pub channels: Vec<Channel>,
    /// Its floor, where one was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// What changed from each release to the next higher one, highest first.
    pub differences: Vec<Difference>,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What is different between two releases, for a reviewer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// The lower version.
    pub from: String,
    /// The higher version.
    pub to: String,
    /// Programs that only the higher one has.
    pub programs_added: Vec<String>,
    /// Programs that only the lower one has.
    pub programs_removed: Vec<String>,
    /// Programs whose hook differs.
    #[serde(default)]
    pub programs_changed: Vec<String>,
    /// Maps that only the higher one has.
    pub maps_added: Vec<String>,
    /// Maps that only the lower one has.
    pub maps_removed: Vec<String>,
    /// Maps whose kind, sizes, entries or types differ.
    pub maps_changed: Vec<String>,
    /// Global variables that only the higher one has.
    #[serde(default)]
    pub globals_added: Vec<String>,
    /// Global variables that only the lower one has.
    #[serde(default)]
    pub globals_removed: Vec<String>,
    /// Global variables whose type, size, default or settability differs.
    #[serde(default)]
    pub globals_changed: Vec<String>,
    /// What the handler of the higher one asks for and that of the lower one does not: imports, maps,
    /// and limits that are higher, in words.
    #[serde(default)]
    pub handler_added: Vec<String>,
    /// What only the handler of the lower one asks for.
    #[serde(default)]
    pub handler_removed: Vec<String>,
    /// Privileges that only the higher one has.
    pub privileges_added: Vec<String>,
    /// Privileges that only the lower one has.
    pub privileges_removed: Vec<String>,
}
