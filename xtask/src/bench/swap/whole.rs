//! Whole updates of a node under load: what it put out, and what its proofs say.
//! Called by `bench swap`. Must never let a ring be what loses: the load waits for the node.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::baseline::Baseline;
use super::super::child::Ended;
use super::super::running::Running;
use super::Account;
use crate::daemon::Folder;
use crate::{output, run};

/// Updates while the threads fire.
pub(super) const UPDATES: usize = 1000;
/// Between two words about how far it is.
const TOLD_EVERY: usize = 250;

/// What came of all updates.
pub(super) struct Whole {
    /// What the load says.
    pub(super) account: Account,
    /// What the proofs say: unknown is no number.
    pub(super) lost: f64,
    pub(super) duplicated: f64,
    pub(super) flips_ns: Vec<f64>,
    pub(super) graces_ms: Vec<f64>,
    pub(super) pauses_ms: Vec<f64>,
}

/// Has a node replace the payload that runs again and again, two builds of it in turn.
///
/// # Errors
/// When the node or the load fails, or an update is none.
pub(super) fn measure(baseline: &Baseline) -> Result<Whole> {
    let folder = Folder::new("bench")?;
    let fifo = folder.path().join("events");
    run::captured(run::command("mkfifo").arg(&fifo))?;
    let mut load = Ended::start(
        Command::new(baseline.program("whole"))
            .arg(&fifo)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    )?;
    let mut command = load.0.stdin.take().context("its input is piped")?;
    let objects = ["swap-1", "swap-2"].map(|name| baseline.object(name));
    // It waits for whoever reads the pipe, and its rings for it.
    let [first, _] = &objects;
    let events = File::options().write(true).open(&fifo)?;
    let mut node = Running::start(folder.path().join("swap.bpf.o"), first, events)?;
    writeln!(command, "go")?;
    let mut proofs = Vec::with_capacity(UPDATES);
    for update in 1..=UPDATES {
        proofs.push(node.update(&objects[update % objects.len()])?);
        if update % TOLD_EVERY == 0 {
            output::line(&format!("{update} of {UPDATES} whole updates"));
        }
    }
    drop(command);
    let mut printed = String::new();
    let out = load.0.stdout.take().context("its output is piped")?;
    BufReader::new(out).read_line(&mut printed)?;
    node.stop()?;
    of(&proofs, Account::of(&printed)?)
}

fn of(proofs: &[Value], account: Account) -> Result<Whole> {
    for proof in proofs {
        let hooks = proof["hooks"].as_array().context("a proof without hooks")?;
        let kept = |hook: &Value| hook["strategy"] == "switch" && hook["change"] == "kept";
        ensure!(
            hooks.len() == 2 && hooks.iter().all(kept),
            "hooks were not kept: {proof}"
        );
        ensure!(proof["falls_through"] == 0, "runs fell through: {proof}");
    }
    let step = |field: &str, scale: f64| -> Vec<f64> {
        let steps = proofs.iter().map(|proof| &proof["steps"][field]);
        steps
            .map(|step| step.as_f64().map_or(f64::NAN, |step| step / scale))
            .collect()
    };
    let sum = |field: &str| -> f64 {
        let counts = proofs.iter().map(|proof| &proof[field]);
        counts.map(|count| count.as_f64().unwrap_or(f64::NAN)).sum()
    };
    Ok(Whole {
        account,
        lost: sum("lost"),
        duplicated: sum("duplicated"),
        flips_ns: step("flip_ns", 1.0),
        graces_ms: step("grace_us", 1e3),
        pauses_ms: step("pause_us", 1e3),
    })
}
