//! Runs the tests and the fuzz targets and reads what they say. Called by `check`.
//! Must never drop a failing test's output.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::report::{Reader, Tally};
use crate::{output, run};

/// Fuzz targets are tests whose name begins with this.
const FUZZ_PREFIX: &str = "fuzz_";
/// How long each fuzz target runs.
const FUZZ_SECONDS: &str = "20";
/// How many of them run at a time: as many as the smallest machine has cores.
const FUZZ_THREADS: &str = "2";

/// Every test of the workspace, the fuzz targets left out.
///
/// # Errors
/// When one fails or does not compile.
pub(crate) fn tests(tally: &mut Tally) -> Result<()> {
    let mut cargo = run::cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    cargo.args(["--", "--show-output", "--skip", FUZZ_PREFIX]);
    read(&mut cargo, tally)
}

/// Every fuzz target, each for `FUZZ_SECONDS`.
///
/// # Errors
/// When one finds something, or there is none.
pub(crate) fn fuzz(tally: &mut Tally) -> Result<()> {
    let mut cargo = run::cargo();
    cargo.args([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
    ]);
    cargo.args([
        FUZZ_PREFIX,
        "--",
        "--show-output",
        "--test-threads",
        FUZZ_THREADS,
    ]);
    cargo.env("MARROW_FUZZ_SECONDS", FUZZ_SECONDS);
    read(&mut cargo, tally)
}

/// Runs a test command to its end, takes its results into the tally.
///
/// # Errors
/// When it does not start, or a test fails.
pub(super) fn read(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let line = run::words(command);
    output::line(&format!("$ {line}"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let stdout = child
        .stdout
        .take()
        .context("the child's standard output is piped")?;
    let mut reader = Reader::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if reader.take(&line, tally) {
            output::line(&line);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}
