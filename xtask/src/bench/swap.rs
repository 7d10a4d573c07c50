//! `bench swap`: what is lost, seen twice or out of order while two programs of one payload are
//! replaced under load, by the gate alone, by whole updates of the node, and by detaching and
//! attaching. Called by `bench`. Must never count what the load itself may have lost as nobody's.

mod whole;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::baseline::{self, Baseline};
use super::table::{Table, median, percentile_99, spread};
use crate::run;
use whole::Whole;

/// Flips by the gate alone, and the time between two of them.
const FLIPS: usize = 10_000;
const FLIP_PACE_US: usize = 200;
/// How often the programs are detached and attached, and the time between.
const RIVAL_SWAPS: usize = 20;
const RIVAL_PACE_US: usize = 20_000;
/// Runs of a program a round, and rounds, for the cost of the switch.
const RUNS: u32 = 5_000_000;
const ROUNDS: usize = 11;
/// The bound of the issue that asked for this bench.
const FLIP_NS_MAX: f64 = 1000.0;

/// What became of the reports that a load caused.
struct Account(Value);

impl Account {
    fn of(printed: &str) -> Result<Self> {
        let account = serde_json::from_str(printed.trim());
        Ok(Self(account.with_context(|| {
            format!("the load printed {printed:?}")
        })?))
    }

    fn number(&self, field: &str) -> f64 {
        self.0[field].as_f64().unwrap_or(f64::NAN)
    }

    fn per_s(&self) -> f64 {
        self.number("events") / (self.number("took_ns") / 1e9)
    }
}

/// Replaces two programs in every way there is.
///
/// # Errors
/// When a load, the node or the kernel fails.
pub(super) fn measure(baseline: &Baseline) -> Result<Table> {
    let switch = baseline::switch()?;
    let way = |name: &str, count, pace_us| flips(baseline, &switch, name, count, pace_us);
    let gate = way("gate", FLIPS, FLIP_PACE_US)?;
    let detached = way("detach-attach", RIVAL_SWAPS, RIVAL_PACE_US)?;
    let attached = way("attach-detach", RIVAL_SWAPS, RIVAL_PACE_US)?;
    let whole = whole::measure(baseline)?;
    let costs_ns = costs_ns(baseline, &switch)?;
    let mut table = Table::default();
    counts(&mut table, &gate, &whole);
    times(&mut table, &gate, &whole);
    rivals(&mut table, &detached, &attached);
    let meaning = format!(
        "a run of an xdp program behind a switch, less one alone: {}",
        spread(&costs_ns)
    );
    table.row("switch_cost_ns", median(costs_ns), meaning);
    Ok(table)
}

fn flips(
    baseline: &Baseline,
    switch: &Path,
    way: &str,
    count: usize,
    pace_us: usize,
) -> Result<Account> {
    let mut flips = Command::new(baseline.program("flips"));
    flips.arg(way).arg(switch);
    flips.args(["swap-1", "swap-2"].map(|name| baseline.object(name)));
    flips.args([count, pace_us].map(|number| number.to_string()));
    let account = Account::of(&run::captured(&mut flips)?)?;
    ensure!(account.number("events") > 0.0, "{way}: nothing was called");
    Ok(account)
}

/// What a switch adds to a run, by round.
fn costs_ns(baseline: &Baseline, switch: &Path) -> Result<Vec<f64>> {
    let mut costs = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let mut cost = Command::new(baseline.program("cost"));
        cost.arg(switch).arg(baseline.object("cost"));
        let printed = run::captured(cost.arg(RUNS.to_string()))?;
        let (alone, behind) = printed
            .trim()
            .split_once(' ')
            .context("the cost is two numbers")?;
        let (alone, behind): (f64, f64) = (alone.parse()?, behind.parse()?);
        costs.push((behind - alone) / f64::from(RUNS));
    }
    Ok(costs)
}

/// Every report must come once and in order, whichever generation sent it.
fn counts(table: &mut Table, gate: &Account, whole: &Whole) {
    let both = |field: &str| gate.number(field) + whole.account.number(field);
    let meaning = format!(
        "by the gate alone, {:.0} reports a second meanwhile",
        gate.per_s()
    );
    table.row("flips", number(FLIPS), meaning);
    let meaning = format!(
        "updates of a node, grace and drain each, {:.0} reports a second through it meanwhile",
        whole.account.per_s()
    );
    table.row("whole_flips", number(whole::UPDATES), meaning);
    let meaning = "caused: two hooks, two threads, every call once a hook";
    table.row("events", both("events"), meaning);
    table.row("lost", both("lost"), "of them, never reported");
    table.row("duplicated", both("duplicated"), "reported once more");
    let meaning = "behind one that its thread caused later: over all hooks and generations, by \
                   the gate alone within a ring";
    table.row("reordered", both("reordered"), meaning);
    for (field, count) in [
        ("lost", both("lost")),
        ("duplicated", both("duplicated")),
        ("reordered", both("reordered")),
        // What the node's proofs say of the same.
        ("lost by the proofs", whole.lost),
        ("duplicated by the proofs", whole.duplicated),
        ("lines that are no event", whole.account.number("malformed")),
    ] {
        table.at_most(field, count, 0.0);
    }
}

fn times(table: &mut Table, gate: &Account, whole: &Whole) {
    let p50_ns = gate.number("p50_ns");
    table.row("flip_ns_p50", p50_ns, "the store to the gate, alone");
    let meaning = "the same, the longest: threads are more than cores";
    table.row("flip_ns_max", gate.number("max_ns"), meaning);
    let whole_ns = median(whole.flips_ns.clone());
    let meaning = "the store of a whole update, by its proof";
    table.row("whole_flip_ns_p50", whole_ns, meaning);
    let meaning = "until no program of the old generation runs";
    table.row("grace_ms_p50", median(whole.graces_ms.clone()), meaning);
    let meaning = "from the flip until the new rings are read";
    table.row("pause_ms_p50", median(whole.pauses_ms.clone()), meaning);
    let pause_ms = percentile_99(whole.pauses_ms.clone());
    table.row("pause_ms_p99", pause_ms, "the same, 99 of 100 are shorter");
    table.at_most("flip_ns_p50", p50_ns, FLIP_NS_MAX);
    table.at_most("whole_flip_ns_p50", whole_ns, FLIP_NS_MAX);
}

/// What replacing without a switch does; nothing is asked of it.
fn rivals(table: &mut Table, detached: &Account, attached: &Account) {
    let meaning = format!(
        "the same programs by libbpf, {RIVAL_SWAPS} times, of {:.0} caused",
        detached.number("events")
    );
    // A full ring is another matter than a hook without program.
    let lost = |account: &Account| account.number("lost") - account.number("refused");
    table.row("detach_attach_lost", lost(detached), meaning);
    let share = lost(detached) / detached.number("events");
    table.row("detach_attach_lost_share", share, "of all that was caused");
    let duplicated = attached.number("duplicated");
    let meaning = format!("the same, {RIVAL_SWAPS} times the other way round");
    table.row("attach_detach_duplicated", duplicated, meaning);
    let ms = |account: &Account| account.number("p50_ns") / 1e6;
    table.row("detach_attach_ms_p50", ms(detached), "how long one takes");
    table.row("attach_detach_ms_p50", ms(attached), "how long one takes");
}

fn number(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let number = count as f64;
    number
}
