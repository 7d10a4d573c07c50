//! `packer rollout status`: rollouts, one of them, or its nodes. Called by `rollout`.
//! Must never show text of a node unescaped.

use api::registry::{RolloutDetail, RolloutNode, RolloutNodes, Rollouts, Transition};
use serde::Serialize;

use super::picture::Picture;
use super::{meant, words};
use crate::cli::StatusArguments;
use crate::failure::Failure;
use crate::moment;
use crate::output;
use crate::plan;
use crate::registry::Registry;
use crate::table::{Text, grouped, row};

/// Letters of a line where no terminal says otherwise.
const COLUMNS: usize = 100;
/// The most transitions that are shown.
const TRANSITIONS_SHOWN_MAX: usize = 20;

/// A rollout with its nodes.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    detail: &'a RolloutDetail,
    /// Where each stands; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Vec<RolloutNode>>,
}

/// Shows rollouts, or all of one.
pub(super) fn run(arguments: &StatusArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let Some(name) = &arguments.rollout else {
        return every(&registry, arguments, now_ms);
    };
    let number = meant(&registry, name)?;
    let client = registry.client();
    let detail = registry.ask(client.rollout(number))?;
    let nodes = arguments.nodes.then(|| {
        registry.every(|after| async move {
            let page = client.rollout_nodes(number, after.as_deref()).await?;
            let RolloutNodes { nodes, next } = page;
            Ok((nodes, next))
        })
    });
    let shown = Shown {
        detail: &detail,
        nodes: nodes.transpose()?,
    };
    output::shown(arguments.json, &shown, || one(&shown, now_ms))?;
    Ok(())
}

fn every(registry: &Registry, arguments: &StatusArguments, now_ms: u64) -> Result<(), Failure> {
    let rollouts = registry.ask(registry.client().rollouts(None, arguments.before))?;
    output::shown(arguments.json, &rollouts, || table(&rollouts, now_ms))?;
    if arguments.json {
        return Ok(());
    }
    if let Some(next) = rollouts.next {
        output::note(&format!(
            "there is more: packer rollout status --before {next}"
        ));
    }
    if rollouts.rollouts.is_empty() {
        output::note("no rollouts: `packer rollout start DEPLOYMENT --version VERSION` begins one");
    }
    Ok(())
}

fn table(rollouts: &Rollouts, now_ms: u64) -> String {
    let names = [
        "rollout",
        "deployment",
        "version",
        "stands",
        "nodes",
        "changed",
    ];
    let rows = rollouts.rollouts.iter().map(|rollout| {
        row([
            &rollout.rollout.to_string(),
            &rollout.deployment,
            &words::moves(rollout),
            &words::stands(rollout),
            &running(rollout),
            &moment::relative(now_ms, rollout.changed_ms),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut text = Text::default();
    if !rows.is_empty() {
        text.table(names, rows);
    }
    text.into_string()
}

/// `12 of 200 run it, 1 failed`.
fn running(rollout: &api::registry::Rollout) -> String {
    let counts = &rollout.counts;
    let running = counts.live.saturating_add(counts.committed);
    let (running, nodes) = (grouped(running), grouped(counts.nodes));
    match counts.failed {
        0 => format!("{running} of {nodes} run it"),
        failed => format!("{running} of {nodes} run it, {} failed", grouped(failed)),
    }
}

fn one(shown: &Shown<'_>, now_ms: u64) -> String {
    let columns = output::terminal().map_or(COLUMNS, |size| size.columns);
    let mut text = Text::default();
    let detail = shown.detail;
    for line in Picture::of(detail, now_ms, columns).whole() {
        text.lines("", if line.is_empty() { " " } else { &line });
    }
    text.gap();
    let (who, when) = (
        &detail.rollout.created_by,
        moment::utc(detail.rollout.created_ms),
    );
    text.lines(
        "",
        &format!("started by {who} at {when}, salt {}", detail.salt),
    );
    let plan = plan::words(&detail.plan);
    text.list("plan", plan.iter().map(|line| row([line])));
    let transitions = detail.timeline.iter();
    let older = detail.timeline.len().saturating_sub(TRANSITIONS_SHOWN_MAX);
    text.list("happened", transitions.skip(older).map(transition));
    if let Some(nodes) = &shown.nodes {
        text.gap();
        let names = ["node", "wave", "stands", "", "kernel", "because"];
        text.table(names, nodes.iter().map(node).collect());
    }
    text.into_string()
}

fn transition(one: &Transition) -> Vec<String> {
    let wave = match one.wave {
        0 => String::new(),
        wave => format!("wave {wave}"),
    };
    row([
        &moment::utc(one.at_ms),
        &one.who,
        one.phase.word(),
        &wave,
        &one.because,
    ])
}

fn node(one: &RolloutNode) -> Vec<String> {
    let wave = one
        .wave
        .map_or_else(|| "-".to_owned(), |wave| wave.to_string());
    let away = if one.online { "" } else { "away" };
    row([
        &one.node,
        &wave,
        &one.stands,
        away,
        &one.kernel,
        &one.because,
    ])
}
