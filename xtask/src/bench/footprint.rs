//! `bench footprint`: memory of an idle node with three payloads, of a registry with a thousand
//! releases, and the sizes of the programs. Called by `bench`.
//! Must never count memory before the programs have come to rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::table::Table;
use crate::daemon::{self, Folder, Node, Process, Registry};
use crate::publisher::Publisher;
use crate::{run, waiting};

const RELEASES: usize = 1000;
const PAYLOADS: [&str; 3] = ["execsnoop", "execsnoop-1", "opensnoop"];
/// How long a program is left alone before it is measured.
const REST: Duration = Duration::from_secs(5);
/// How long the node may take to run them all.
const PATIENCE: Duration = Duration::from_secs(30);
/// The bound of the issue that asked for this bench.
const NODE_BYTES_MAX: f64 = 30e6;

#[expect(clippy::cast_precision_loss, reason = "bytes of a program, below 2^53")]
fn number(bytes: u64) -> f64 {
    bytes as f64
}

/// Fills a registry, lets a node run three payloads from it, and looks at both at rest.
///
/// # Errors
/// When one of the programs fails.
pub(super) fn measure() -> Result<Table> {
    let folder = Folder::new("bench")?;
    let registry = Registry::start(folder.path())?;
    let publisher = Publisher::new(&registry, folder.path())?;
    for (index, payload) in PAYLOADS.iter().enumerate() {
        let name = format!("marrow/bench-{index}");
        let file = publisher.build(Path::new("bpf").join(payload), &name, "1.0.0")?;
        publisher.publish(&file, Some("stable"))?;
        publisher.deploy(&format!("bench-{index}"), &name, "stable", "*")?;
    }
    let node = publisher.node(folder.path(), "127.0.0.1:0", &[])?;
    until_running(&node, PAYLOADS.len())?;
    let node_bytes = at_rest(node.process())?;
    let publisher = publisher.silent();
    for number in 0..RELEASES - PAYLOADS.len() {
        let object = run::target().join("bpf/opensnoop.bpf.o");
        let version = format!("1.0.{}", number + 1);
        let file = publisher.build(object, "marrow/bench-2", &version)?;
        publisher.publish(&file, None)?;
    }
    let registry_bytes = at_rest(registry.process())?;
    node.stop()?;
    registry.stop()?;
    let mut table = Table::default();
    let meaning = format!("the node, idle, {} payloads", PAYLOADS.len());
    table.row("node_rss_bytes", number(node_bytes), meaning);
    let meaning = format!("the registry, {RELEASES} releases");
    table.row("registry_rss_bytes", number(registry_bytes), meaning);
    for (field, program) in [
        ("node_binary_bytes", "node"),
        ("registry_binary_bytes", "registry"),
        ("packer_binary_bytes", "packer"),
    ] {
        let bytes = stripped_bytes(program, folder.path())?;
        table.row(field, number(bytes), "the program, stripped");
    }
    table.at_most("node_rss_bytes", number(node_bytes), NODE_BYTES_MAX);
    Ok(table)
}

/// Waits until the node runs so many instances.
fn until_running(node: &Node, count: usize) -> Result<()> {
    let all_run = || {
        let listed = node.json("/api/v1/instances")?;
        let running = listed["instances"].as_array().map_or(0, Vec::len);
        Ok((running == count).then_some(()))
    };
    waiting::until(PATIENCE, all_run, || {
        format!("not all {count} instances run")
    })
}

fn at_rest(process: &Process) -> Result<u64> {
    std::thread::sleep(REST);
    process.resident_bytes()
}

fn stripped_bytes(program: &str, folder: &Path) -> Result<u64> {
    let stripped: PathBuf = folder.join(format!("{program}.stripped"));
    let mut strip = run::command("llvm-strip");
    strip.arg("-o").arg(&stripped).arg(daemon::binary(program));
    run::captured(&mut strip)?;
    Ok(std::fs::metadata(&stripped)?.len())
}
