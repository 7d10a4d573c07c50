//! Targets that are given from outside: what is not there, or not of its form, is told before
//! anything is attached; what goes away is told while it runs.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::http::Answer;
use super::kernel::Held;
use super::node::{Node, command};
use super::objects::object;
use super::waiting::{is_root, until};

/// Starts `places` with a query; the cgroup and the network namespace would be the machine's.
fn put(node: &Node, query: &str) -> Answer {
    let line = format!("PUT /api/v1/instances/places?{query}");
    node.ask_unix(&line, &object("places"))
}

fn hook(instance: &Value, program: &str) -> Value {
    let hooks = instance["hooks"].as_array().unwrap();
    let found = hooks.iter().find(|hook| hook["program"] == program);
    found
        .unwrap_or_else(|| panic!("{program}: {instance}"))
        .clone()
}

#[test]
fn what_a_target_names_must_be_there_before_anything_is_attached() {
    if !is_root("targets that are not there") {
        return;
    }
    let node = Node::start();
    let before = Held::by(node.pid());
    for (query, words) in [
        (
            "target=packets=nowhere0",
            &["xdp/nowhere0", "interface nowhere0"][..],
        ),
        ("target=binds=/no/such/group", &["cgroup /no/such/group"]),
        (
            "target=lookups=/run/netns/nowhere",
            &["network namespace /run/netns/nowhere"],
        ),
        (
            "target=lookups=/dev/null",
            &["/dev/null is no network namespace"],
        ),
        ("target=calls=/no/such/file:main", &["file /no/such/file"]),
        (
            "target=calls=/dev/null:main",
            &["file /dev/null", "no regular file"],
        ),
        (
            "target=samples=cpu-clock,pid=999999999",
            &["process 999999999"],
        ),
    ] {
        let answer = put(&node, query);
        assert_eq!(answer.status, 422, "{query}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        for word in words {
            assert!(
                detail.contains(word),
                "{query}: {word:?} is not in {detail:?}"
            );
        }
    }
    assert_eq!(Held::by(node.pid()), before, "nothing is left");
    assert!(node.instances().is_empty());
}

#[test]
fn a_target_that_breaks_its_kinds_rule_is_refused_with_the_rule() {
    if !is_root("targets of a wrong form") {
        return;
    }
    let node = Node::start();
    for (query, status, words) in [
        ("target=calls=main", 422, &["PATH:FUNCTION", "\"main\""][..]),
        ("target=calls=/usr/../bin/sh:main", 422, &["PATH:FUNCTION"]),
        ("target=packets=lo,hz=5", 422, &["mode, netns", "\"hz\""]),
        (
            "target=packets=lo,mode=fast",
            422,
            &["`driver`", "\"fast\""],
        ),
        (
            "target=samples=cpu-clock,hz=0",
            422,
            &["1 to 10000", "\"0\""],
        ),
        ("target=samples=cpu-clock,hz=5,period=7", 422, &["not both"]),
        ("target=packets=", 422, &["INTERFACE"]),
        (
            "target=samples=laughter",
            422,
            &["cpu-clock", "\"laughter\""],
        ),
        ("target=nobody=lo", 422, &["nobody", "packets"]),
        ("set=answer=many", 422, &["answer", "\"many\""]),
        ("set=nothing=1", 422, &["nothing", "answer"]),
        ("set=answer=1&set=answer=2", 400, &["answer twice"]),
        ("set=answer", 400, &["NAME=VALUE"]),
        ("colour=red", 400, &["\"colour\""]),
    ] {
        let answer = put(&node, query);
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        for word in words {
            assert!(
                detail.contains(word),
                "{query}: {word:?} is not in {detail:?}"
            );
        }
    }
    assert!(node.instances().is_empty());
}

#[test]
fn without_a_target_an_xdp_program_is_loaded_and_attached_nowhere() {
    if !is_root("programs without a target") {
        return;
    }
    let node = Node::start();
    let answer = put(&node, "target=binds=/&target=lookups=self");
    assert_eq!(answer.status, 200, "{answer:?}");
    let instance = answer.json()["instance"].clone();
    let hooks = instance["hooks"].as_array().unwrap();
    let mut programs: Vec<&str> = hooks
        .iter()
        .map(|hook| hook["program"].as_str().unwrap())
        .collect();
    programs.sort_unstable();
    assert_eq!(programs, ["always", "binds", "lookups", "samples"]);
    assert_eq!(hook(&instance, "samples")["target"], "cpu-clock");
}

#[test]
fn a_probed_file_that_became_a_pipe_is_refused_and_holds_nobody_up() {
    if !is_root("a probed file that becomes a pipe") {
        return;
    }
    let node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("library");
    let library = format!("/lib/{}-linux-gnu/libc.so.6", std::env::consts::ARCH);
    std::fs::copy(library, &file).unwrap();
    let query = format!("target=naps={}:hcreate", file.display());
    let started = put(&node, &query);
    assert_eq!(started.status, 200, "{started:?}");
    let naps = hook(&started.json()["instance"], "naps");
    assert_eq!(naps["strategy"], "overlap", "{naps}");
    std::fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    // Opening it would wait for a writer that never comes.
    let refused = put(&node, &query);
    assert_eq!(refused.status, 422, "{refused:?}");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("no regular file"), "{detail}");
    let naps = hook(&node.instance("places"), "naps");
    assert_eq!(naps["state"], "attached", "what ran goes on: {naps}");
}

/// A process that ends with the test at the latest.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_process_that_ends_leaves_a_hook_that_is_gone() {
    if !is_root("hooks of one process") {
        return;
    }
    let node = Node::start();
    let mut sleeper = Sleeper::start();
    let query = format!("target=samples=cpu-clock,hz=50,pid={}", sleeper.0.id());
    let answer = put(&node, &query);
    assert_eq!(answer.status, 200, "{answer:?}");
    let samples = hook(&node.instance("places"), "samples");
    assert_eq!(samples["state"], "attached", "{samples}");
    sleeper.end();
    until("the hook is gone", || {
        let samples = hook(&node.instance("places"), "samples");
        (samples["state"] == "gone").then_some(())
    });
    let shown = command(&node.socket())
        .args(["status", "places"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let line = shown.lines().find(|line| line.contains("samples")).unwrap();
    assert!(line.contains("gone"), "{shown}");
}

#[test]
fn the_command_line_sets_targets_and_globals_as_the_api_does() {
    if !is_root("settings on the command line") {
        return;
    }
    let node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("places.bpf.o");
    std::io::Write::write_all(
        &mut std::fs::File::create(&file).unwrap(),
        &object("places"),
    )
    .unwrap();
    let updated = command(&node.socket())
        .args(["--json", "update", "--instance", "places"])
        .args(["--target", "packets=lo,mode=generic", "--set", "answer=2"])
        .arg(format!("@{}", file.display()))
        .output()
        .unwrap();
    assert!(updated.status.success(), "{updated:?}");
    let packets = hook(&node.instance("places"), "packets");
    assert_eq!(packets["target"], "lo,mode=generic");
    assert_eq!(packets["strategy"], "switch");
    let refused = command(&node.socket())
        .args(["update", "--target", "packets", "{}"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}
