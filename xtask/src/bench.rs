//! `cargo xtask bench load|events|handler|swap|pull|fleet|pages|footprint [--json] [--check]`: times, as
//! ratios measured in one run against a named baseline, counts, and sizes. Called by people who
//! change a hot path.
//! Must never compare with a number from another run or another machine.

mod baseline;
mod child;
mod events;
mod fleet;
mod footprint;
mod handler;
mod load;
mod pages;
mod pull;
mod request;
mod rival;
mod running;
mod swap;
mod table;

use anyhow::{Context, Result, bail, ensure};

use crate::{bpf, daemon, output, run, setup};
use baseline::Baseline;
pub(crate) use baseline::with_libbpf;
use table::Table;

/// Runs a bench by its name.
///
/// # Errors
/// When it cannot be measured here, or with `--check` when a bound is missed.
pub(crate) fn bench(name: &str, options: &[&str]) -> Result<()> {
    let measure: fn(usize) -> Result<Table> = match name {
        "load" => |_| load::measure(&Baseline::build()?),
        "events" => |_| events::measure(&Baseline::build()?),
        "handler" => |_| handler::measure(&Baseline::build()?),
        "swap" => |_| swap::measure(&Baseline::build()?),
        "pull" => |_| {
            setup::to_pull()?;
            pull::measure()
        },
        "fleet" => fleet::measure,
        "pages" => pages::measure,
        "footprint" => |_| footprint::measure(),
        other => {
            bail!(
                "unknown bench {other:?}: load, events, handler, swap, pull, fleet, pages or \
                 footprint"
            )
        }
    };
    let nodes = nodes_of(name, options)?;
    ensure!(
        run::is_root(),
        "the benches load BPF programs: run them as root"
    );
    setup::to_build()?;
    bpf::compile_all()?;
    daemon::build(match name {
        "fleet" | "pages" => &fleet::PROGRAMS,
        _ => &daemon::PROGRAMS,
    })?;
    let table = measure(nodes)?;
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

/// How many nodes the options name; only a fleet has any.
fn nodes_of(name: &str, options: &[&str]) -> Result<usize> {
    let mut nodes = fleet::NODES;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--json" | "--check" => {}
            "--nodes" if ["fleet", "pages"].contains(&name) => {
                let count = options.next().context("--nodes needs a number")?;
                nodes = count.parse().context("--nodes needs a number")?;
            }
            unknown => {
                bail!("unknown option {unknown}: --json or --check; fleet and pages take --nodes N")
            }
        }
    }
    Ok(nodes)
}
