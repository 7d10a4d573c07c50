//! The file's rules, each with bytes that break it. Run by `cargo test`.
//! Must never use bytes that a correct reader would accept as hostile ones.
