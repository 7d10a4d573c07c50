//! The node as one of a fleet: follows a registry, and goes on without it.
//! Started by the daemon where the configuration names a registry.
//! Must never run what the node's own keys, floors and policy do not allow, whoever asks.

mod machine;
mod pace;
mod target;
