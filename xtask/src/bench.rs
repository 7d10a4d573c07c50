//! `cargo xtask bench load|events|handler|swap|pull|footprint [--json] [--check]`: times, as ratios measured
//! in one run against a named baseline, counts, and sizes. Called by people who change a hot path.
//! Must never compare with a number from another run or another machine.

mod baseline;
mod child;
mod events;
mod footprint;
mod handler;
mod load;
mod pull;
mod request;
mod rival;
mod running;
mod swap;
mod table;

use anyhow::{Result, bail, ensure};

use crate::{bpf, daemon, output, run, setup};
use baseline::Baseline;
pub(crate) use baseline::with_libbpf;

/// Runs a bench by its name.
///
/// # Errors
/// When it cannot be measured here, or with `--check` when a bound is missed.
pub(crate) fn bench(name: &str, options: &[&str]) -> Result<()> {
    let measure = match name {
        "load" => || load::measure(&Baseline::build()?),
        "events" => || events::measure(&Baseline::build()?),
        "handler" => || handler::measure(&Baseline::build()?),
        "swap" => || swap::measure(&Baseline::build()?),
        "pull" => || {
            setup::to_pull()?;
            pull::measure()
        },
        "footprint" => footprint::measure,
        other => bail!("unknown bench {other:?}: load, events, handler, swap, pull or footprint"),
    };
    if let Some(unknown) = options
        .iter()
        .find(|option| !["--json", "--check"].contains(option))
    {
        bail!("unknown option {unknown}: --json or --check");
    }
    ensure!(
        run::is_root(),
        "the benches load BPF programs: run them as root"
    );
    setup::to_build()?;
    bpf::compile_all()?;
    daemon::build()?;
    let table = measure()?;
    table.lines().iter().for_each(|line| output::line(line));
    let missed = table.missed();
    for bound in &missed {
        output::line(&format!("missed: {bound}"));
    }
    if options.contains(&"--json") {
        output::line(&table.json().to_string());
    }
    if options.contains(&"--check") && !missed.is_empty() {
        bail!("bench {name}: {} bounds missed", missed.len());
    }
    Ok(())
}
