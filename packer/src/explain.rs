//! `packer explain`: why a node runs what it runs, what it waits for, and when that will be. Called by
//! `main`. Must never show text of a node unescaped, nor hide the verifier's words.

use api::registry::{Explain, Explanation, InstanceReport, Outcome, Wanted};

use crate::cli::ExplainArguments;
use crate::failure::Failure;
use crate::moment;
use crate::nodes::doing;
use crate::outcome;
use crate::output;
use crate::registry::Registry;
use crate::table::{Text, row};

/// Shows it for each instance.
pub(crate) fn run(arguments: &ExplainArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let node = arguments.node.as_str();
    let explain = registry.ask(registry.client().explain(node))?;
    output::shown(arguments.json, &explain, || text(&explain, now_ms))?;
    if explain.instances.is_empty() && !arguments.json {
        output::note(&format!(
            "{node} runs nothing, and no deployment names it: `packer nodes {node}` shows its labels"
        ));
    }
    Ok(())
}

fn text(explain: &Explain, now_ms: u64) -> String {
    let mut text = Text::default();
    for (index, one) in explain.instances.iter().enumerate() {
        if index > 0 {
            text.gap();
        }
        explained(&mut text, one, now_ms);
    }
    text.into_string()
}

fn explained(text: &mut Text, one: &Explanation, now_ms: u64) {
    text.lines("", &one.instance);
    let mut rows = vec![
        row(["runs", &one.running.as_ref().map_or_else(nothing, runs)]),
        row(["is given", &one.wanted.as_ref().map_or_else(nothing, given)]),
    ];
    if let Some(latest) = &one.latest {
        rows.push(row(["latest", &happened(latest, now_ms)]));
    }
    text.rows("  ", rows);
    for sentence in &one.because {
        text.lines("  ", sentence);
    }
    // The sentences say what was wrong; the verifier's own words are here.
    let problem = one.latest.as_ref().and_then(|one| one.problem.as_deref());
    if let Some(log) = problem.and_then(|problem| problem.log.as_deref()) {
        text.lines("    ", log.trim_end());
    }
}

fn nothing() -> String {
    "nothing".to_owned()
}

/// `acme/execsnoop 1.0.0, generation 2, running, watched`.
fn runs(instance: &InstanceReport) -> String {
    let InstanceReport {
        payload,
        generation,
        state,
        ..
    } = instance;
    let version = instance.version.as_deref().unwrap_or("unversioned");
    let watched = if instance.watched { ", watched" } else { "" };
    let does = doing(*state);
    format!("{payload} {version}, generation {generation}, {does}{watched}")
}

/// `acme/execsnoop 1.1.0, by rollout 12 of execsnoop`.
fn given(wanted: &Wanted) -> String {
    let Wanted {
        payload,
        version,
        deployment,
        ..
    } = wanted;
    match wanted.rollout {
        Some(by) => format!("{payload} {version}, by rollout {} of {deployment}", by.id),
        None => format!("{payload} {version}, by {deployment}"),
    }
}

/// `1.1.0 could not be loaded, 3 min ago`.
fn happened(latest: &Outcome, now_ms: u64) -> String {
    let version = latest.version.as_deref().unwrap_or("unversioned");
    let staging = if latest.staging { " while staged" } else { "" };
    let what = outcome::words(latest.kind);
    let when = moment::relative(now_ms, latest.at_ms);
    format!("{version} {what}{staging}, {when}")
}
