//! The sources of the selftests, from Debian's package of the kernel's source. Called by `corpus`.
//! Must never take a half-done unpacking for the sources, nor put any of them into the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::folder;
use crate::{output, run, setup};

/// The package that has them.
pub(super) const PACKAGE: &str = "linux-source-6.1";
/// What of the kernel's tree is unpacked: the selftests, and the headers that they include.
const PARTS: [&str; 2] = ["tools/testing/selftests/bpf", "tools/include"];

/// The unpacked sources.
pub(super) struct Source {
    /// The part of the kernel's tree that was unpacked.
    pub(super) tree: PathBuf,
    /// The package's version.
    pub(super) version: String,
}

impl Source {
    /// The sources, downloaded and unpacked where they are not there yet; apt checks the digest of
    /// what it downloads.
    ///
    /// # Errors
    /// When the package cannot be had or unpacked.
    pub(super) fn fetched() -> Result<Self> {
        let tree = folder().join("source");
        if !tree.is_dir() {
            let part = folder().join("source.part");
            if part.is_dir() {
                std::fs::remove_dir_all(&part)?;
            }
            std::fs::create_dir_all(&part)?;
            fetch(&part)?;
            std::fs::rename(&part, &tree)?;
        }
        let version = std::fs::read_to_string(tree.join("version"))?;
        Ok(Self { tree, version })
    }

    /// The folder of the selftests.
    pub(super) fn selftests(&self) -> PathBuf {
        self.tree.join(PARTS[0])
    }

    /// The source of a program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.selftests().join(format!("progs/{name}.c"))
    }

    /// Names of all programs, sorted.
    ///
    /// # Errors
    /// When the folder cannot be listed, or has none.
    pub(super) fn programs(&self) -> Result<Vec<String>> {
        let folder = self.selftests().join("progs");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(".c").map(str::to_owned));
        }
        ensure!(!names.is_empty(), "{} has no programs", folder.display());
        names.sort();
        Ok(names)
    }
}

fn fetch(part: &Path) -> Result<()> {
    output::line(&format!(
        "corpus: {PACKAGE} is missing: unpacking Debian's package"
    ));
    let packages = part.join("packages");
    std::fs::create_dir_all(&packages)?;
    setup::download(PACKAGE, &packages)?;
    let begin = format!("{PACKAGE}_");
    let file = std::fs::read_dir(&packages)?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with(&begin))
        .with_context(|| format!("apt-get downloaded no {PACKAGE}"))?
        .path();
    let mut field = run::command("dpkg-deb");
    let version = run::captured(field.arg("--field").arg(&file).arg("Version"))?;
    let mut unpack = run::command("dpkg-deb");
    run::captured(unpack.arg("-x").arg(&file).arg(&packages))?;
    let mut tar = run::command("tar");
    tar.arg("-xJf")
        .arg(packages.join(format!("usr/src/{PACKAGE}.tar.xz")))
        .arg("-C")
        .arg(part)
        .arg("--strip-components=1")
        .args(PARTS.map(|folder| format!("{PACKAGE}/{folder}")));
    run::captured(&mut tar)?;
    std::fs::remove_dir_all(&packages)?;
    run::write(&part.join("version"), version.trim().as_bytes())
}
