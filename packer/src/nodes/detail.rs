//! One node for people: facts, what it runs, what happened there. Called by `nodes`.
//! Must never leave out what failed there.

use api::registry::{InstanceReport, Node, NodeDetail, Outcome};

use super::{doing, labels, state};
use crate::moment;
use crate::outcome::words;
use crate::table::{Text, grouped, row};

/// The most outcomes that are shown.
const OUTCOMES_SHOWN_MAX: usize = 10;

pub(super) fn of(shown: &NodeDetail, now_ms: u64) -> String {
    let mut text = Text::default();
    facts(&mut text, &shown.node, now_ms);
    let instances = shown.node.instances.iter();
    text.list("runs", instances.map(|one| instance(one, now_ms)));
    let outcomes = shown.outcomes.iter().take(OUTCOMES_SHOWN_MAX);
    text.list("happened", outcomes.map(|one| outcome(one, now_ms)));
    text.into_string()
}

fn facts(text: &mut Text, node: &Node, now_ms: u64) {
    let facts = &node.facts;
    let btf = if facts.btf { "with BTF" } else { "without BTF" };
    let mut rows = vec![
        row(["node", &node.node]),
        row(["state", state(node)]),
        row(["kernel", &format!("{} {}, {btf}", facts.kernel, facts.arch)]),
    ];
    if !facts.os.is_empty() {
        rows.push(row(["system", &facts.os]));
    }
    rows.push(row(["CPUs", &facts.cpus.to_string()]));
    rows.push(row(["version", &facts.version]));
    if !facts.labels.is_empty() {
        rows.push(row(["labels", &labels(node)]));
    }
    rows.push(row(["heard", &moment::relative(now_ms, node.seen_ms)]));
    rows.push(row(["enrolled", &moment::utc(node.enrolled_ms)]));
    text.rows("", rows);
}

fn instance(instance: &InstanceReport, now_ms: u64) -> Vec<String> {
    let version = instance.version.as_deref().unwrap_or("unversioned");
    let managed = if instance.managed {
        ""
    } else {
        "started on the node"
    };
    let events = format!("{} events", grouped(instance.counts.accepted));
    row([
        &instance.instance,
        &format!("{} {version}", instance.payload),
        &format!("generation {}", instance.generation),
        doing(instance.state),
        &events,
        &moment::relative(now_ms, instance.started_ms),
        managed,
    ])
}

fn outcome(outcome: &Outcome, now_ms: u64) -> Vec<String> {
    let version = outcome.version.as_deref().unwrap_or("unversioned");
    let problem = outcome.problem.as_ref();
    let problem = problem.map(ToString::to_string);
    row([
        &moment::relative(now_ms, outcome.at_ms),
        &outcome.instance,
        &format!("{} {version}", outcome.payload),
        words(outcome.kind),
        problem.as_deref().unwrap_or_default(),
    ])
}
