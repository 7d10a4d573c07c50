//! The SDK of handlers in Rust, carried inside `packer`, so that a new crate builds without a network.
//! Called by `new`, which writes it beside the crate.
//! Must never differ from `bpf/guest`: its files are included from there at compile time.

use super::NewFile;

/// Where it goes in the new folder.
pub(super) const FOLDER: &str = "handler/guest/";
/// Place and text of every file of `bpf/guest` that a crate is built from.
const FILES: [(&str, &str); 14] = [
    ("Cargo.toml", include_str!("../../../bpf/guest/Cargo.toml")),
    ("README.md", include_str!("../../../bpf/guest/README.md")),
    (
        "src/arena.rs",
        include_str!("../../../bpf/guest/src/arena.rs"),
    ),
    ("src/ask.rs", include_str!("../../../bpf/guest/src/ask.rs")),
    (
        "src/event.rs",
        include_str!("../../../bpf/guest/src/event.rs"),
    ),
    (
        "src/host.rs",
        include_str!("../../../bpf/guest/src/host.rs"),
    ),
    ("src/lib.rs", include_str!("../../../bpf/guest/src/lib.rs")),
    ("src/map.rs", include_str!("../../../bpf/guest/src/map.rs")),
    (
        "src/metric.rs",
        include_str!("../../../bpf/guest/src/metric.rs"),
    ),
    (
        "src/output.rs",
        include_str!("../../../bpf/guest/src/output.rs"),
    ),
    (
        "src/records.rs",
        include_str!("../../../bpf/guest/src/records.rs"),
    ),
    ("src/run.rs", include_str!("../../../bpf/guest/src/run.rs")),
    (
        "src/state.rs",
        include_str!("../../../bpf/guest/src/state.rs"),
    ),
    (
        "src/text.rs",
        include_str!("../../../bpf/guest/src/text.rs"),
    ),
];

/// All of them, in their places.
pub(super) fn files() -> impl Iterator<Item = NewFile> {
    FILES
        .iter()
        .map(|(path, text)| (format!("{FOLDER}{path}"), (*text).to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files;

    #[test]
    fn every_file_of_the_sdk_is_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bpf/guest/src");
        let there = files::names_ending(&folder, "").unwrap();
        let carried: Vec<&str> = FILES
            .iter()
            .filter_map(|(path, _)| path.strip_prefix("src/"))
            .collect();
        assert_eq!(there, carried);
    }
}
