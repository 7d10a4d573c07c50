//! Every bound of the daemon's listeners, in one table.
//! Used by the daemon's modules only.
//! Must never hold logic.

use std::time::Duration;

use payload::limits::PAYLOAD_BYTES_MAX;

/// A body that carries a payload, bytes. The JSON of 2023 wraps an object of the largest size in
/// base64 twice, and still fits.
pub(super) const UPLOAD_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + (1 << 20);
/// A body that carries an id and little more, bytes.
pub(super) const CONTROL_BYTES_MAX: usize = 64 << 10;
/// Request line and headers together, bytes.
pub(super) const HEADER_BYTES_MAX: usize = 16 << 10;
/// Headers of one request.
pub(super) const HEADERS_MAX: usize = 64;

/// Connections that are served at a time, on all listeners together.
pub(super) const CONNECTIONS_MAX: usize = 128;
/// Connections that are told no at a time: they never take the places of callers who may come in.
pub(super) const REFUSALS_MAX: usize = 16;
/// Uploads that are held in memory, or loaded, at a time.
pub(super) const UPLOADS_MAX: usize = 4;
/// Event streams at a time, over all instances.
pub(super) const SUBSCRIBERS_MAX: usize = 32;
/// Questions about maps that are answered at a time: an answer takes megabytes.
pub(super) const MAP_READS_MAX: usize = 4;
/// Events that one answer of the 2023 protocol carries at most.
pub(super) const LOG_ENTRIES_MAX: usize = 1000;
/// Events that are handed to a stream at a time.
pub(super) const STREAM_LINES_MAX: usize = 256;

/// From the connection, or the end of the answer before, to the end of the headers.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// From the headers to the last byte of the body.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_mins(1);
/// How long an upload waits for a place.
pub(super) const UPLOAD_WAIT: Duration = Duration::from_secs(30);
/// How long a question about maps waits for a place.
pub(super) const MAP_READ_WAIT: Duration = Duration::from_secs(10);
/// How long a caller who may not come in is listened to, so that it can read why.
pub(super) const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// What is read of such a caller and thrown away, bytes: the size of an ordinary update.
pub(super) const REFUSAL_BYTES_MAX: usize = 1 << 20;
/// A stream without events says that it is alive this often, and learns whether its reader is: a
/// reader that closed looks like one that only sends no more, until it is written to.
pub(super) const STREAM_ALIVE: Duration = Duration::from_secs(5);
/// How often callers that were not let in are told of.
pub(super) const JOURNAL_REST: Duration = Duration::from_secs(1);
/// How long open connections have to end when the daemon stops.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the listener rests when the process is out of descriptors.
pub(super) const ACCEPT_REST: Duration = Duration::from_millis(100);
