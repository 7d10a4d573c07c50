//! `packer nodes`: who there is, what one is, runs and did. Called by `main`.
//! Must never show text of a node unescaped: labels and verifiers' logs are its own.

mod detail;

use api::node::InstanceState;
use api::registry::{InstanceReport, Node, Nodes, Presence};

use crate::cli::NodesArguments;
use crate::failure::Failure;
use crate::list::or_dash;
use crate::moment;
use crate::outcome;
use crate::output;
use crate::registry::Registry;
use crate::table::{Text, row};

/// Shows all nodes or one, or removes one.
pub(crate) fn run(arguments: &NodesArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let client = registry.client();
    let Some(node) = &arguments.node else {
        return every(&registry, arguments.json, now_ms);
    };
    let node = node.as_str();
    if arguments.forget {
        registry.ask(client.delete_node(node))?;
        output::note(&format!("{node} is no node of the registry any more"));
        return Ok(());
    }
    let shown = registry.ask(client.node(node))?;
    output::shown(arguments.json, &shown, || detail::of(&shown, now_ms))?;
    Ok(())
}

fn every(registry: &Registry, json: bool, now_ms: u64) -> Result<(), Failure> {
    let nodes = registry.every(|after| async move {
        let page = registry.client().nodes(after.as_deref()).await?;
        Ok((page.nodes, page.next))
    })?;
    let nodes = Nodes {
        matches: nodes.len() as u64,
        nodes,
        next: None,
    };
    output::shown(json, &nodes, || table(&nodes.nodes, now_ms))?;
    if nodes.nodes.is_empty() && !json {
        output::note("no nodes yet: `packer token new NAME --scope enrol` lets one enrol");
    }
    Ok(())
}

fn table(nodes: &[Node], now_ms: u64) -> String {
    let names = [
        "node", "state", "runs", "kernel", "arch", "version", "labels", "heard",
    ];
    let rows = nodes.iter().map(|node| {
        let runs: Vec<String> = node.instances.iter().map(runs).collect();
        row([
            &node.node,
            state(node),
            &or_dash(&runs.join(", ")),
            &node.facts.kernel,
            &node.facts.arch,
            &node.facts.version,
            &or_dash(&labels(node)),
            &moment::relative(now_ms, node.seen_ms),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut text = Text::default();
    if !rows.is_empty() {
        text.table(names, rows);
    }
    let refused: Vec<Vec<String>> = nodes.iter().flat_map(refused).collect();
    if !refused.is_empty() {
        text.gap();
        text.list("refused", refused.into_iter());
    }
    text.into_string()
}

/// What a node should run and refused, with the cause.
fn refused(node: &Node) -> Vec<Vec<String>> {
    let refused = node.refused.iter().map(|one| {
        let what = format!("{} {}", one.instance, one.version);
        let cause = outcome::words(one.kind);
        row([&node.node, &what, cause, &one.because])
    });
    refused.collect()
}

/// `execsnoop 1.0.0`.
fn runs(instance: &InstanceReport) -> String {
    let version = instance.version.as_deref().unwrap_or("unversioned");
    format!("{} {version}", instance.instance)
}

fn state(node: &Node) -> &'static str {
    match (node.presence, node.settled) {
        (Presence::Stale | Presence::Lost, _) => node.presence.as_str(),
        (Presence::Online, true) => "settled",
        (Presence::Online, false) if node.refused.is_empty() => "changing",
        (Presence::Online, false) => "refused",
    }
}

fn labels(node: &Node) -> String {
    let labels = node.facts.labels.iter();
    let labels: Vec<String> = labels
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    labels.join(" ")
}

/// What an instance does, in a word.
pub(crate) fn doing(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Running => "running",
        InstanceState::Paused => "paused",
    }
}
