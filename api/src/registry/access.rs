//! Tokens, publishers' keys and the audit, as the registry tells them. See `registry`.
//! Must never hold logic, nor a secret outside [`TokenMade`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The body of `POST /tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it; unique among tokens that are in force.
    pub name: String,
    /// What it may do: `admin`, `operate`, `read`, `publish:NAMESPACE` (`publish:*` for all),
    /// or `enrol` alone.
    pub scopes: Vec<String>,
    /// How long it is in force, seconds; absent: 90 days, a day for `enrol`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
    /// For `enrol`: how many nodes may enrol with it; absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// For `enrol`: labels of the nodes that enrol with it; they can't give themselves these.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "super::entries::unique"
    )]
    pub labels: BTreeMap<String, String>,
}

/// The answer to `POST /tokens`: the only time that the secret is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenMade {
    /// The secret: `marrow_` and 43 letters of base64url.
    pub secret: String,
    /// The token.
    pub token: Token,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// When it ends, milliseconds since 1970.
    pub expires_ms: u64,
    /// When it was last used, milliseconds since 1970, to a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<u64>,
    /// For `enrol`: how many nodes may still enrol with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
    /// When it was revoked, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<u64>,
}

/// The answer to `GET /tokens`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// At most `limit` of them.
    pub tokens: Vec<Token>,
    /// The `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer to `GET /whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoAmI {
    /// Name of the token, or of the node.
    pub name: String,
    /// What it may do; `node` for a node's credential.
    pub scopes: Vec<String>,
    /// When it ends, milliseconds since 1970; absent for a node's credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// A publisher's public key: the body of `PUT /keys/{key}` and an entry of `GET /keys`. The
/// registry takes releases that such a key signed; what nodes run is decided by their own keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// `sha256:<hex>` of its DER; must be the one in the path.
    pub key: String,
    /// The key as PEM.
    pub pem: String,
    /// The namespaces it may sign for.
    pub namespaces: Vec<String>,
    /// For people.
    #[serde(default)]
    pub comment: String,
}

/// The answer to `GET /keys`, by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrustedKeys {
    /// All of them.
    pub keys: Vec<TrustedKey>,
}

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Counts up from 1.
    pub id: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Name of the token, `node:NAME`, or `nobody`.
    pub who: String,
    /// What was done or refused, such as `release.publish`, `token.refused`.
    pub what: String,
    /// What it was done to, such as `acme/execsnoop@1.0.0`.
    pub subject: String,
    /// How it was before; absent for what is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<serde_json::Value>,
    /// How it is now, or why it was refused; absent for what is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<serde_json::Value>,
    /// The id of the request, as its answer's `x-request-id` had it.
    pub request: String,
}

/// The answer to `GET /audit`, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditLog {
    /// At most `limit` of them; fewer, or none, where some are sought among many.
    pub entries: Vec<AuditEntry>,
    /// The `before` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// The answer to `POST /collect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Collected {
    /// Whether it only looked.
    pub dry_run: bool,
    /// Digests of what no release, node or pin refers to.
    pub digests: Vec<String>,
    /// Bytes of them.
    pub bytes: u64,
}
