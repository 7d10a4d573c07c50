//! Installs missing packages with `apt-get`. Called by `setup`.
//! Must never run without saying what it installs and why.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::needs::Need;
use crate::{output, run};

/// Installs the packages of all needs that are not met.
///
/// # Errors
/// When something is missing and there is no `apt-get`, no root, or it fails.
pub(crate) fn install(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        output::line(&format!(
            "setup: {} is missing ({}): package {}",
            need.name(),
            need.reason,
            need.package
        ));
    }
    let mut packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if run::which("apt-get").is_none() {
        bail!(
            "there is no apt-get here; install what Debian has as: {}",
            packages.join(" ")
        );
    }
    if !run::is_root() && run::which("sudo").is_none() {
        bail!("installing needs root; run as root: {by_hand}");
    }
    lists()?;
    let install = |packages: &[&str]| {
        quietly(
            apt_get()
                .args(["install", "--yes", "--no-install-recommends"])
                .args(packages),
        )
    };
    if let Err(error) = install(&packages) {
        // Lists that are too old name packages that the mirrors no longer hold.
        output::line(&format!(
            "{error:#}\nsetup: once more with fresh package lists"
        ));
        quietly(apt_get().arg("update"))?;
        install(&packages)?;
    }
    match needs.iter().find(|need| !need.is_met()) {
        None => Ok(()),
        Some(need) => bail!("{} is still missing after: {by_hand}", need.name()),
    }
}

/// Fetches the lists of packages where there are none.
///
/// # Errors
/// When they cannot be had.
pub(crate) fn lists() -> Result<()> {
    if lists_are_there() {
        return Ok(());
    }
    quietly(apt_get().arg("update"))
}

/// Downloads one package into a folder, without installing it.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn download(package: &str, folder: &Path) -> Result<()> {
    lists()?;
    let get = || quietly(apt_get().args(["download", package]).current_dir(folder));
    if let Err(error) = get() {
        output::line(&format!(
            "{error:#}\nsetup: once more with fresh package lists"
        ));
        quietly(apt_get().arg("update"))?;
        get()?;
    }
    Ok(())
}

/// Shows the command; what it says is only shown, in the error, when it fails.
fn quietly(command: &mut Command) -> Result<()> {
    output::line(&format!("$ {}", run::words(command)));
    run::captured(command).map(drop)
}

fn apt_get() -> Command {
    let mut command = if run::is_root() {
        run::command("env")
    } else {
        let mut sudo = run::command("sudo");
        sudo.args(["--", "env"]);
        sudo
    };
    // No terminal: in CI nobody answers a question of a package's configuration.
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args(["-qq", "-o", "Dpkg::Use-Pty=0"]);
    command
}

/// Whether `apt-get update` ever ran here.
fn lists_are_there() -> bool {
    std::fs::read_dir(Path::new("/var/lib/apt/lists")).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("Packages"))
    })
}
