//! What lives on a node under a name: the reader of its events and the counts of where they went.
//! Used by `engine`. Must never decide what runs.

pub(crate) mod counters;
pub(crate) mod feed;
pub(crate) mod handling;
mod health;
pub(crate) mod loss;
pub(crate) mod metrics;
pub(crate) mod rate;
pub(crate) mod reader;
pub(crate) mod source;
mod suspect;
pub(crate) mod told;
