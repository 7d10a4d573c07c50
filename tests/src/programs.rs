//! The programs of the workspace, as the tests run them: built here, so that no test runs against one
//! of before. Must never build them with other features than the tests themselves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A built program, beside the folder of the test's own binary.
///
/// # Panics
/// When the workspace does not build, or has no such program.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // With the features that the whole workspace asks for, so that nothing is built twice.
        let built = cargo().args(["build", "--workspace", "--bins"]).output();
        let built = built.unwrap_or_else(|error| panic!("cargo can't be started: {error}"));
        let messages = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{messages}");
        let test = std::env::current_exe();
        let test = test.unwrap_or_else(|error| panic!("who runs is not known: {error}"));
        let folder = test.parent().and_then(Path::parent);
        folder.map_or_else(PathBuf::new, Path::to_owned)
    });
    let program = folder.join(name);
    assert!(program.exists(), "{} was not built", program.display());
    program
}

/// Cargo, as a person would start it: with what cargo tells a test of itself, build scripts that look
/// at it run again, and all that depends on them is built again.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}
