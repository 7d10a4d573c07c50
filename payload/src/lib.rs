//! The payload format, pure: bytes in, values or errors out.
//! Used by `packer`, `registry` and `node` alike, so that nobody trusts what another computed.
//! Must never touch files, network, clock or randomness, use `unsafe`, or panic on any input.
#![forbid(unsafe_code)]

pub mod btf;
mod by_text;
pub mod digest;
pub mod event;
pub mod file;
pub mod handler;
pub mod histogram;
pub mod legacy;
pub mod limits;
pub mod manifest;
pub mod migrate;
pub mod name;
pub mod object;
pub mod signature;
pub mod unsigned;
