//! The counters of a node that follows a registry. A part of the metrics.
//! Must never write a number where the truth is "unknown".

use std::fmt::Write;

use api::node::{Following, Standing, Step};

use super::head;
use crate::fleet::Tally;

/// Name, help and value of a metric.
type Metric = (&'static str, &'static str, u64);

/// Adds them.
pub(super) fn add(out: &mut String, following: &Following, tally: &Tally) {
    let (gauges, counters) = (gauges(following), counters(following, tally));
    for (kind, metrics) in [("gauge", &gauges[..]), ("counter", &counters[..])] {
        for (name, help, value) in metrics {
            head(out, name, kind, help);
            // Writing to a string does not fail.
            let _ = writeln!(out, "{name} {value}");
        }
    }
    if let Some(heard_ms) = following.heard_ms {
        let name = "marrow_registry_heard_ms";
        let help = "When the registry last said what is wanted, milliseconds since 1970.";
        head(out, name, "gauge", help);
        let _ = writeln!(out, "{name} {heard_ms}");
    }
    let name = "marrow_registry_outcomes_total";
    head(
        out,
        name,
        "counter",
        "What became of what the registry wanted.",
    );
    for (kind, value) in &tally.outcomes {
        let _ = writeln!(out, "{name}{{kind=\"{kind}\"}} {value}");
    }
}

fn gauges(following: &Following) -> [Metric; 10] {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let with = |step: Step| {
        let instances = following.instances.iter();
        count(instances.filter(|one| one.step == step).count())
    };
    [
        (
            "marrow_registry_enrolled",
            "1 when the registry takes the node's credential.",
            u64::from(following.standing == Standing::Enrolled),
        ),
        (
            "marrow_registry_doorbell_open",
            "1 when changes are heard at once.",
            u64::from(following.doorbell),
        ),
        (
            "marrow_registry_trouble",
            "1 when the last call to the registry, or writing the state, failed.",
            u64::from(following.trouble.is_some()),
        ),
        (
            "marrow_registry_instances_wanted",
            "Instances that the registry wants, or that are being stopped.",
            count(following.instances.len()),
        ),
        (
            "marrow_registry_instances_running",
            "Instances of these that run as wanted.",
            with(Step::Running),
        ),
        (
            "marrow_registry_instances_refused",
            "Instances of these that this node refuses.",
            with(Step::Refused),
        ),
        (
            "marrow_registry_staged",
            "Payloads that are loaded and verified beside that because the registry asked.",
            count(
                following
                    .staged
                    .iter()
                    .filter(|one| one.step == Step::Staged)
                    .count(),
            ),
        ),
        (
            "marrow_registry_outcomes_waiting",
            "Outcomes that the registry has not taken yet.",
            following.outcomes_waiting,
        ),
        (
            "marrow_trusted_keys",
            "Keys that the node trusts.",
            count(following.keys),
        ),
        (
            "marrow_floors",
            "Payloads for which the node holds a floor.",
            count(following.floors.len()),
        ),
    ]
}

fn counters(following: &Following, tally: &Tally) -> [Metric; 7] {
    [
        (
            "marrow_registry_polls_total",
            "Answers to polls.",
            tally.polls,
        ),
        (
            "marrow_registry_polls_failed_total",
            "Polls without an answer that could be used.",
            tally.polls_failed,
        ),
        (
            "marrow_registry_rings_total",
            "Rings of the doorbell.",
            tally.rings,
        ),
        (
            "marrow_registry_reports_total",
            "Batches of reports that the registry took.",
            tally.reports,
        ),
        (
            "marrow_registry_reports_failed_total",
            "Batches of reports that it did not take.",
            tally.reports_failed,
        ),
        (
            "marrow_registry_outcomes_dropped_total",
            "Outcomes that were dropped because too many waited, over all lives of the node.",
            following.outcomes_dropped,
        ),
        (
            "marrow_floors_refused_total",
            "Floors that the registry told and the node did not take.",
            tally.floors_refused,
        ),
    ]
}
