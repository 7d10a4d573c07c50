//! `cargo xtask screenshots`: pictures of the registry's pages, taken by the tests that look at them.
//! Called by people whose change is seen. Must never keep a picture of what no test shows.

use anyhow::Result;

use crate::{run, setup};

/// Where they are kept, from the root of the repository.
const FOLDER: &str = "docs/pages";
/// The test that takes them.
const TEST: &str = "browser::pictures";

/// Takes all of them anew.
///
/// # Errors
/// When there is no browser, or a page is not as it should be.
pub(crate) fn take() -> Result<()> {
    setup::to_build()?;
    setup::to_browse()?;
    let folder = run::root().join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let mut cargo = run::cargo();
    cargo.args(["test", "--workspace", "--test", "registry_packer"]);
    cargo.args([TEST, "--", "--show-output"]);
    run::shown(cargo.env("MARROW_SCREENSHOTS", folder))
}
