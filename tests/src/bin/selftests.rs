//! Starts, hot-updates to itself and stops each object it is given, in a daemon of its own, and
//! prints a line of JSON about each. Run by `cargo xtask corpus` in a guest.
//! Must never run on a machine that is needed: some of the objects kill, deny and drop.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use api::client::{Client, ClientError};
use api::node::{Settings, Timing};
use payload::object::{Kind, inspect};
use serde_json::json;
use tests::daemon::Daemon;
use tests::kernel_ids::{self, Ids};
use tokio::runtime::Runtime;

/// How long the kernel may take to free what nobody holds any more.
const FREED: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The interface that programs are attached to.
const INTERFACE: &str = "lo";
/// The longest wait for an answer: by software the verifier is slow.
const ANSWER: Duration = Duration::from_mins(15);
/// The name of the instance.
const INSTANCE: &str = "selftest";

/// `selftests NODE FOLDER LIST`: the node's program, where the objects are, and a file with the
/// names of those that are meant.
fn main() -> Result<()> {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [node, folder, list] = words.as_slice() else {
        bail!("usage: selftests NODE FOLDER LIST");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut daemon = Daemon::start(node)?;
    for name in BufReader::new(File::open(list)?).lines() {
        let name = name?;
        let object = std::fs::read(folder.join(format!("{name}.bpf.o")))?;
        line(&json!({ "begins": name }))?;
        let before = kernel_ids::all()?;
        let fate = match one(&runtime, &mut daemon, &object, &before) {
            Ok(Ran::Through) => json!({ "name": name, "fate": "ran" }),
            Ok(Ran::Refused(why)) => json!({ "name": name, "fate": "refused", "why": why }),
            Err(error) => {
                // The next one begins with a daemon that nothing happened to.
                drop(daemon);
                let left = nothing_left(&before);
                daemon = Daemon::start(node)?;
                let fate = if is_unreachable(&error) && left.is_ok() {
                    "unreachable"
                } else {
                    "failed"
                };
                let left = left
                    .err()
                    .map(|left| format!("; {left}"))
                    .unwrap_or_default();
                json!({ "name": name, "fate": fate, "why": format!("{error:#}{left}") })
            }
        };
        line(&fate)?;
    }
    Ok(())
}

fn line(value: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

/// Whether no request reached the daemon.
fn is_unreachable(error: &anyhow::Error) -> bool {
    let client = error.chain().find_map(|cause| cause.downcast_ref());
    matches!(
        client,
        Some(ClientError::Unreachable { .. } | ClientError::Denied { .. })
    )
}

/// How far an object came.
enum Ran {
    /// It was started, updated and stopped.
    Through,
    /// It was refused before anything of it was attached.
    Refused(String),
}

fn one(runtime: &Runtime, daemon: &mut Daemon, object: &[u8], before: &Ids) -> Result<Ran> {
    let client = daemon.client().waiting(ANSWER);
    let ran = runtime.block_on(through(&client, object));
    daemon.is_alive()?;
    let ran = ran?;
    let left = runtime.block_on(client.instances())?;
    ensure!(left.is_empty(), "it still runs");
    nothing_left(before)?;
    Ok(ran)
}

/// Where programs go whose sections name no interface: traffic control of the loopback device, and
/// the first one of XDP, which takes one.
fn targets(object: &[u8]) -> BTreeMap<String, String> {
    let programs = inspect(object).map(|object| object.programs);
    let mut targets = BTreeMap::new();
    let mut with_xdp = false;
    for program in programs.unwrap_or_default() {
        let goes = match program.kind {
            Kind::Tc | Kind::Tcx => true,
            Kind::Xdp => !std::mem::replace(&mut with_xdp, true),
            _ => false,
        };
        if goes && program.autoload && program.target.is_none() {
            targets.insert(program.name, INTERFACE.to_owned());
        }
    }
    targets
}

async fn through(client: &Client, object: &[u8]) -> Result<Ran> {
    let targets = targets(object);
    let settings = Settings {
        targets,
        ..Settings::default()
    };
    let timing = Timing::default();
    let put = || client.put(INSTANCE, object.to_vec(), &settings, timing);
    let started = match put().await {
        Ok(applied) => applied.instance,
        Err(ClientError::Refused { problem, .. }) if problem.status == 422 => {
            return Ok(Ran::Refused(problem.detail));
        }
        Err(error) => return Err(error).context("starting it"),
    };
    let updated = put().await;
    // Also where the update was refused: what runs must be stopped.
    let stopped = client.stop(INSTANCE).await;
    let updated = updated.context("updating it to itself")?.instance;
    stopped.context("stopping it")?;
    ensure!(
        updated.id == started.id && updated.generation == started.generation + 1,
        "generation {} of instance {} became {} of {}",
        started.generation,
        started.id,
        updated.generation,
        updated.id
    );
    Ok(Ran::Through)
}

/// That the kernel holds what it held before; it frees some things only after a while.
fn nothing_left(before: &Ids) -> Result<()> {
    let deadline = Instant::now() + FREED;
    loop {
        let left: Vec<String> = kernel_ids::all()?
            .difference(before)
            .map(|(kind, id)| format!("{kind} {id}"))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "left in the kernel: {}",
            left.join(", ")
        );
        std::thread::sleep(PAUSE);
    }
}
