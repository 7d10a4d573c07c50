//! One node for people: facts, what it runs and why, what happened there. Called by `nodes`.
//! Must never leave out why something does not run.

use api::node::InstanceState;
use api::registry::{Explanation, InstanceReport, Node, Outcome};

use super::{Shown, labels, state};
use crate::moment;
use crate::outcome::words;
use crate::table::{Text, grouped, row};

/// The most outcomes that are shown.
const OUTCOMES_SHOWN_MAX: usize = 10;

pub(super) fn of(shown: &Shown, now_ms: u64) -> String {
    let mut text = Text::default();
    facts(&mut text, &shown.detail.node, now_ms);
    text.list(
        "runs",
        shown
            .detail
            .node
            .instances
            .iter()
            .map(|one| instance(one, now_ms)),
    );
    for explanation in &shown.explain.instances {
        explained(&mut text, explanation);
    }
    let outcomes = shown.detail.outcomes.iter().take(OUTCOMES_SHOWN_MAX);
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

fn doing(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Running => "running",
        InstanceState::Paused => "paused",
    }
}

fn explained(text: &mut Text, explanation: &Explanation) {
    text.lines("", &format!("why {}", explanation.instance));
    for sentence in &explanation.because {
        text.lines("  ", sentence);
    }
    // The sentences say what was wrong; the verifier's own words are here.
    let latest = explanation.latest.as_ref();
    let problem = latest.and_then(|outcome| outcome.problem.as_deref());
    if let Some(log) = problem.and_then(|problem| problem.log.as_deref()) {
        text.lines("    ", log.trim_end());
    }
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
