//! `bench handler`: what a record costs in a handler of either lane, against a Rust closure that
//! libbpf-rs calls and against one call a record; how many come through live; what replacing the
//! handler costs. Called by `bench`.
//! Must never give the sides different records, rings or work, nor count what a full ring refused
//! as nobody's.

mod live;
mod sides;

use anyhow::Result;

use super::baseline::Baseline;
use super::table::{Table, median, percentile_99, spread};
use crate::daemon::Folder;
use sides::{Side, Sides};

/// Rounds in which every side has its turn.
const ROUNDS: usize = 7;
/// The bounds of the issue that asked for this bench.
const CORE_RATIO_MAX: f64 = 1.10;
const COMPONENT_RATIO_MAX: f64 = 1.5;
const PAUSE_US_MAX: f64 = 1000.0;

/// Lets every side drain the same ring in turn, then one handler live, then many behind each other.
///
/// # Errors
/// When a side does not start, or does not count every record.
pub(super) fn measure(baseline: &Baseline) -> Result<Table> {
    let folder = Folder::new("bench")?;
    let sides = Sides::build(baseline, folder.path())?;
    let mut table = Table::default();
    rounds(&mut table, &sides)?;
    let through = live::through(&sides)?;
    let meaning = "one core makes records without a rest, the node reads beside it";
    table.row("live_events_per_s", through.per_s, meaning);
    let meaning = format!("of {:.0} that were made", through.made);
    table.row("live_lost", through.lost, meaning);
    table.at_most("live_lost", through.lost, 0.0);
    let swaps = live::swaps(&sides)?;
    let meaning = format!(
        "from the last record of one to the first of the next, 25 KB of state, {} times",
        swaps.pauses_us.len()
    );
    let p99_us = percentile_99(swaps.pauses_us.clone());
    table.row("swap_pause_us_p50", median(swaps.pauses_us), meaning);
    table.row(
        "swap_pause_us_p99",
        p99_us,
        "the same, 99 of 100 are shorter",
    );
    table.at_most("swap_pause_us_p99", p99_us, PAUSE_US_MAX);
    let meaning = format!(
        "of {:.0} that were made meanwhile, {:.0} a second",
        swaps.counted.made, swaps.counted.per_s
    );
    table.row("swap_lost", swaps.counted.lost, meaning);
    table.row("swap_duplicated", swaps.duplicated, "counted once more");
    table.at_most("swap_lost", swaps.counted.lost, 0.0);
    table.at_most("swap_duplicated", swaps.duplicated, 0.0);
    Ok(table)
}

/// CPU time a record, of each side, and its ratio to the closure in the same round.
fn rounds(table: &mut Table, sides: &Sides) -> Result<()> {
    let mut costs_ns = [const { Vec::new() }; Side::ALL.len()];
    for _ in 0..ROUNDS {
        for (side, costs) in Side::ALL.into_iter().zip(&mut costs_ns) {
            costs.push(sides.cost_ns(side)?);
        }
    }
    let [closure, core, component, calls] = costs_ns;
    let ratios = |costs: &[f64]| -> Vec<f64> {
        let pairs = costs.iter().zip(&closure);
        pairs.map(|(cost, closure)| cost / closure).collect()
    };
    for (field, costs, meaning) in [
        (
            "closure_ns",
            &closure,
            "a Rust closure, called by libbpf-rs",
        ),
        ("core_ns", &core, "a node with the handler in the core lane"),
        ("component_ns", &component, "in the component lane"),
        ("per_event_ns", &calls, "one call of the handler a record"),
    ] {
        let meaning = format!("CPU time a record: {meaning}; {}", spread(costs));
        table.row(field, median(costs.clone()), meaning);
    }
    for (field, costs, most) in [
        ("core_ratio", &core, Some(CORE_RATIO_MAX)),
        ("component_ratio", &component, Some(COMPONENT_RATIO_MAX)),
        ("per_event_ratio", &calls, None),
    ] {
        let ratios = ratios(costs);
        let meaning = format!("to the closure, in rounds in turn; {}", spread(&ratios));
        let ratio = median(ratios);
        table.row(field, ratio, meaning);
        if let Some(most) = most {
            table.at_most(field, ratio, most);
        }
    }
    Ok(())
}
