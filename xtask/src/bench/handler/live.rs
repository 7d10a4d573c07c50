//! A handler while records are made beside it: how many come through, and what replacing it costs.
//! Must never take the node's word for what was lost: the handler sees the records' numbers.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::child::Ended;
use super::super::running::Running;
use super::sides::{Sides, counted};
use crate::run;

/// How long records are made for, milliseconds.
const LIVE_MS: u32 = 3_000;
/// The same while handlers are replaced; the replacing ends before.
const SWAPPING_MS: u32 = 12_000;
const SWAPS: usize = 200;
/// Between two calls meanwhile, which make a thousand records each: compiling and reading share a core
/// on a machine of two, and the ring has to last while the reader waits for it.
const SWAPPING_REST_US: u32 = 500;

/// What became of records that were made live.
pub(super) struct Through {
    pub(super) made: f64,
    pub(super) per_s: f64,
    pub(super) lost: f64,
}

/// What became of them while handlers were replaced.
pub(super) struct Swaps {
    pub(super) counted: Through,
    pub(super) duplicated: f64,
    pub(super) pauses_us: Vec<f64>,
}

/// One handler.
///
/// # Errors
/// When the node or the load fails.
pub(super) fn through(sides: &Sides<'_>) -> Result<Through> {
    let (node, output) = start(sides, "live")?;
    let made = run::captured(sides.flow().args(["live", &LIVE_MS.to_string(), "0"]))?;
    node.stop()?;
    through_of(&made, &counted(&output)?)
}

/// Handlers behind each other.
///
/// # Errors
/// When the node or the load fails, or an update is none of the handler alone.
pub(super) fn swaps(sides: &Sides<'_>) -> Result<Swaps> {
    let (mut node, output) = start(sides, "swaps")?;
    let mut flow = sides.flow();
    flow.args([
        "live",
        &SWAPPING_MS.to_string(),
        &SWAPPING_REST_US.to_string(),
    ]);
    let mut load = Ended::start(flow.stdout(Stdio::piped()))?;
    let mut pauses_us = Vec::with_capacity(SWAPS);
    for swap in 1..=SWAPS {
        pauses_us.push(pause_us(&node.update(&sides.core[swap % 2])?)?);
    }
    ensure!(
        load.0.try_wait()?.is_none(),
        "the load ended before the last of {SWAPS} updates"
    );
    let mut made = String::new();
    let printed = load.0.stdout.take().context("its output is piped")?;
    BufReader::new(printed).read_line(&mut made)?;
    node.stop()?;
    let counted = counted(&output)?;
    let duplicated = counted["duplicated"].as_f64();
    Ok(Swaps {
        counted: through_of(&made, &counted)?,
        duplicated: duplicated.unwrap_or(f64::NAN),
        pauses_us,
    })
}

/// `made` is what the load printed, `counted` what the handler says.
fn through_of(made: &str, counted: &Value) -> Result<Through> {
    let (made, ns) = made
        .trim()
        .split_once(' ')
        .with_context(|| format!("the load printed {made:?}"))?;
    let (made, ns): (f64, f64) = (made.parse()?, ns.parse()?);
    let lost = counted["lost"].as_f64().unwrap_or(f64::NAN);
    Ok(Through {
        made,
        per_s: made / (ns / 1e9),
        lost,
    })
}

/// A node on the first build of the handler, and where its events go.
fn start(sides: &Sides<'_>, name: &str) -> Result<(Running, PathBuf)> {
    let (file, output) = (sides.output("running.wasm"), sides.output(name));
    let node = Running::start(file, &sides.core[0], File::create(&output)?)?;
    Ok((node, output))
}

/// Microseconds of the pause of an update that replaced the handler and nothing else.
fn pause_us(proof: &Value) -> Result<f64> {
    let handler = &proof["handler"];
    ensure!(
        handler["alone"] == true && handler["state"] == "carried",
        "no update of the handler alone: {proof}"
    );
    let pause = proof["steps"]["pause_us"].as_f64();
    pause.with_context(|| format!("a proof without a pause: {proof}"))
}
