//! Runs handlers: a guest a generation, behind wasmtime, in one of two lanes that behave the same.
//! Used by `node` (events of a kernel) and by `packer test` (recorded events).
//! Must never let a guest end the process, write where the kernel writes, or put out what the call
//! that failed had emitted.

mod call;
mod compiled;
mod component_lane;
mod core_lane;
pub mod effects;
mod engine;
pub mod fault;
pub mod grant;
mod guest;
mod host;
pub mod maps;
pub mod records;
mod window;
mod world;

pub use compiled::{Compiled, Lane};
pub use engine::{Engine, EngineError};
pub use guest::{Guest, GuestRing, Reason, State};
pub use records::Records;
pub use world::{Clock, World};
