//! Child processes: what a command prints before it runs one, and the error when one fails.
//! Called by every command. Must never hide what a failing one printed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::output;

/// Has cargo build all programs: with the features that the whole workspace asks for, so that nothing
/// is built twice.
pub(crate) const PROGRAMS: [&str; 4] = ["build", "--quiet", "--workspace", "--bins"];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest
        .parent()
        .map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// The folder of build results: `CARGO_TARGET_DIR`, else `target/` in the root.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The file a program is found in: `PATH`, then the folders of root's tools, which a user's
/// `PATH` lacks on Debian.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Writes a file of a folder that nobody else reads: half of one is no loss.
///
/// # Errors
/// When it cannot be made or written.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let mut out = File::create(file).with_context(|| format!("making {}", file.display()))?;
    Ok(out.write_all(bytes)?)
}

/// The command line as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.is_empty() || word.contains(|c: char| " '\"$*;|&<>".contains(c)) {
                format!("'{}'", word.replace('\'', r"'\''"))
            } else {
                word.into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// A command that runs in the root of the repository.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Cargo in the root of the repository, as a person would start it: with what cargo tells this program
/// of itself, build scripts that look at it run again, and all that depends on them is built again.
pub(crate) fn cargo() -> Command {
    let mut cargo = command("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Prints the command, runs it with this process's output.
///
/// # Errors
/// When it cannot be started or exits with anything but 0.
pub(crate) fn shown(command: &mut Command) -> Result<()> {
    let line = words(command);
    output::line(&format!("$ {line}"));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a command silently and returns what it wrote on standard output.
///
/// # Errors
/// When it cannot be started or exits with anything but 0; the error holds what it wrote.
pub(crate) fn captured(command: &mut Command) -> Result<String> {
    let line = words(command);
    let output = finished(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed: {}\n{text}{errors}", output.status);
    }
    Ok(text)
}

/// Runs a command silently to its end, whatever that is.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn finished(command: &mut Command) -> Result<Output> {
    let line = words(command);
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))
}
