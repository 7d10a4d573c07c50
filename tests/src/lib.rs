//! Proof from outside: what the tests of the whole system share.

pub mod calls;
pub mod corpus;
pub mod dice;
pub mod hooks;
pub mod kernel_ids;
pub mod packets;
pub mod programs;
