//! The predecessor's way: a program in its JSON is posted, replaced while it runs, and a broken one is
//! refused. Called by `demo`. Must never post anything but what a client of 2022 could have posted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{COMMANDS_EACH, heading, instance, watched};
use crate::daemon::{self, Node};
use crate::{bpf, output, run};

/// The address of the predecessor's server.
const LEGACY: &str = "127.0.0.1:8527";
/// The instance that is started and replaced.
pub(super) const INSTANCE: &str = "hotupdate";
const VERIFIER_LINES_SHOWN: usize = 8;

/// The three documents that are posted.
pub(super) struct Updates([PathBuf; 3]);

impl Updates {
    /// Version 1, version 2, and one that the verifier rejects.
    ///
    /// # Errors
    /// When an object does not compile or cannot be written as JSON.
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let rejected = bpf::compile(
            &run::root().join("tests/demo/rejected.bpf.c"),
            &run::target().join("bpf/demo"),
            "rejected",
        )?;
        let objects = run::target().join("bpf");
        let update = |object: &Path, file: &str| legacy_json(object, &folder.join(file));
        Ok(Self([
            update(&objects.join("execsnoop-1.bpf.o"), "update-1.json")?,
            update(&objects.join("execsnoop.bpf.o"), "update-2.json")?,
            update(&rejected, "update-3.json")?,
        ]))
    }
}

/// The three posts, with commands running all the while.
///
/// # Errors
/// When a step fails, or when what is shown is not so.
pub(super) fn show(node: &Node, Updates([first, second, third]): &Updates) -> Result<()> {
    heading("execsnoop 1 arrives as the predecessor's JSON (generation 0)");
    let answer = accepted(node, first)?;
    watched(
        node,
        INSTANCE,
        || {
            heading("version 2 is posted while commands go on");
            let again = accepted(node, second)?;
            ensure!(
                again == answer,
                "the update answered {again}, the start {answer}: another id"
            );
            Ok(())
        },
        |commands| {
            heading("a version that the verifier rejects");
            rejected(node, third)?;
            commands.more(COMMANDS_EACH, super::PATIENCE)?;
            let generation = instance(node, INSTANCE)?["generation"].clone();
            ensure!(
                generation == json!(2),
                "generation {generation} is in charge, not 2"
            );
            output::line("generation 2 is still in charge, and events go on");
            Ok(())
        },
    )
}

/// Stops what was posted, by its id.
///
/// # Errors
/// When the node does not know it any more.
pub(super) fn stop(node: &Node) -> Result<()> {
    let id = instance(node, INSTANCE)?["id"].clone();
    let body = json!({ "id": id }).to_string();
    expect(node, "/stop", &body, r#"["status","ok"]"#)
}

/// 2022's port, unless somebody listens there.
///
/// # Errors
/// When no port is free.
pub(super) fn free_address() -> Result<String> {
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
    run::write(file, wrapped.to_string().as_bytes())?;
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
