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
        let built = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--bins"])
            .output();
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
