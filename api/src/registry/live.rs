//! Live events: what an instance puts out, passed on while somebody views it, and kept nowhere.
//! Told by nodes whose operators allow it, read by operators of the fleet.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Most events of one batch.
pub const LIVE_EVENTS_MAX: usize = 50;
/// Most bytes of one event's JSON; a longer one is skipped.
pub const LIVE_EVENT_BYTES_MAX: usize = 4 << 10;

/// The latest events of an instance: the body of `POST /nodes/{node}/events`, and the data of an
/// `events` event of `GET /nodes/{node}/instances/{instance}/events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveEvents {
    /// The instance.
    pub instance: String,
    /// At most 50, in order. None: nothing happened for some seconds.
    pub events: Vec<LiveEvent>,
    /// Events before the first of these that are not sent: there were too many, or one was too long.
    pub skipped: u64,
}

/// One event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveEvent {
    /// When the node took it in, milliseconds since 1970.
    pub at_ms: u64,
    /// What the instance put out, JSON of at most 4 KiB, as `node events` has it.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub event: Box<RawValue>,
}
