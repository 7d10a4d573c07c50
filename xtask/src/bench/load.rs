//! `bench load`: from the last byte of an update to its flip, against a libbpf loader in C.
//! Called by `bench`. Must never count what the node does after the flip, nor leave out what it
//! does before.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::baseline::Baseline;
use super::request;
use super::table::{Table, median};
use crate::daemon::{Folder, Node};
use crate::run;

const UPDATES: usize = 40;
/// Before them: the node cuts and keeps the kernel's BTF for both objects.
const WARM_UPS: usize = 4;
const PATH: &str = "/api/v1/instances/bench";
/// The bounds of the issue that asked for this bench.
const VERIFIERS_MAX: f64 = 2.0;
const REST_MS_MAX: f64 = 5.0;
const RATIO_MAX: f64 = 0.25;

/// Updates an instance again and again, a fresh C loader between each.
///
/// # Errors
/// When the node, the loader or the meter fails.
pub(super) fn measure(baseline: &Baseline) -> Result<Table> {
    let folder = Folder::new("bench")?;
    let node = Node::start(folder.path(), "127.0.0.1:0")?;
    let mut meter = Meter::start(baseline, node.pid())?;
    let objects = ["load-1", "load-2"].map(|name| std::fs::read(baseline.object(name)));
    let [first, second] = objects;
    let objects = [first?, second?];
    let (mut ours, mut verifier, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for update in 0..WARM_UPS + UPDATES {
        let before_ns = meter.read()?;
        let answer = request::put(&node.socket, PATH, &objects[update % 2])?;
        let verified_ns = meter.read()? - before_ns;
        let loader_ns: f64 =
            run::captured(Command::new(baseline.program("loader")).arg(baseline.object("load-1")))?
                .trim()
                .parse()
                .context("the loader prints a number")?;
        if update < WARM_UPS {
            continue;
        }
        let proof = &answer.body["proof"];
        let kept = proof["hooks"].as_array().into_iter().flatten();
        ensure!(
            kept.into_iter().all(|hook| hook["change"] == "kept"),
            "hooks changed: {proof}"
        );
        // From the flip to the first record of the new rings; then the answer is written.
        let after_us = proof["steps"]["pause_us"]
            .as_f64()
            .context("no pause_us in the proof")?;
        ours.push(answer.took.as_secs_f64() * 1e3 - after_us / 1e3);
        verifier.push(verified_ns / 1e6);
        theirs.push(loader_ns / 1e6);
    }
    node.stop()?;
    let (ours, verifier, theirs) = (median(ours), median(verifier), median(theirs));
    let mut table = Table::default();
    let meaning = format!("last byte of the request to the flip, {UPDATES} updates");
    table.row("post_to_live_ms_p50", ours, meaning);
    table.row(
        "verifier_ms_p50",
        verifier,
        "of that, BPF_PROG_LOAD as the kernel saw it",
    );
    table.row(
        "libbpf_ms_p50",
        theirs,
        "a C loader in a fresh process, open to attached",
    );
    table.row("ratio", ours / theirs, "post_to_live / libbpf");
    table.at_most(
        "post_to_live_ms_p50",
        ours,
        VERIFIERS_MAX * verifier + REST_MS_MAX,
    );
    table.at_most("ratio", ours / theirs, RATIO_MAX);
    Ok(table)
}

/// The time a process has spent in `BPF_PROG_LOAD`, measured from outside.
struct Meter {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Meter {
    fn start(baseline: &Baseline, pid: u32) -> Result<Self> {
        let mut child = Command::new(baseline.program("meter"))
            .arg(baseline.object("meter"))
            .arg(pid.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the meter")?;
        let ask = child.stdin.take().context("its input is piped")?;
        let answers = BufReader::new(child.stdout.take().context("its output is piped")?);
        Ok(Self {
            child,
            ask,
            answers,
        })
    }

    /// Nanoseconds so far.
    fn read(&mut self) -> Result<f64> {
        self.ask.write_all(b"\n")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let (_, ns) = line.trim().split_once(' ').context("the meter has ended")?;
        Ok(ns.parse()?)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // It ends when nobody asks any more; its programs go with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
