//! `ip` of iproute2, by which tests make interfaces and network namespaces of their own.
//! Must never be asked to change what a test did not make.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Runs `ip` and gives what it printed.
///
/// # Errors
/// When it can't be started or fails; the error holds what it said.
pub fn ip(args: &[&str]) -> Result<String> {
    let output = Command::new("ip")
        .args(args)
        .output()
        .context("starting ip")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
