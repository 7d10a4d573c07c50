//! `cargo xtask demo`: a program in the predecessor's JSON is loaded, prints real events, and is
//! replaced while it runs. Called by people who see Marrow for the first time.
//! Must never claim what it did not count: a command that was missed or seen twice fails it.

mod account;
mod commands;
mod events;
mod proof;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::daemon::{self, Folder, Node};
use crate::{bpf, output, run, setup};
use commands::Commands;
use events::Events;

/// The address of the predecessor's server.
const LEGACY: &str = "127.0.0.1:8527";
/// The instance that the demo starts and replaces.
const INSTANCE: &str = "execsnoop";
/// Commands that are run before, between and after the two posts of the show.
const COMMANDS_EACH: usize = 200;
/// How long any of the things may take that the demo waits for.
const PATIENCE: Duration = Duration::from_secs(20);
const VERIFIER_LINES_SHOWN: usize = 8;

/// Shows it; with `keep` the node stays, with version 2 running.
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
    let rejected = bpf::compile(
        &run::root().join("tests/demo/rejected.bpf.c"),
        &run::target().join("bpf/demo"),
        "rejected",
    )?;
    daemon::build()?;
    let mut folder = Folder::new("demo")?;
    let begun = Instant::now();
    let objects = run::target().join("bpf");
    let update = |object: &Path, file: &str| legacy_json(object, &folder.path().join(file));
    let first = update(&objects.join("execsnoop-1.bpf.o"), "update-1.json")?;
    let second = update(&objects.join("execsnoop.bpf.o"), "update-2.json")?;
    let third = update(&rejected, "update-3.json")?;

    heading("a node starts in a folder of its own");
    let mut node = Node::start(folder.path(), &free_address()?)?;
    show(&node, &[first, second, third])?;
    if keep {
        node.keep();
        folder.keep();
        say_where(&node);
        return Ok(());
    }
    heading("cleaning up");
    let id = instance(&node)?["id"].clone();
    expect(
        &node,
        "/stop",
        &json!({ "id": id }).to_string(),
        r#"["status","ok"]"#,
    )?;
    ensure!(
        node.json("/api/v1/instances")?["instances"] == json!([]),
        "an instance is left after /stop"
    );
    node.stop()?;
    output::line(&format!(
        "\nThat took {:.1} s.",
        begun.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// The three posts, with commands running all the while.
fn show(node: &Node, updates: &[PathBuf; 3]) -> Result<()> {
    heading("execsnoop 1 arrives as the predecessor's JSON (generation 0)");
    let answer = accepted(node, &updates[0])?;
    let events = Events::follow(&node.socket, INSTANCE)?;
    let commands = Commands::start();

    heading("what it sees of the commands that run now");
    commands.more(COMMANDS_EACH, PATIENCE)?;
    events.wait_for(1, COMMANDS_EACH / 2, PATIENCE)?;
    events.sample(1).iter().for_each(|line| output::line(line));

    heading(
        "version 2 arrives while commands go on: another event struct, one map, one program more",
    );
    let again = accepted(node, &updates[1])?;
    ensure!(
        again == answer,
        "the update answered {again}, the start {answer}: another id"
    );
    commands.more(COMMANDS_EACH, PATIENCE)?;
    events.wait_for(2, COMMANDS_EACH / 2, PATIENCE)?;
    events.sample(2).iter().for_each(|line| output::line(line));

    heading("a version that the verifier rejects");
    rejected(node, &updates[2])?;
    commands.more(COMMANDS_EACH, PATIENCE)?;
    let generation = instance(node)?["generation"].clone();
    ensure!(
        generation == json!(2),
        "generation {generation} is in charge, not 2"
    );
    output::line("generation 2 is still in charge, and events go on");

    heading("the proof of the update");
    let ran = commands.stop()?;
    let seen = events.until_complete(&ran, PATIENCE)?;
    proof::print(&node.json(&format!("/api/v1/instances/{INSTANCE}/proofs"))?)?;
    account::check(&ran, &seen, &instance(node)?)
}

fn heading(text: &str) {
    output::line(&format!("\n── {text}"));
}

/// 2022's port, unless somebody listens there.
fn free_address() -> Result<String> {
    if std::net::TcpListener::bind(LEGACY).is_ok() {
        return Ok(LEGACY.to_owned());
    }
    let other = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    output::line(&format!(
        "{LEGACY} is taken on this machine: {other} serves"
    ));
    Ok(other.to_string())
}

/// `packer legacy OBJECT`, wrapped as the client of 2022 did it.
fn legacy_json(object: &Path, file: &Path) -> Result<PathBuf> {
    let mut packer = run::command(&daemon::binary("packer").to_string_lossy());
    packer
        .arg("legacy")
        .arg(object)
        .args(["--instance", INSTANCE]);
    let bare = run::captured(&mut packer)?;
    let wrapped = json!({
        "args": [bare],
        "export_handlers": [{ "args": [], "name": "plain_text" }],
        "name": INSTANCE,
    });
    std::fs::create_dir_all(file.parent().context("the file has a folder")?)?;
    let mut out = std::fs::File::create(file)?;
    std::io::Write::write_all(&mut out, wrapped.to_string().as_bytes())?;
    Ok(file.to_owned())
}

/// Posts to the legacy address by curl; gives the status and the body.
fn post(node: &Node, path: &str, body: &str) -> Result<(String, String)> {
    let url = format!("http://{}{path}", node.legacy);
    let mut curl = run::command("curl");
    curl.args(["-sS", "--data-binary", body, &url]);
    output::line(&format!("$ {}", run::words(&curl)));
    // Not shown: it only tells this program the status.
    curl.args(["-w", "\\n%{http_code}"]);
    let text = run::captured(&mut curl)?;
    let (body, status) = text
        .rsplit_once('\n')
        .context("curl prints the status last")?;
    output::line(&format!("{status} {}", shortened(body)));
    Ok((status.to_owned(), body.to_owned()))
}

fn expect(node: &Node, path: &str, body: &str, answer: &str) -> Result<()> {
    let (status, got) = post(node, path, body)?;
    ensure!(
        status == "200" && got == answer,
        "{path} answered {status} {got}, not {answer}"
    );
    Ok(())
}

/// Posts an update that must be taken; gives the answer, which has the instance's id.
fn accepted(node: &Node, file: &Path) -> Result<String> {
    let (status, body) = post(node, "/start", &format!("@{}", file.display()))?;
    ensure!(
        status == "200" && body.starts_with(r#"["status","ok","id","#),
        "refused: {body}"
    );
    Ok(body)
}

/// Posts an update that must be refused with the verifier's log, and shows the log's end.
fn rejected(node: &Node, file: &Path) -> Result<()> {
    let (status, body) = post(node, "/start", &format!("@{}", file.display()))?;
    ensure!(
        status == "422",
        "a program that the verifier rejects was answered with {status}"
    );
    let problem: Value = serde_json::from_str(&body).context("the problem is no JSON")?;
    let Some(log) = problem["log"].as_str() else {
        bail!("no verifier log in {body}")
    };
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    output::line("the end of the verifier's log:");
    for line in &lines[lines.len().saturating_sub(VERIFIER_LINES_SHOWN)..] {
        output::line(&format!("    {line}"));
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 160;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn instance(node: &Node) -> Result<Value> {
    node.json(&format!("/api/v1/instances/{INSTANCE}"))
}

fn say_where(node: &Node) {
    heading("the node is left running");
    let (socket, legacy) = (node.socket.display(), &node.legacy);
    for line in [
        format!("legacy address   http://{legacy}     (try: curl http://{legacy}/list)"),
        format!("local API        {socket}"),
        format!("events           curl -N --unix-socket {socket} \\"),
        format!("                     http://localhost/api/v1/instances/{INSTANCE}/events"),
        format!("to end it        kill {}", node.pid()),
    ] {
        output::line(&line);
    }
}
