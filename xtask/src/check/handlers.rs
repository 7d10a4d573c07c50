//! The crates that are no members of the workspace: handlers in Rust, and their SDK. Called by `check`.
//! Must never leave one out: they are found by their place, not listed.

use std::process::Command;

use anyhow::{Context, Result};

use super::report::Tally;
use super::suites;
use crate::run;

/// The SDK.
const SDK: &str = "bpf/guest";
/// The folder of a handler's crate in that of its payload.
const IN_PAYLOAD: &str = "handler";
/// The handlers of tests, those in Rust each a folder.
const OF_TESTS: &str = "tests/handlers";
const MANIFEST: &str = "Cargo.toml";

/// Checks the format of each crate.
///
/// # Errors
/// When one is not formatted.
pub(super) fn format() -> Result<()> {
    each(&["fmt", "--check"], &[])
}

/// Checks each crate with clippy, as what this machine runs: what is only there for wasm32 is not seen.
///
/// # Errors
/// When one has a warning.
pub(super) fn lint() -> Result<()> {
    each(&["clippy", "--all-targets"], &["--", "-D", "warnings"])
}

/// The tests of the SDK's parts that need no node.
///
/// # Errors
/// When one fails.
pub(super) fn tests(tally: &mut Tally) -> Result<()> {
    suites::read(&mut cargo(&["test"], SDK), tally)
}

fn each(command: &[&str], options: &[&str]) -> Result<()> {
    for folder in folders()? {
        run::shown(cargo(command, &folder).args(options))?;
    }
    Ok(())
}

fn cargo(command: &[&str], folder: &str) -> Command {
    let mut cargo = run::cargo();
    cargo.args(command).args(["--manifest-path"]);
    cargo.arg(format!("{folder}/{MANIFEST}"));
    cargo.env("CARGO_TARGET_DIR", run::target().join("handlers"));
    cargo
}

/// Where the crates are, from the root of the repository.
fn folders() -> Result<Vec<String>> {
    let mut folders = vec![SDK.to_owned()];
    let below = |parent: &str, child: &str| -> Result<Vec<String>> {
        let listed = std::fs::read_dir(run::root().join(parent));
        let mut found = Vec::new();
        for entry in listed.with_context(|| format!("listing {parent}"))? {
            let name = entry?.file_name();
            let folder = format!("{parent}/{}{child}", name.to_string_lossy());
            if run::root().join(&folder).join(MANIFEST).is_file() {
                found.push(folder);
            }
        }
        found.sort();
        Ok(found)
    };
    folders.extend(below("bpf", &format!("/{IN_PAYLOAD}"))?);
    folders.extend(below(OF_TESTS, "")?);
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_found_by_their_place() {
        let folders = folders().unwrap();
        assert!(folders.contains(&"bpf/execrate/handler".to_owned()));
        assert!(
            folders
                .iter()
                .all(|folder| run::root().join(folder).is_dir())
        );
    }
}
