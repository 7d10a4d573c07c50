//! packer.
fn main() {}
