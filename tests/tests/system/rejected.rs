//! A program that the verifier rejects: the log comes back, and nothing in the kernel changes.

use super::kernel::{Held, exists};
use super::node::{Named, Node};
use super::objects::{generation_0, object, task};
use super::waiting::{is_root, until};

/// The kernel keeps 15 characters of a name.
const REFUSED_PROGRAM: &str = "refused_program";
const REFUSED_MAP: &str = "refused_map";

#[test]
fn the_log_comes_back_and_what_ran_still_runs() {
    if !is_root("a program that the verifier rejects") {
        return;
    }
    let node = Node::start();
    let document = generation_0("a", &object("one"));
    assert_eq!(node.post("/start", document.as_bytes()).status, 200);
    let before = (
        Held::by(node.pid()),
        node.instance("a")["generation"].clone(),
    );
    assert!(
        before.0.count("prog_id") >= 2,
        "the program and its stub: {:?}",
        before.0
    );
    let bad = generation_0("a", &object("rejected"));
    let by_task = task(Some("a"), &bad);
    let by_put = object("rejected");
    let json = ("Content-Type", "application/json");
    for (line, headers, body) in [
        ("POST /start", [].as_slice(), bad.as_bytes()),
        ("POST /task", &[json], by_task.as_bytes()),
        ("PUT /api/v1/instances/a", &[], &by_put),
        ("PUT /api/v1/instances/b", &[], &by_put),
    ] {
        let problem = node.ask(line, headers, body).problem();
        assert_eq!(problem["status"], 422, "{line}: {problem}");
        let log = problem["log"]
            .as_str()
            .unwrap_or_else(|| panic!("{line}: {problem}"));
        assert!(log.contains("invalid mem access"), "{line}: {log}");
        let named = problem.to_string();
        assert!(named.contains(REFUSED_PROGRAM), "{line}: {named}");
        assert_eq!(
            (
                Held::by(node.pid()),
                node.instance("a")["generation"].clone()
            ),
            before
        );
    }
    assert_eq!(node.instances().len(), 1);
    nothing_left("prog", REFUSED_PROGRAM);
    nothing_left("map", REFUSED_MAP);
    still_sees_commands(&node);
}

#[test]
fn the_command_line_shows_the_log_and_says_so_in_its_exit_code() {
    if !is_root("the exit code of a rejected program") {
        return;
    }
    let node = Node::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file.as_file(), &object("rejected")).unwrap();
    let path = file.path().display().to_string();
    for args in [
        ["update", &format!("@{path}"), "--foreground"].as_slice(),
        &["run", &path],
    ] {
        let output = node.cli(args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("invalid mem access"), "{args:?}: {stderr}");
        assert!(stderr.contains(REFUSED_PROGRAM), "{args:?}: {stderr}");
    }
    let output = node.cli(&["update", &format!("@{path}")]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("invalid mem access"));
}

#[test]
fn a_stopped_instance_leaves_nothing_in_the_kernel() {
    if !is_root("what a stop leaves") {
        return;
    }
    let node = Node::start();
    let idle = Held::by(node.pid());
    for version in ["one", "two", "one"] {
        let document = generation_0("a", &object(version));
        assert_eq!(node.post("/start", document.as_bytes()).status, 200);
    }
    assert_ne!(Held::by(node.pid()), idle);
    assert_eq!(
        node.post("/stop", br#"{"id":1}"#).body,
        r#"["status","ok"]"#
    );
    until("everything is given back", || {
        (Held::by(node.pid()) == idle).then_some(())
    });
}

#[test]
fn updates_do_not_pile_up_in_the_kernel() {
    if !is_root("what updates leave") {
        return;
    }
    let node = Node::start();
    let held_after = |version: &str, query: &str| {
        let line = format!("PUT /api/v1/instances/a{query}");
        assert_eq!(node.ask_unix(&line, &object(version)).status, 200);
        let held = Held::by(node.pid());
        ["prog_id", "map_id", "link_id"].map(|kind| held.count(kind))
    };
    let at_once = "?bake_ms=0";
    let first = [held_after("one", at_once), held_after("two", at_once)];
    for _ in 0..3 {
        assert_eq!(
            [held_after("one", at_once), held_after("two", at_once)],
            first
        );
    }
    // A watch keeps the generation before, and no other.
    let watched = [held_after("one", ""), held_after("two", "")];
    assert_ne!(watched, first);
    for _ in 0..3 {
        assert_eq!([held_after("one", ""), held_after("two", "")], watched);
    }
}

fn nothing_left(kind: &str, name: &str) {
    let Some(_) = exists(kind, name) else {
        println!("not run: {kind} {name} after its refusal: bpftool is missing");
        return;
    };
    // A copy of this test may run beside it.
    until(&format!("{kind} {name} is gone"), || {
        (exists(kind, name) == Some(false)).then_some(())
    });
}

fn still_sees_commands(node: &Node) {
    let pid = Named::new("mw-after").run();
    until("the command is seen after the refusals", || {
        node.events(1)
            .into_iter()
            .find(|line| line["event"]["pid"] == pid)
    });
}
