//! The headers of `bpf/include`, for BPF C and for handlers in C, carried inside `packer` so that it
//! compiles on any machine.
//! Called by `build`, which writes them to a temporary folder.
//! Must never differ from `bpf/include`: they are included from there at compile time.

use std::path::Path;

use crate::files::{self, FileError};

/// Name and text of every header of `bpf/include`.
const HEADERS: [(&str, &str); 13] = [
    (
        "core_fixes.bpf.h",
        include_str!("../../../bpf/include/core_fixes.bpf.h"),
    ),
    (
        "emit.bpf.h",
        include_str!("../../../bpf/include/emit.bpf.h"),
    ),
    ("handler.h", include_str!("../../../bpf/include/handler.h")),
    (
        "handler_ask.h",
        include_str!("../../../bpf/include/handler_ask.h"),
    ),
    (
        "handler_host.h",
        include_str!("../../../bpf/include/handler_host.h"),
    ),
    (
        "handler_json.h",
        include_str!("../../../bpf/include/handler_json.h"),
    ),
    (
        "handler_map.h",
        include_str!("../../../bpf/include/handler_map.h"),
    ),
    (
        "handler_memory.h",
        include_str!("../../../bpf/include/handler_memory.h"),
    ),
    (
        "handler_metric.h",
        include_str!("../../../bpf/include/handler_metric.h"),
    ),
    (
        "handler_table.h",
        include_str!("../../../bpf/include/handler_table.h"),
    ),
    (
        "handler_text.h",
        include_str!("../../../bpf/include/handler_text.h"),
    ),
    (
        "hist.bpf.h",
        include_str!("../../../bpf/include/hist.bpf.h"),
    ),
    (
        "kernel.bpf.h",
        include_str!("../../../bpf/include/kernel.bpf.h"),
    ),
];

/// Writes all of them to `folder`.
pub(super) fn write_to(folder: &Path) -> Result<(), FileError> {
    files::make_folder(folder)?;
    HEADERS
        .iter()
        .try_for_each(|(name, text)| files::write(&folder.join(name), text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_of_the_project_is_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bpf/include");
        let carried: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(files::names_ending(&folder, "").unwrap(), carried);
    }
}
