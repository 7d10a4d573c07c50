//! Rules of unsigned input. Run by `cargo test`.
