//! Counts that go on over updates under load: in a map that generations share, in one whose struct
//! changes, in variables. Run by `hooks`, before its cases.
//! Must never compare with anything but what the threads themselves counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

use anyhow::{Context, Result, ensure};
use api::node::Settings;
use payload::manifest::{Described, Merge};
use serde_json::Value;

use super::daemon::Daemon;
use crate::calls::failing_lseek;
use crate::payloads;

/// What one asks for to have this alone.
pub(super) const NAME: &str = "hand-over";
/// `tests/system/migrate.bpf.c` in two layouts, as `cargo xtask bpf` names them.
const OBJECTS: [&str; 2] = ["hand-over-1.bpf.o", "hand-over-2.bpf.o"];
/// What they look for.
const WHENCE: i32 = 78;
const UPDATES: usize = 10;
const THREADS: u64 = 2;

/// Takes a payload through updates while threads fire; what each counted must be in the maps.
pub(super) fn prove(daemon: &Daemon, objects: &Path) -> Result<()> {
    let mut files = Vec::new();
    for name in OBJECTS {
        let file = objects.join(name);
        files.push(std::fs::read(&file).with_context(|| file.display().to_string())?);
    }
    let update = |number: usize| -> Result<Value> {
        let file = payload(number, &files[number % OBJECTS.len()])?;
        let applied = daemon.put(&file, &Settings::default(), 0)?;
        Ok(serde_json::to_value(applied.proof)?)
    };
    update(0).context("starting it")?;
    let done = AtomicBool::new(false);
    let (proofs, fired) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let done = &done;
                scope.spawn(move || fire(number, done))
            })
            .collect();
        let proofs: Result<Vec<Value>> = (1..=UPDATES).map(&update).collect();
        done.store(true, Ordering::Relaxed);
        let joined = threads.into_iter().map(ScopedJoinHandle::join);
        (proofs, joined.collect::<std::thread::Result<Vec<u64>>>())
    });
    let fired = fired.map_err(|_| anyhow::anyhow!("a firing thread panicked"))?;
    for proof in proofs.context("updating it under load")? {
        check(&proof)?;
    }
    compare(daemon, fired.iter().sum())?;
    daemon.stop_instance();
    Ok(())
}

fn payload(number: usize, object: &[u8]) -> Result<Vec<u8>> {
    let merge = ["tallies", ".bss"].map(|map| (map.to_owned(), Merge::Add));
    let wishes = Described {
        merge: BTreeMap::from(merge),
        ..Described::default()
    };
    payloads::described("test/hooks", &format!("{number}.0.0"), object, wishes)
}

/// Fires until `done`; gives how often.
fn fire(number: u64, done: &AtomicBool) -> u64 {
    let mut fired = 0;
    while !done.load(Ordering::Relaxed) {
        failing_lseek(number.cast_signed(), WHENCE);
        fired += 1;
    }
    fired
}

fn check(proof: &Value) -> Result<()> {
    for count in ["duplicated", "falls_through"] {
        ensure!(proof[count] == 0, "{count}: {proof}");
    }
    ensure!(proof["lost"].is_number(), "lost: {proof}");
    for (map, hand_over) in [
        ("same", "shared"),
        ("tallies", "migrated"),
        (".bss", "migrated"),
    ] {
        let maps = proof["maps"].as_array().context("a proof without maps")?;
        let told = maps.iter().find(|told| told["map"] == map);
        let told = told.with_context(|| format!("{map} is not in {proof}"))?;
        ensure!(told["hand_over"] == hand_over, "{told}");
        let conflicts = &told["migrated"]["conflicts"];
        ensure!(conflicts.is_null() || *conflicts == 0, "{told}");
    }
    Ok(())
}

/// Every map must have the same count: that of all calls, but for runs that the kernel skipped and
/// told of. Preemptible kernels do, on a CPU whose task is at work on a map.
fn compare(daemon: &Daemon, fired: u64) -> Result<()> {
    let hooks = daemon.instance()?.hooks;
    let missed: u64 = hooks.iter().map(|hook| hook.missed).sum();
    let number = |value: &Value| {
        value
            .as_u64()
            .with_context(|| format!("{value} is no count"))
    };
    let (mut tallies, mut same) = (0, 0);
    for thread in 0..THREADS {
        tallies += number(&value(daemon, "tallies", &thread.into())?["runs"])?;
        same += number(&value(daemon, "same", &thread.into())?)?;
    }
    let total = number(&value(daemon, ".bss", &"total".into())?)?;
    ensure!(
        tallies == same && same == total && total <= fired && total + missed >= fired,
        "{fired} calls, {missed} runs skipped by the kernel: {tallies} in the map that changes, \
         {same} in the shared one, {total} in the variable"
    );
    Ok(())
}

/// The value of a key.
fn value(daemon: &Daemon, map: &str, key: &Value) -> Result<Value> {
    let content = daemon.map(map)?;
    let entries = content["entries"]
        .as_array()
        .context("a map without entries")?;
    let found = entries.iter().find(|entry| entry["key"] == *key);
    let found = found.with_context(|| format!("{map} has no {key}: {content}"))?;
    Ok(found["value"].clone())
}
