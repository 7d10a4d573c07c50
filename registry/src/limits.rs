//! Every bound of the registry, in one table. Bounds of the wire stand in `api::registry`, those
//! of the format in `payload::limits`.
//! Must never hold logic.

use std::time::Duration;

/// Request line and headers together, bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 16 << 10;
/// Headers of one request.
pub(crate) const HEADERS_MAX: usize = 64;
/// Connections that are served at a time; each node that listens for its doorbell has one.
pub(crate) const CONNECTIONS_MAX: usize = 16_384;

/// From the connection, or the end of the answer before, to the end of the headers.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// From the headers to the last byte of a JSON body.
pub(crate) const JSON_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open connections have to end when the registry stops.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the listener rests when the process is out of descriptors.
pub(crate) const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Tokens and credentials that are remembered, so that a request costs no look-up.
pub(crate) const SESSIONS_MAX: usize = 65_536;
/// How long one is remembered before it is looked up again.
pub(crate) const SESSION_TTL_MS: u64 = 60_000;
/// Addresses whose wrong tokens are counted.
pub(crate) const ADDRESSES_MAX: usize = 16_384;
/// Refusals that are audited at once; one a second more.
pub(crate) const AUDITED_REFUSALS: u32 = 1024;

/// A token's name, bytes.
pub(crate) const TOKEN_NAME_BYTES_MAX: usize = 63;
/// Scopes of one token.
pub(crate) const SCOPES_MAX: usize = 32;
/// Labels of one enrolment token.
pub(crate) const LABELS_MAX: usize = 32;
/// A label's name or value, bytes.
pub(crate) const LABEL_BYTES_MAX: usize = 63;
/// How long a token is in force when nobody says, seconds.
pub(crate) const TOKEN_LIFE_S: u64 = 90 * 86_400;
/// How long an enrolment token is in force when nobody says, seconds.
pub(crate) const ENROL_LIFE_S: u64 = 86_400;
/// The longest that a token may be in force, seconds.
pub(crate) const TOKEN_LIFE_S_MAX: u64 = 5 * 366 * 86_400;
/// Nodes that may enrol with one token.
pub(crate) const ENROL_USES_MAX: u32 = 100_000;
