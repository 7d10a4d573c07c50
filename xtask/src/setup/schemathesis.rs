//! schemathesis, pinned, in a Python environment of its own in `target/tools`. Called by `setup` and
//! by `check`. Must never be installed outside the target folder.

use std::path::PathBuf;

use anyhow::Result;

use crate::{output, run};

const VERSION: &str = "4.32.5";

fn environment() -> PathBuf {
    run::target().join("tools/schemathesis")
}

/// Where the pinned program is.
pub(crate) fn program() -> PathBuf {
    environment().join("bin/schemathesis")
}

/// Makes the environment and installs it, unless this version is there.
///
/// # Errors
/// When Python or pip fails.
pub(super) fn install() -> Result<()> {
    let mut version = run::command(&program().to_string_lossy());
    if run::captured(version.arg("--version")).is_ok_and(|text| text.contains(VERSION)) {
        return Ok(());
    }
    output::line(&format!(
        "setup: schemathesis {VERSION} asks the registry whatever its description allows"
    ));
    let mut python = run::command("python3");
    run::captured(python.args(["-m", "venv"]).arg(environment()))?;
    let mut pip = run::command(&environment().join("bin/pip").to_string_lossy());
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    run::shown(pip.arg(format!("schemathesis=={VERSION}")))
}
