//! The servers that `bench pull` compares with, from Debian's packages. Called by `setup`.
//! Must never install them: their packages start services on the machine. They are unpacked.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::{output, run};

/// The packages, and the program that each is for.
const PACKAGES: [(&str, &str); 2] = [
    ("nginx", "usr/sbin/nginx"),
    ("docker-registry", "usr/bin/docker-registry"),
];

/// Where they are unpacked.
fn folder() -> PathBuf {
    run::target().join("tools/rivals")
}

/// The path of an unpacked program.
///
/// # Errors
/// When it was not unpacked.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let (_, path) = PACKAGES
        .iter()
        .find(|(package, _)| *package == name)
        .with_context(|| format!("{name} is not one of the servers compared with"))?;
    let file = folder().join(path);
    if !file.is_file() {
        bail!("{} is not there", file.display());
    }
    Ok(file)
}

/// Downloads and unpacks those that are missing.
///
/// # Errors
/// When a package cannot be had.
pub(super) fn unpack() -> Result<()> {
    for (package, path) in PACKAGES {
        if folder().join(path).is_file() {
            continue;
        }
        output::line(&format!(
            "setup: {package} is missing (`bench pull` compares with it): unpacking Debian's package"
        ));
        let packages = folder().join("packages");
        std::fs::create_dir_all(&packages)?;
        apt::download(package, &packages)?;
        let made = std::fs::read_dir(&packages)?.flatten().find(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with(&format!("{package}_"))
        });
        let made = made.with_context(|| format!("apt-get downloaded no {package}"))?;
        let mut dpkg = run::command("dpkg");
        run::captured(dpkg.arg("-x").arg(made.path()).arg(folder()))?;
    }
    Ok(())
}
