//! The sides of `bench handler`, built and run: the node with the handler in either lane, a closure,
//! one call a record. Must never measure a side before it has read once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::baseline::Baseline;
use super::super::child::Ended;
use super::super::running;
use super::super::table::median;
use crate::{daemon, run};

/// Fills of the ring in a round.
const FILLS: usize = 15;

/// Who reads the ring.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Closure,
    Core,
    Component,
    Calls,
}

impl Side {
    pub(super) const ALL: [Self; 4] = [Self::Closure, Self::Core, Self::Component, Self::Calls];
}

/// The programs and payloads of all sides.
pub(super) struct Sides<'a> {
    baseline: &'a Baseline,
    folder: &'a Path,
    /// The handler in the core lane, two builds of it over one object.
    pub(super) core: [PathBuf; 2],
    component: PathBuf,
}

impl<'a> Sides<'a> {
    /// Has `packer` build the payloads, and cargo the closure.
    ///
    /// # Errors
    /// When one of them refuses.
    pub(super) fn build(baseline: &'a Baseline, folder: &'a Path) -> Result<Self> {
        daemon::build(&["closure"])?;
        let core = [payload(folder, "core", 1)?, payload(folder, "core", 2)?];
        let component = payload(folder, "component", 1)?;
        Ok(Self {
            baseline,
            folder,
            core,
            component,
        })
    }

    /// What fills the ring and looks at who reads it.
    pub(super) fn flow(&self) -> Command {
        Command::new(self.baseline.program("flow"))
    }

    /// A file for what a side prints.
    pub(super) fn output(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Nanoseconds of CPU time a record, of one side in one round: the middle of its fills.
    ///
    /// # Errors
    /// When the side fails, or does not count every record once.
    pub(super) fn cost_ns(&self, side: Side) -> Result<f64> {
        let output = self.output("side");
        let mut command = match side {
            Side::Core => running::command(&self.core[0]),
            Side::Component => running::command(&self.component),
            Side::Closure | Side::Calls => {
                let mut closure = Command::new(daemon::binary("closure"));
                closure.arg(&self.core[0]);
                closure.arg(if side == Side::Closure {
                    "closure"
                } else {
                    "calls"
                });
                closure
            }
        };
        let mut reader = Ended::start(
            command
                .stdin(Stdio::piped())
                .stdout(File::create(&output)?)
                .stderr(File::create(output.with_extension("log"))?),
        )?;
        let mut flow = self.flow();
        flow.arg("rounds").arg(reader.0.id().to_string());
        let printed = run::captured(flow.arg(FILLS.to_string()))?;
        end(&mut reader, side)?;
        let counted = counted(&output)?;
        let mut costs_ns = Vec::with_capacity(FILLS);
        for line in printed.lines() {
            let (ns, records) = line.split_once(' ').context("a fill is two numbers")?;
            costs_ns.push(ns.parse::<f64>()? / records.parse::<f64>()?);
        }
        ensure!(costs_ns.len() == FILLS, "flow printed {printed:?}");
        let wrong = |field: &str| counted[field].as_u64().is_some_and(|count| count > 0);
        ensure!(
            counted["events"].as_u64().is_some() && !wrong("lost") && !wrong("duplicated"),
            "a side did not count every record once: {counted}"
        );
        Ok(median(costs_ns))
    }
}

/// Has a side end by itself.
fn end(reader: &mut Ended, side: Side) -> Result<()> {
    match side {
        Side::Core | Side::Component => reader.signal("TERM")?,
        Side::Closure | Side::Calls => drop(reader.0.stdin.take()),
    }
    let status = reader.0.wait()?;
    ensure!(status.success(), "a side ended with {status}");
    Ok(())
}

/// What a side counted: its last line, or the event in that.
pub(super) fn counted(output: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(output)?;
    let last = text.lines().last();
    let last = last.with_context(|| {
        let log = std::fs::read_to_string(output.with_extension("log"));
        format!("a side printed nothing but {:?}", log.unwrap_or_default())
    })?;
    let line: Value = serde_json::from_str(last)?;
    Ok(match line.get("event") {
        Some(event) => event.clone(),
        None => line,
    })
}

/// A payload of `tests/bench/flow` with its handler in a lane.
fn payload(folder: &Path, lane: &str, build: u32) -> Result<PathBuf> {
    let source = run::root().join("tests/bench/flow");
    let copy = folder.join(format!("{lane}-{build}"));
    std::fs::create_dir(&copy)?;
    for name in ["event.h", "flow.bpf.c", "handler.c"] {
        std::fs::copy(source.join(name), copy.join(name))?;
    }
    let manifest = std::fs::read_to_string(source.join("payload.toml"))?;
    let manifest = manifest.replace("\"core\"", &format!("{lane:?}"));
    run::write(&copy.join("payload.toml"), manifest.as_bytes())?;
    let text = format!("#define BUILD {build}\n");
    run::write(&copy.join("build.h"), text.as_bytes())?;
    let file = copy.with_extension("wasm");
    let mut packer = Command::new(daemon::binary("packer"));
    packer.arg("build").arg(&copy).arg("-o").arg(&file);
    packer.args(["--payload-version", &format!("{build}.0.0")]);
    run::captured(&mut packer)?;
    Ok(file)
}
