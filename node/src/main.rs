//! The node: loads payloads behind a switch and hot-swaps them.

fn main() {}
