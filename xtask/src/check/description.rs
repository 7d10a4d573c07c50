//! Asks a registry whatever its description allows, and what it forbids, and looks for
//! answers that blame the server. Called by `check`.
//! Must never ask anything but a registry that it started.

use anyhow::{Context, Result, ensure};

use crate::daemon::{Folder, Registry};
use crate::{output, run, setup};

/// How long it asks.
const SECONDS: &str = "60";
/// What each answer is checked for: no 5xx, and what the description promises of it.
const CHECKS: &str = "not_a_server_error,content_type_conformance,response_schema_conformance";
/// One address asks, as fast as it can, and often wrongly: no answer shall be "too fast".
const UNHURRIED: [&str; 4] = [
    "--requests-per-second",
    "1000000",
    "--failures-per-minute",
    "1000000",
];
/// The one operation that may end the token by which everything is asked.
const ENDS_TOKENS: &str = "/tokens/";
/// A stream that never ends.
const STREAMS: &str = "/(doorbell|changes)$";

/// Runs schemathesis against a new registry, as its admin.
///
/// # Errors
/// When an answer breaks a rule; the request that led to it is shown.
pub(super) fn fuzz() -> Result<()> {
    let folder = Folder::new("check")?;
    // As the step before has built it, with its assertions.
    let program = run::target().join("debug/registry");
    let registry = Registry::start_program(&program, folder.path(), &UNHURRIED)?;
    let description = format!("{}/api/v1/openapi.json", registry.url);
    let mut schemathesis = run::command(&setup::schemathesis().to_string_lossy());
    schemathesis.args(["run", "--no-color", "--checks", CHECKS]);
    schemathesis.args(["--phases", "examples,coverage,fuzzing"]);
    // One, as threads of CPython 3.11 and 3.12 that parse at once count each other's depth, and
    // it ends with "AST constructor recursion depth mismatch" (python/cpython, issue 106905).
    schemathesis.args(["--max-time", SECONDS, "--workers", "1"]);
    schemathesis.args(["--seed", "1", "--exclude-path-regex", STREAMS]);
    schemathesis.args(["--exclude-path-regex", ENDS_TOKENS]);
    schemathesis.args(["--request-timeout", "10", "--warnings", "off"]);
    output::line(&format!("$ {} {description}", run::words(&schemathesis)));
    let header = format!("Authorization: Bearer {}", registry.token()?);
    schemathesis.args(["--header", &header]).arg(&description);
    schemathesis.current_dir(folder.path());
    let finished = run::finished(&mut schemathesis)?;
    let printed = String::from_utf8_lossy(&finished.stdout);
    ensure!(
        finished.status.success(),
        "schemathesis found:\n{printed}{}\nthe registry said:\n{}",
        String::from_utf8_lossy(&finished.stderr),
        registry.process().printed()
    );
    let last = printed
        .lines()
        .rev()
        .find(|line| line.contains("passed"))
        .context("schemathesis counts what it asked")?;
    output::line(last);
    // Else most of it was asked by nobody, and says nothing.
    let mut curl = run::command("curl");
    curl.args(["-sS", "--fail-with-body", "--header", &header]);
    run::captured(curl.arg(format!("{}/api/v1/whoami", registry.url)))?;
    registry.stop()
}
