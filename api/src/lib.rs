//! The JSON of Marrow's HTTP APIs as types, and typed clients of them.
//! Used by `packer`, `node` and tests. Must never hold logic.
#![forbid(unsafe_code)]

pub mod client;
pub mod node;
pub mod problem;
pub mod registry;
