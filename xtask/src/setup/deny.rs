//! `cargo-deny`, pinned, in `target/tools`. Called by `setup` and by `check`.
//! Must never be installed outside the target folder.

use std::path::PathBuf;

use anyhow::Result;

use crate::{output, run};

const VERSION: &str = "0.20.2";

/// Where the pinned `cargo-deny` is.
pub(crate) fn cargo_deny() -> PathBuf {
    run::target().join("tools").join("bin").join("cargo-deny")
}

/// Builds and installs it, unless this version is there. Takes about a minute on two cores:
/// unoptimised, since it runs for a second, and without its optional parts.
///
/// # Errors
/// When cargo fails.
pub(crate) fn install() -> Result<()> {
    if is_installed() {
        return Ok(());
    }
    output::line(&format!(
        "setup: cargo-deny {VERSION} checks licences and sources of dependencies; \
         building it takes about a minute"
    ));
    let mut cargo = run::cargo();
    cargo.args(["install", "--quiet", "--locked", "--no-default-features"]);
    cargo
        .args(["--version", VERSION, "--root"])
        .arg(run::target().join("tools"));
    cargo.arg("cargo-deny");
    // Its dependencies are compiled once and thrown away: outside the workspace's own results.
    cargo.env(
        "CARGO_TARGET_DIR",
        run::target().join("tools").join("build"),
    );
    for (key, value) in [
        ("OPT_LEVEL", "0"),
        ("LTO", "false"),
        ("DEBUG", "0"),
        ("CODEGEN_UNITS", "16"),
    ] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
    }
    run::shown(&mut cargo)?;
    // Half a gigabyte that nothing reads again; a failure to remove it harms nothing.
    let _ = std::fs::remove_dir_all(run::target().join("tools").join("build"));
    Ok(())
}

fn is_installed() -> bool {
    let mut deny = run::command(&cargo_deny().to_string_lossy());
    run::captured(deny.arg("--version")).is_ok_and(|text| text.trim().ends_with(VERSION))
}
