//! The project's BPF headers, carried inside `packer` so that it compiles on any machine.
//! Called by `build`, which writes them to a temporary folder.
//! Must never differ from `bpf/include`: they are included from there at compile time.

use std::path::Path;

use crate::files::{self, FileError};

/// Name and text of every header of `bpf/include`.
const HEADERS: [(&str, &str); 4] = [
    (
        "core_fixes.bpf.h",
        include_str!("../../../bpf/include/core_fixes.bpf.h"),
    ),
    (
        "emit.bpf.h",
        include_str!("../../../bpf/include/emit.bpf.h"),
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
