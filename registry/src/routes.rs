//! The routes, one file an endpoint or a few that belong together, and what they share: callers,
//! bodies, paths, pages, refusals. Called through the router.
//! Must never change anything for a caller that no extractor of `caller` has let through.

pub(crate) mod audit;
pub(crate) mod blobs;
mod body;
mod caller;
pub(crate) mod channels;
pub(crate) mod collection;
mod deploy;
pub(crate) mod deployments;
pub(crate) mod description;
pub(crate) mod enrol;
pub(crate) mod floors;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod legacy;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod node_calls;
pub(crate) mod nodes;
mod page;
pub(crate) mod pages;
mod path;
pub(crate) mod payloads;
pub(crate) mod pins;
pub(crate) mod refusal;
pub(crate) mod releases;
pub(crate) mod request;
pub(crate) mod rollouts;
mod settings;
mod sse;
pub(crate) mod tokens;
mod upload;
pub(crate) mod withdrawal;
