//! The way of a release: built, signed, published, deployed by channel, run by a node, replaced when
//! the channel moves. Called by `demo`. Must never do for a user what the commands shown don't do.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::{PATIENCE, heading, instance, legacy, watched};
use crate::daemon::{Node, Registry};
use crate::output;
use crate::publisher::{self, Publisher};
use crate::waiting;

/// The instance that the deployment starts.
pub(super) const INSTANCE: &str = "execsnoop";
const PAYLOAD: &str = "marrow/execsnoop";

/// Starts both and shows it; they go on running.
///
/// # Errors
/// When a step fails, or when what is shown is not so.
pub(super) fn show(folder: &Path) -> Result<(Registry, Node)> {
    heading("a registry starts in a folder of its own; a publisher makes a key");
    let registry = Registry::start(folder)?;
    let publisher = Publisher::new(&registry, folder)?;

    heading("a node starts, enrols by a one-time token, and trusts that key");
    let node = publisher.node(folder, &legacy::free_address()?, &["--label", "env=demo"])?;

    heading("execsnoop 1.0.0 is built, signed, published, and deployed by channel");
    let first = publisher.build("bpf/execsnoop-1", PAYLOAD, "1.0.0")?;
    publisher.publish(&first, Some("stable"))?;
    publisher.deploy(INSTANCE, PAYLOAD, "stable", "env=demo")?;
    until_version(&node, "1.0.0")?;

    let second = publisher.build("bpf/execsnoop", PAYLOAD, "1.1.0")?;
    watched(
        &node,
        INSTANCE,
        || {
            heading("1.1.0 is published and the channel moves, while commands go on");
            publisher.publish(&second, None)?;
            publisher.channel(PAYLOAD, "stable", "1.1.0")?;
            until_version(&node, "1.1.0")
        },
        |_commands| Ok(()),
    )?;
    heading("what the registry says now");
    publisher.show(&["list", PAYLOAD])?;
    publisher.show(&["nodes"])?;
    output::line(&format!(
        "its page shows the same: {}/ (`cargo xtask demo --keep` leaves it for you to look at)",
        registry.url
    ));
    Ok((registry, node))
}

/// Takes the deployment away and waits until the node has left it.
///
/// # Errors
/// When the node does not.
pub(super) fn stop(registry: &Registry, node: &Node) -> Result<()> {
    publisher::show(registry, &["undeploy", INSTANCE])?;
    let left = || Ok(instance(node, INSTANCE).is_err().then_some(()));
    waiting::until(PATIENCE, left, || {
        format!("the node does not leave {INSTANCE}")
    })?;
    output::line("the node has stopped it");
    Ok(())
}

/// Waits until the node runs this version.
fn until_version(node: &Node, version: &str) -> Result<()> {
    let begun = Instant::now();
    let runs = || {
        let running = instance(node, INSTANCE).ok();
        Ok(running.filter(|running| running["version"] == version))
    };
    waiting::until(PATIENCE, runs, || {
        format!("the node does not run {INSTANCE} {version}")
    })?;
    output::line(&format!(
        "the node runs it, {} ms later",
        begun.elapsed().as_millis()
    ));
    Ok(())
}
