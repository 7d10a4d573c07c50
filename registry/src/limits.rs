//! Every bound of the registry, in one table. Bounds of the wire stand in `api::registry`, those
//! of the format in `payload::limits`.
//! Must never hold logic.

use std::time::Duration;

/// Request line and headers together, bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 16 << 10;
/// Headers of one request.
pub(crate) const HEADERS_MAX: usize = 64;
/// Connections that are served at a time, where the system has the open files for them; each node
/// that listens for its doorbell has one.
pub(crate) const CONNECTIONS_MAX: usize = 16_384;
/// Open files that are asked for: a connection is one, and an eighth is for everything else.
pub(crate) const FILES_MAX: u64 = 20_480;
/// Open files that are for no connection, where an eighth would be less.
pub(crate) const FILES_OWN_MIN: u64 = 64;

/// From the connection, or the end of the handshake, to the headers of the first request.
pub(crate) const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may wait for a reader that takes nothing of it.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// From the end of the answer before to the end of the headers.
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

/// Blobs that are received at a time: each is held in memory whole.
pub(crate) const UPLOADS_MAX: usize = 4;
/// Those of them that come with one token.
pub(crate) const TOKEN_UPLOADS_MAX: usize = UPLOADS_MAX - 1;
/// Releases that are checked at a time, each in memory whole too; no caller can hold one up.
pub(crate) const CHECKS_MAX: usize = 4;
/// How long one waits for a place.
pub(crate) const UPLOAD_WAIT: Duration = Duration::from_secs(30);
/// From the headers to the last byte of a blob.
pub(crate) const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);
/// How long the next piece of a blob may take.
pub(crate) const UPLOAD_PIECE_TIMEOUT: Duration = Duration::from_secs(15);
/// How fast a blob must come, bytes a second, on the mean of all of it.
pub(crate) const UPLOAD_BYTES_PER_S_MIN: u64 = 8 << 10;
/// How far behind that it may be, at its begin or later.
pub(crate) const UPLOAD_GRACE: Duration = Duration::from_secs(20);
/// How often bytes are written again that collection removed before their row was kept.
pub(crate) const PUT_ATTEMPTS: u32 = 3;
/// Blobs that are in memory because they were asked for, bytes of all of them.
pub(crate) const CACHE_BYTES: u64 = 64 << 20;
/// About how many that are.
pub(crate) const CACHED_BLOBS: usize = 1024;
/// The largest blob that is kept in memory.
pub(crate) const CACHED_BLOB_BYTES_MAX: usize = 4 << 20;
/// Bytes of a larger one that are read at a time, and held for a reader that is slow.
pub(crate) const PIECE_BYTES: u64 = 256 << 10;

/// Releases of one payload.
pub(crate) const RELEASES_MAX: usize = 10_000;
/// Channels of one payload.
pub(crate) const CHANNELS_MAX: usize = 64;
/// Manifests in one answer, bytes: fewer releases come where theirs are large.
pub(crate) const MANIFESTS_BYTES_MAX: usize = 8 << 20;
/// What somebody says about a yank or a key, bytes.
pub(crate) const PROSE_BYTES_MAX: usize = 1 << 10;
/// Namespaces that one key signs for.
pub(crate) const KEY_NAMESPACES_MAX: usize = 64;
/// Entries of the audit that one answer looks through for those that are sought: who looks for rare ones
/// goes on from there.
pub(crate) const AUDIT_SOUGHT_MAX: u64 = 50_000;
/// Blobs that one collection removes.
pub(crate) const COLLECTED_MAX: u32 = 1000;

/// Labels that a node may give itself.
pub(crate) const NODE_LABELS_MAX: usize = 64;
/// Nodes that may be enrolled.
pub(crate) const NODES_MAX: u64 = 100_000;
/// Deployments that there may be: all of them are read at each change.
pub(crate) const DEPLOYMENTS_MAX: u64 = 4096;
/// Rollouts of one deployment that decide what nodes are given: one that goes on, and those that were
/// ended half-way.
pub(crate) const ROLLOUTS_STANDING_MAX: usize = 8;
/// Open pages that are told of changes, where there are the connections for them.
pub(crate) const LIVE_PAGES_MAX: usize = 512;
/// Those of them that were logged in to with one token.
pub(crate) const TOKEN_LIVE_PAGES_MAX: usize = 32;
/// Outcomes of one node that are kept.
pub(crate) const OUTCOMES_KEPT_MAX: u32 = 128;
/// Outcomes of one node that are shown.
pub(crate) const OUTCOMES_SHOWN_MAX: u32 = 64;
/// Reports that wait to be kept at a time: as many as there may be connections.
pub(crate) const REPORTS_WAITING_MAX: usize = CONNECTIONS_MAX;
/// Bytes of those, as they came.
pub(crate) const REPORTS_WAITING_BYTES_MAX: usize = 128 << 20;
/// Reports that are kept together: each touches pages that others touch too, and a page is written
/// once for all of them. Not more, since whoever else writes waits for them.
pub(crate) const REPORTS_TOGETHER_MAX: usize = 512;
/// A change of one node's facts is audited at most so often, milliseconds.
pub(crate) const FACTS_AUDITED_EVERY_MS: u64 = 60_000;
/// Silence of an event stream before a comment is sent, so that both ends know of each other.
pub(crate) const STREAM_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream of live events goes on before whoever views has to ask again.
pub(crate) const LIVE_EVENTS_TIME: Duration = Duration::from_mins(10);
/// How long changes are gathered before an open page is told.
pub(crate) const LIVE_REST: Duration = Duration::from_millis(300);
/// A form of a page, bytes.
pub(crate) const FORM_BYTES_MAX: usize = 1 << 14;
/// The longest that a log-in lasts, seconds.
pub(crate) const PAGE_SESSION_S: u64 = 12 * 3600;
/// Log-ins of one token.
pub(crate) const PAGE_SESSIONS_MAX: u32 = 32;
