//! `bench fleet`: how soon thousands of nodes that wait at their doorbell are told of a release and
//! run it, what each costs the registry, how many polls it answers; beside a bare server that the
//! same clients ask, in turn in one run. Called by `bench`.
//! Must never load anything but servers that it started, on loopback, for a bounded time.

pub(super) mod load;

use anyhow::{Result, ensure};

use super::table::{Table, median, spread};
use crate::daemon::{Folder, Process, Registry};
use crate::publisher::{self, Publisher};
use crate::{output, run};
use load::{Floor, Load};

/// What it runs: the registry and who publishes there; the fleet and the bare server.
pub(super) const PROGRAMS: [&str; 3] = ["registry", "packer", "fleet"];
/// Nodes where nobody says how many.
pub(super) const NODES: usize = 10_000;
/// A registry serves 12,288 connections of one address, and a fleet calls over 2,048 more of them.
pub(super) const NODES_MAX: usize = 10_240;
/// Releases that both are told of, in turn, so that a slower moment of the machine meets both.
const ROUNDS: usize = 5;
/// Polls of one round.
const POLLS: usize = 30_000;
/// Nodes that enrol with one token: a registry takes so many requests of one at once.
const NODES_A_TOKEN: usize = 1_900;
/// How long a server is left alone before its memory is measured.
const REST: std::time::Duration = std::time::Duration::from_secs(5);
/// The bounds of the issue that asked for this bench.
const TOLD_RATIO_MAX: f64 = 2.5;
const FLOOR_TOLD_S_MIN: f64 = 0.1;
const RUNNING_S_MAX: f64 = 2.0;
const NODE_BYTES_MAX: f64 = 20_480.0;

/// What one server did.
#[derive(Default)]
struct Measured {
    enrol_s: f64,
    bytes_per_node: f64,
    told_s_p50: Vec<f64>,
    told_s_p99: Vec<f64>,
    running_s_p99: Vec<f64>,
    polls_per_s: Vec<f64>,
}

/// Connects a fleet to the registry and one to the bare server, and has both told and asked in turn.
///
/// # Errors
/// When a program does not start, or a node is refused something.
pub(super) fn measure(nodes: usize) -> Result<Table> {
    ensure!(
        (1..=NODES_MAX).contains(&nodes),
        "--nodes is {nodes}: 1 to {NODES_MAX}"
    );
    let folder = Folder::new("bench")?;
    let registry = Registry::start(folder.path())?;
    publish(&registry, &folder)?;
    let tokens = tokens(&registry, &folder, nodes)?;
    let floor = Floor::start(folder.path(), &version(0))?;
    let mut of_registry = Measured::default();
    let mut of_floor = Measured::default();
    let load = |url: &str, process: &Process, measured: &mut Measured| {
        let mut load = Load::start(url, nodes, &registry.token_file, &tokens)?;
        measured.connect(&mut load, process, nodes)?;
        anyhow::Ok(load)
    };
    let mut to_floor = load(&floor.url, floor.process(), &mut of_floor)?;
    let mut to_registry = load(&registry.url, registry.process(), &mut of_registry)?;
    for round in 1..=ROUNDS {
        of_registry.round(&mut to_registry, round)?;
        of_floor.round(&mut to_floor, round)?;
        output::line(&format!(
            "round {round}: {} | bare server: {}",
            of_registry.latest(),
            of_floor.latest()
        ));
    }
    to_registry.stop()?;
    to_floor.stop()?;
    floor.stop()?;
    registry.stop()?;
    Ok(table(nodes, &of_registry, &of_floor))
}

fn version(round: usize) -> String {
    format!("1.0.{round}")
}

/// Signs and publishes the releases of all rounds, deploys the channel, which names the first.
fn publish(registry: &Registry, folder: &Folder) -> Result<()> {
    let publisher = Publisher::new(registry, folder.path())?;
    let object = run::target().join("bpf/execsnoop.bpf.o");
    for round in 0..=ROUNDS {
        let file = publisher.build(&object, "marrow/fleet", &version(round))?;
        publisher.publish(&file, (round == 0).then_some("stable"))?;
    }
    let selector = "env=prod, kernel>=5.15";
    publisher.deploy("fleet", "marrow/fleet", "stable", selector)
}

/// The files of enough tokens for all nodes to enrol.
///
/// # Errors
/// When one can't be made.
pub(super) fn tokens(registry: &Registry, folder: &Folder, nodes: usize) -> Result<Vec<String>> {
    let token = |number| {
        let name = format!("fleet-{number}");
        let file = folder.path().join(&name).display().to_string();
        let uses = NODES_A_TOKEN.to_string();
        let words = [
            "token", "new", &name, "--scope", "enrol", "--uses", &uses, "-o", &file,
        ];
        publisher::show(registry, &words)?;
        Ok(file)
    };
    (0..nodes.div_ceil(NODES_A_TOKEN)).map(token).collect()
}

impl Measured {
    /// Enrols the nodes and connects them; what the server's memory grew by until they are at rest.
    fn connect(&mut self, load: &mut Load, process: &Process, nodes: usize) -> Result<()> {
        std::thread::sleep(REST);
        let before_bytes = process.resident_bytes()?;
        self.enrol_s = load.number("enrol", "enrol_s")?;
        load.ask(&format!("connect {}", version(0)))?;
        std::thread::sleep(REST);
        let after_bytes = process.resident_bytes()?;
        #[expect(clippy::cast_precision_loss, reason = "bytes of a program, below 2^53")]
        let per_node = after_bytes.saturating_sub(before_bytes) as f64 / nodes as f64;
        self.bytes_per_node = per_node;
        Ok(())
    }

    fn round(&mut self, load: &mut Load, round: usize) -> Result<()> {
        let told = load.ask(&format!("publish {}", version(round)))?;
        let seconds = |field: &str| told[field].as_f64().unwrap_or(f64::NAN);
        self.told_s_p50.push(seconds("told_s_p50"));
        self.told_s_p99.push(seconds("told_s_p99"));
        self.running_s_p99.push(seconds("running_s_p99"));
        let polls = format!("polls {POLLS}");
        self.polls_per_s.push(load.number(&polls, "polls_per_s")?);
        Ok(())
    }

    fn latest(&self) -> String {
        let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
        format!(
            "told {:.3} s, running {:.3} s, {:.0} polls/s",
            last(&self.told_s_p99),
            last(&self.running_s_p99),
            last(&self.polls_per_s)
        )
    }
}

fn table(nodes: usize, ours: &Measured, floor: &Measured) -> Table {
    let mut table = Table::default();
    #[expect(clippy::cast_precision_loss, reason = "at most NODES_MAX")]
    table.row("nodes", nodes as f64, "each waits at its doorbell");
    let mut row = |field, values: &[f64], meaning: &str| {
        let value = median(values.to_vec());
        table.row(field, value, format!("{meaning}: {}", spread(values)));
        value
    };
    let from = "from the sending of the publication until a node heard the ring";
    row("told_s_p50", &ours.told_s_p50, from);
    let told_s = row("told_s_p99", &ours.told_s_p99, "99 of 100 nodes");
    let until = "until it had asked and its report that it runs was kept";
    let running_s = row("running_s_p99", &ours.running_s_p99, until);
    let polls = "304 to GET desired, 256 kept connections";
    row("polls_per_s", &ours.polls_per_s, polls);
    let bare = "the bare server, same clients";
    let floor_told_s = row("floor_told_s_p99", &floor.told_s_p99, bare);
    row(
        "floor_running_s_p99",
        &floor.running_s_p99,
        "it keeps nothing",
    );
    row("floor_polls_per_s", &floor.polls_per_s, bare);
    let grown = "VmRSS of the registry, grown from before they enrol until all wait, by nodes";
    table.row("bytes_per_node", ours.bytes_per_node, grown);
    let grown = "the same of the bare server, which knows nobody";
    table.row("floor_bytes_per_node", floor.bytes_per_node, grown);
    table.row("enrol_s", ours.enrol_s, "all nodes, 64 at a time");
    let bound_s = TOLD_RATIO_MAX * floor_told_s.max(FLOOR_TOLD_S_MIN);
    table.at_most("told_s_p99", told_s, bound_s);
    table.at_most("running_s_p99", running_s, RUNNING_S_MAX);
    table.at_most("bytes_per_node", ours.bytes_per_node, NODE_BYTES_MAX);
    table
}
