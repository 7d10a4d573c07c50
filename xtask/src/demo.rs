//! `cargo xtask demo`: a payload is published, a node runs it and updates itself while it runs; then
//! the same in the predecessor's JSON. Called by people who see Marrow for the first time.
//! Must never claim what it did not count: a command that was missed or seen twice fails it.

mod account;
mod commands;
mod events;
mod fleet;
mod legacy;
mod proof;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::daemon::{self, Folder, Node, Registry};
use crate::{bpf, output, run, setup};
use commands::Commands;
use events::Events;

/// Commands that are run before, between and behind what is shown.
const COMMANDS_EACH: usize = 200;
/// How long any of the things may take that the demo waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Shows it; with `keep` registry and node stay, with what they run.
///
/// # Errors
/// When a step fails, or when what is shown is not so.
pub(crate) fn demo(keep: bool) -> Result<()> {
    ensure!(
        run::is_root(),
        "the demo loads BPF programs: run it as root"
    );
    setup::to_build()?;
    bpf::compile_all()?;
    daemon::build(&daemon::PROGRAMS)?;
    let mut folder = Folder::new("demo")?;
    let updates = legacy::Updates::make(folder.path())?;
    let begun = Instant::now();
    let (mut registry, mut node) = fleet::show(folder.path())?;
    legacy::show(&node, &updates)?;
    if keep {
        node.keep();
        registry.keep();
        folder.keep();
        say_where(&registry, &node);
        return Ok(());
    }
    heading("cleaning up");
    legacy::stop(&node)?;
    fleet::stop(&registry, &node)?;
    ensure!(
        node.json("/api/v1/instances")?["instances"] == json!([]),
        "an instance is left"
    );
    node.stop()?;
    registry.stop()?;
    output::line(&format!(
        "\nThat took {:.1} s.",
        begun.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Runs commands, lets `update` replace the instance's first generation meanwhile, then whatever
/// else is to be shown; in the end each command must have been seen exactly once.
fn watched(
    node: &Node,
    name: &str,
    update: impl FnOnce() -> Result<()>,
    then: impl FnOnce(&Commands) -> Result<()>,
) -> Result<()> {
    let events = Events::follow(&node.socket, name)?;
    let commands = Commands::start();

    heading("what it sees of the commands that run now");
    commands.more(COMMANDS_EACH, PATIENCE)?;
    events.wait_for(1, COMMANDS_EACH / 2, PATIENCE)?;
    events.sample(1).iter().for_each(|line| output::line(line));

    update()?;
    commands.more(COMMANDS_EACH, PATIENCE)?;
    events.wait_for(2, COMMANDS_EACH / 2, PATIENCE)?;
    heading("what it sees now: another event struct, one map, one program more");
    events.sample(2).iter().for_each(|line| output::line(line));
    then(&commands)?;

    heading("the proof of the update");
    let ran = commands.stop()?;
    let seen = events.until_complete(&ran, PATIENCE)?;
    proof::print(&node.json(&format!("/api/v1/instances/{name}/proofs"))?)?;
    account::check(&ran, &seen, &instance(node, name)?)
}

fn heading(text: &str) {
    output::line(&format!("\n── {text}"));
}

fn instance(node: &Node, name: &str) -> Result<Value> {
    node.json(&format!("/api/v1/instances/{name}"))
}

fn say_where(registry: &Registry, node: &Node) {
    heading("registry and node are left running");
    let (socket, legacy) = (node.socket.display(), &node.legacy);
    let (url, token) = (&registry.url, registry.token_file.display());
    for line in [
        format!("registry         {url}     (log in with the token in {token})"),
        format!("                 packer list --registry {url} --token-file {token}"),
        format!("node             node --socket {socket} status"),
        format!("legacy address   http://{legacy}     (try: curl http://{legacy}/list)"),
        format!(
            "events           node --socket {socket} events {}",
            fleet::INSTANCE
        ),
        format!(
            "to end it        kill {} {}",
            node.pid(),
            registry.process().pid()
        ),
    ] {
        output::line(&line);
    }
}
