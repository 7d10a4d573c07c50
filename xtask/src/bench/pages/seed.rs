//! What a registry has after a year: payloads in many versions, a fleet that runs one of them, rollouts
//! that ended well or were called off, one that waits. Called by `bench pages`.
//! Must never come about in another way than through the registry's own calls.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::fleet::load::Load;
use super::super::fleet::{NODES_MAX, tokens};
use super::super::table::Table;
use crate::daemon::{Folder, Registry};
use crate::publisher::Publisher;
use crate::{output, run, waiting};

/// Payloads, the fleet's among them.
const PAYLOADS: usize = 50;
/// Versions of each: a thousand releases.
const VERSIONS: usize = 20;
/// Rollouts that moved every node.
const WHOLE: usize = 4;
/// Rollouts that were called off before their time.
const CALLED_OFF: usize = 95;
/// How long one may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A registry that has something to show.
pub(super) struct Seeded {
    nodes: usize,
    /// The number of the rollout that waits at its first gate.
    pub(super) active: u64,
    load: Load,
}

impl Seeded {
    /// Publishes, deploys, connects the fleet, and moves it.
    ///
    /// # Errors
    /// When something of it is refused.
    pub(super) fn new(registry: &Registry, folder: &Folder, nodes: usize) -> Result<Self> {
        ensure!(
            (1..=NODES_MAX).contains(&nodes),
            "--nodes is {nodes}: 1 to {NODES_MAX}"
        );
        let publisher = Publisher::new(registry, folder.path())?.silent();
        output::line(&format!("publishing {} releases", PAYLOADS * VERSIONS));
        publish(&publisher)?;
        let source = ["--payload", "marrow/fleet", "--version", "1.0.0"];
        let selector = ["--selector", "env=prod, kernel>=5.15"];
        publisher.show(&[&["deploy", "fleet"], &source[..], &selector].concat())?;
        output::line(&format!("connecting {nodes} nodes"));
        let tokens = tokens(registry, folder, nodes)?;
        let mut load = Load::start(&registry.url, nodes, &registry.token_file, &tokens)?;
        load.ask("enrol")?;
        load.ask("connect 1.0.0")?;
        let rollouts = Rollouts {
            publisher: &publisher,
        };
        output::line(&format!("{CALLED_OFF} rollouts that are called off"));
        for number in 0..CALLED_OFF {
            let id = rollouts.start(1 + number % (VERSIONS - 1), &["--start-at", "+1h"])?;
            publisher.show(&["rollout", "abort", &id.to_string()])?;
        }
        output::line(&format!(
            "{WHOLE} rollouts of {nodes} nodes, and one that waits"
        ));
        for version in 1..=WHOLE {
            let id = rollouts.start(version, &["--waves", "100%", "--bake", "0s"])?;
            rollouts.until(id, "succeeded")?;
        }
        let waits = ["--waves", "10%,100%", "--bake", "0s", "--approve", "first"];
        let active = rollouts.start(WHOLE + 1, &waits)?;
        rollouts.until(active, "gate")?;
        Ok(Self {
            nodes,
            active,
            load,
        })
    }

    /// How much there is.
    pub(super) fn rows(&self, table: &mut Table) {
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let mut row = |field: &'static str, count: usize, meaning: &str| {
            table.row(field, count as f64, meaning);
        };
        row("nodes", self.nodes, "each waits at its doorbell");
        let meaning = format!("{PAYLOADS} payloads in {VERSIONS} versions each");
        row("releases", PAYLOADS * VERSIONS, &meaning);
        let meaning = format!("{WHOLE} of every node, {CALLED_OFF} called off, one at a gate");
        row("rollouts", WHOLE + CALLED_OFF + 1, &meaning);
    }

    /// Ends the fleet.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn stop(self) -> Result<()> {
        self.load.stop()
    }
}

/// Signs and publishes every version of every payload.
fn publish(publisher: &Publisher) -> Result<()> {
    let object = run::target().join("bpf/execsnoop.bpf.o");
    for payload in 0..PAYLOADS {
        let name = match payload {
            0 => "marrow/fleet".to_owned(),
            _ => format!("marrow/payload-{payload:02}"),
        };
        for version in 0..VERSIONS {
            let file = publisher.build(&object, &name, &format!("1.0.{version}"))?;
            publisher.publish(&file, (version == 0).then_some("stable"))?;
        }
    }
    Ok(())
}

/// Rollouts of the fleet.
struct Rollouts<'a> {
    publisher: &'a Publisher<'a>,
}

impl Rollouts<'_> {
    /// Begins one to a version, and gives its number.
    fn start(&self, version: usize, more: &[&str]) -> Result<u64> {
        let version = format!("1.0.{version}");
        let start = ["rollout", "start", "fleet", "--version", &version, "--json"];
        let said: Value =
            serde_json::from_str(&self.publisher.said(&[&start[..], more].concat())?)?;
        let number = said["rollout"].as_u64();
        number.with_context(|| format!("the rollout has no number: {said}"))
    }

    /// Waits until it is in a phase.
    fn until(&self, id: u64, phase: &str) -> Result<()> {
        let status = || {
            let status = ["rollout", "status", &id.to_string(), "--json"];
            let said: Value = serde_json::from_str(&self.publisher.said(&status)?)?;
            Ok((said["rollout"]["phase"] == phase).then_some(()))
        };
        waiting::until(PATIENCE, status, || format!("rollout {id} is not {phase}"))
    }
}
