//! Proof from outside: what the tests of the whole system share.

pub mod calls;
pub mod corpus;
pub mod daemon;
pub mod dice;
pub mod held;
pub mod hooks;
pub mod ip;
pub mod kernel_ids;
pub mod packets;
pub mod payloads;
pub mod programs;
