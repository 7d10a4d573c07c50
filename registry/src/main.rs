//! `registry`: keeps releases, knows nodes, and tells each what it should run.
//! Must never run code from a payload.
#![forbid(unsafe_code)]

fn main() {}
