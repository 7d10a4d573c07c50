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

const UPDATES: usize = 100;
/// Before them: the node cuts and keeps the kernel's BTF for both objects.
const WARM_UPS: usize = 4;
const PATH: &str = "/api/v1/instances/bench";
/// The bounds of the issue that asked for this bench.
const VERIFIERS_MAX: f64 = 2.0;
const REST_MS_MAX: f64 = 5.0;
const RATIO_MAX: f64 = 0.25;

/// What the proof says of the time before the flip: its field, the row, its meaning.
const STEPS: [(&str, &str, &str); 5] = [
    (
        "decode_us",
        "decode_ms_p50",
        "of that, decoding and inspecting",
    ),
    (
        "cut_us",
        "cut_ms_p50",
        "of that, the cut of the kernel's BTF",
    ),
    (
        "open_us",
        "open_ms_p50",
        "of that, libbpf: open, maps, relocations",
    ),
    (
        "verify_us",
        "verify_ms_p50",
        "of that, loading the programs",
    ),
    (
        "arm_us",
        "arm_ms_p50",
        "of that, programs into the free lane",
    ),
];

/// One update, in milliseconds.
struct Update {
    post_to_live: f64,
    verifier: f64,
    steps: [f64; STEPS.len()],
}

impl Update {
    /// What no step accounts for: HTTP and the threads' waking.
    fn rest(&self) -> f64 {
        self.post_to_live - self.steps.iter().sum::<f64>()
    }
}

/// Updates an instance again and again, a fresh C loader between each.
///
/// # Errors
/// When the node, the loader or the meter fails.
pub(super) fn measure(baseline: &Baseline) -> Result<Table> {
    let folder = Folder::new("bench")?;
    let node = Node::start(folder.path(), "127.0.0.1:0", &[])?;
    let mut meter = Meter::start(baseline, node.pid())?;
    let objects = ["load-1", "load-2"].map(|name| std::fs::read(baseline.object(name)));
    let [first, second] = objects;
    let objects = [first?, second?];
    let (mut updates, mut loads) = (Vec::new(), Vec::new());
    for number in 0..WARM_UPS + UPDATES {
        let object = &objects[number % objects.len()];
        let update = (number >= WARM_UPS).then(|| update(&node, &mut meter, object));
        match update {
            Some(update) => updates.push(update?),
            None => drop(request::put(&node.socket, PATH, object)?),
        }
        let mut loader = Command::new(baseline.program("loader"));
        let printed = run::captured(loader.arg(baseline.object("load-1")))?;
        let load_ns: f64 = printed
            .trim()
            .parse()
            .context("the loader prints a number")?;
        loads.push(load_ns / 1e6);
    }
    node.stop()?;
    Ok(table(&updates, loads))
}

/// One update of an instance that runs.
fn update(node: &Node, meter: &mut Meter, object: &[u8]) -> Result<Update> {
    let before_ns = meter.read()?;
    let answer = request::put(&node.socket, PATH, object)?;
    let verifier = (meter.read()? - before_ns) / 1e6;
    let proof = &answer.body["proof"];
    let hooks = proof["hooks"].as_array().context("no hooks in the proof")?;
    ensure!(
        hooks.iter().all(|hook| hook["change"] == "kept"),
        "hooks changed: {proof}"
    );
    let step_ms = |field: &str| proof["steps"][field].as_f64().map(|us| us / 1e3);
    let flipped_us = proof["at_us"].as_f64().context("no at_us in the proof")?;
    Ok(Update {
        post_to_live: flipped_us / 1e3 - answer.sent_ms,
        verifier,
        steps: STEPS.map(|(field, ..)| step_ms(field).unwrap_or(f64::NAN)),
    })
}

fn table(updates: &[Update], loads: Vec<f64>) -> Table {
    let of = |value: fn(&Update) -> f64| median(updates.iter().map(value).collect());
    let (ours, verifier) = (
        of(|update| update.post_to_live),
        of(|update| update.verifier),
    );
    let theirs = median(loads);
    let mut table = Table::default();
    let meaning = format!("last byte of the request to the flip, {UPDATES} updates");
    table.row("post_to_live_ms_p50", ours, meaning);
    let meaning = "of that, BPF_PROG_LOAD as the kernel saw it";
    table.row("verifier_ms_p50", verifier, meaning);
    for (index, (_, row, meaning)) in STEPS.into_iter().enumerate() {
        let times = updates.iter().map(|update| update.steps[index]);
        table.row(row, median(times.collect()), meaning);
    }
    let meaning = "of that, HTTP and the threads' waking";
    table.row("rest_ms_p50", of(Update::rest), meaning);
    let meaning = "a C loader in a fresh process, open to attached";
    table.row("libbpf_ms_p50", theirs, meaning);
    table.row("ratio", ours / theirs, "post_to_live / libbpf");
    let bound = VERIFIERS_MAX * verifier + REST_MS_MAX;
    table.at_most("post_to_live_ms_p50", ours, bound);
    table.at_most("ratio", ours / theirs, RATIO_MAX);
    table
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
