//! What becomes of each object of the corpus when a node is given it: loaded or refused, and why.
//! Prints the table that `cargo xtask check` shows. A case without a row, or a row without a
//! reason, fails. Needs root.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use api::client::{Client, ClientError};
use api::node::{Settings, Timing};
use tests::{corpus, programs};

/// What is to become of a case.
#[derive(Clone, Copy)]
enum Fate {
    /// It runs; the node's answer names this hook, map or event.
    Loaded(&'static str),
    /// It is refused; detail or log hold this.
    Refused(&'static str),
    /// As the kernel has it: loaded with this in the answer, or refused with that.
    Either(&'static str, &'static str),
}

use Fate::{Either, Loaded, Refused};

const TRACEPOINT: &str = "sched/sched_process_exec";
/// A program whose kind attaches to an interface that nobody named.
const NOWHERE: &str = "names a hook";
/// What a kernel without the kind's part is told to lack.
const NEEDS: &str = "needs kernel";

/// Every case, sorted.
const CASES: &[(&str, Fate)] = &[
    ("big_endian", Refused("big-endian")),
    (corpus::ENUM64, Loaded("event")),
    ("btf_kinds", Loaded("event")),
    ("core_bitfields", Loaded("sched_switch")),
    ("core_enum64", Loaded(TRACEPOINT)),
    ("core_enums", Loaded(TRACEPOINT)),
    ("core_every", Loaded(TRACEPOINT)),
    ("core_fields", Loaded(TRACEPOINT)),
    ("core_flavour", Loaded(TRACEPOINT)),
    ("core_missing", Loaded(TRACEPOINT)),
    ("core_registers", Loaded("libc.so.6:hcreate")),
    ("core_type_number", Loaded(TRACEPOINT)),
    ("core_types", Loaded(TRACEPOINT)),
    ("functions", Loaded(TRACEPOINT)),
    ("hook_cgroup", Loaded("cgroup_skb")),
    ("hook_fentry", Either("do_nanosleep", NEEDS)),
    ("hook_fexit", Either("do_nanosleep", NEEDS)),
    ("hook_iter", Loaded("iter")),
    ("hook_kprobe", Either("do_nanosleep", NEEDS)),
    ("hook_kprobe_multi", Either("do_nano", NEEDS)),
    ("hook_kretprobe", Either("do_nanosleep", NEEDS)),
    ("hook_ksyscall", Either("nanosleep", NEEDS)),
    ("hook_lsm", Either("file_open", NEEDS)),
    ("hook_lsm_sleepable", Either("file_open", NEEDS)),
    ("hook_perf_event", Loaded("perf_event")),
    ("hook_raw_tp", Loaded("sched_switch")),
    ("hook_socket", Refused(NOWHERE)),
    ("hook_syscall", Refused(NOWHERE)),
    ("hook_tcx", Refused(NOWHERE)),
    ("hook_tp_btf", Loaded("sched_switch")),
    ("hook_tracepoint", Loaded("sched/sched_switch")),
    ("hook_uprobe", Loaded("libc.so.6:hcreate")),
    ("hook_uprobe_sleepable", Loaded("libc.so.6:hcreate")),
    ("hook_uretprobe", Loaded("libc.so.6:hcreate")),
    ("hook_usdt", Refused("usdt")),
    ("hook_xdp", Refused(NOWHERE)),
    ("kconfig", Loaded(TRACEPOINT)),
    ("ksyms", Either("sched_process_exec", "bpf_task_from_pid")),
    ("legacy_maps", Refused("section \"maps\"")),
    ("live_1", Loaded("event")),
    ("live_2", Loaded("event")),
    ("many_sections", Loaded(TRACEPOINT)),
    ("map_sizes", Refused("4 and 8")),
    ("maps_arena", Either(TRACEPOINT, "arena")),
    ("maps_array", Loaded("perf_event_array")),
    ("maps_cgroup_storage", Either(TRACEPOINT, "cgroup_storage")),
    ("maps_hash", Loaded(TRACEPOINT)),
    ("maps_insn_array", Either(TRACEPOINT, "insn_array")),
    ("maps_net", Either(TRACEPOINT, "map")),
    ("maps_of_maps", Loaded(TRACEPOINT)),
    ("maps_ring", Loaded("ringbuf")),
    ("maps_storage", Either(TRACEPOINT, "storage")),
    ("maps_struct_ops", Refused(".struct_ops.link")),
    ("maps_timer", Either(TRACEPOINT, "tracing progs cannot use")),
    ("no_btf", Loaded(TRACEPOINT)),
    ("no_btf_maps", Refused("no BTF")),
    ("no_license", Loaded(TRACEPOINT)),
    ("no_license_gpl", Refused("GPL")),
    ("no_map", Loaded(TRACEPOINT)),
    ("no_program", Refused("no program")),
    ("no_target", Loaded(TRACEPOINT)),
    ("programs_in_array", Loaded("cgroup_skb")),
    ("question_mark", Loaded(TRACEPOINT)),
    ("raw_ring", Loaded("ring")),
    ("several_programs", Loaded("sched_process_exit")),
    ("several_rings", Loaded("exit_event")),
    ("shared_ring", Loaded("events: bytes")),
    ("sized_rings", Loaded("alpha: large")),
    ("static_program", Refused("\"hidden\"")),
    ("unknown_map_field", Refused("\"colour\"")),
    ("unknown_section", Refused("\"marrow/nonsense\"")),
    ("unknown_target", Refused("no_such_tracepoint")),
    ("verifier_refuses", Refused("R1 invalid mem access")),
];

/// A node in a folder of its own, gone with the test.
struct Node {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let journal = folder.path().join("journal");
        let mut child = Command::new(programs::built("node"))
            .args(["--json", "daemon", "--legacy-listen", "none", "--socket"])
            .arg(folder.path().join("node.sock"))
            .arg("--state-dir")
            .arg(folder.path().join("state"))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&journal)?)
            .spawn()?;
        // The first line comes when it listens.
        let mut line = String::new();
        let stdout = child.stdout.take().context("standard output is piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() {
            let (status, journal) = (child.wait()?, std::fs::read_to_string(journal)?);
            bail!("the daemon ended: {status}, its journal: {journal}");
        }
        Ok(Self { child, folder })
    }

    fn client(&self) -> Client {
        Client::unix(&self.folder.path().join("node.sock"))
    }
}

/// One row of the table.
struct Row {
    loaded: bool,
    why: String,
}

async fn try_case(client: &Client, name: &str) -> Result<Row> {
    match client
        .put(
            name,
            corpus::object(name)?,
            &Settings::default(),
            Timing::default(),
        )
        .await
    {
        Ok(applied) => {
            let instance = client.instance(name).await?;
            client
                .stop(name)
                .await
                .with_context(|| format!("stopping {name}"))?;
            let hooks = instance
                .hooks
                .iter()
                .map(|hook| format!("{} {}", hook.kind, hook.target));
            let buffers = instance.buffers.iter().map(|buffer| {
                let event = buffer.event.as_deref().unwrap_or("bytes");
                format!("{} {}: {event}", buffer.kind, buffer.map)
            });
            let all: Vec<_> = hooks.chain(buffers).collect();
            ensure!(
                !applied.instance.hooks.is_empty(),
                "{name}: runs, but nowhere"
            );
            Ok(Row {
                loaded: true,
                why: all.join(", "),
            })
        }
        Err(ClientError::Refused { problem, .. }) => {
            ensure!(
                problem.status == 422,
                "{name}: status {} of {problem}",
                problem.status
            );
            // The verifier's last words come before its statistics.
            let log = problem.log.unwrap_or_default();
            let words = log
                .lines()
                .rev()
                .find(|line| !line.starts_with("processed "));
            let words = words.map(|words| format!(" | {words}")).unwrap_or_default();
            Ok(Row {
                loaded: false,
                why: format!("{}{words}", problem.detail),
            })
        }
        Err(error) => bail!("{name}: {error}"),
    }
}

fn judge(name: &str, fate: Fate, row: &Row) -> Option<String> {
    let (loaded, refused) = match fate {
        Loaded(hook) => (Some(hook), None),
        Refused(why) => (None, Some(why)),
        Either(hook, why) => (Some(hook), Some(why)),
    };
    let wanted = if row.loaded { loaded } else { refused };
    let outcome = if row.loaded { "loaded" } else { "refused" };
    match wanted {
        None => Some(format!("{name} is {outcome}: {}", row.why)),
        Some(text) if !row.why.contains(text) => Some(format!(
            "{name} is {outcome}, but {text:?} is not in: {}",
            row.why
        )),
        Some(_) => None,
    }
}

#[test]
fn every_case_has_a_row() -> Result<()> {
    let rows: Vec<_> = CASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        rows,
        corpus::names()?,
        "left: the table; right: the sources"
    );
    Ok(())
}

#[test]
fn every_case_is_loaded_or_refused_for_its_reason() -> Result<()> {
    if !is_root() {
        println!("not run: loading programs needs root");
        return Ok(());
    }
    let node = Node::start()?;
    let client = node.client();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut wrong = Vec::new();
    println!("case                   outcome  why");
    for (name, fate) in CASES {
        let row = runtime.block_on(try_case(&client, name))?;
        let outcome = if row.loaded { "loaded" } else { "refused" };
        println!("{name:<22} {outcome:<8} {}", row.why.replace('\n', " "));
        if row.why.trim().is_empty() {
            wrong.push(format!("{name} has an empty cell"));
        }
        wrong.extend(judge(name, *fate, &row));
    }
    ensure!(
        wrong.is_empty(),
        "{} of {} rows are wrong:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n")
    );
    Ok(())
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.and_then(|uids| uids.split_whitespace().nth(1)) == Some("0")
}
