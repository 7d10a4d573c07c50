//! What a daemon left and the next one can't, or may not, go on with: it is told, and nothing of it stays
//! that nobody could stop.

use std::path::Path;

use super::kernel::{Held, pinned};
use super::kills::{Home, ends};
use super::node::Node;
use super::objects::object;
use super::release::write;
use super::waiting::is_root;
use tests::held;

const NAMES: [&str; 2] = ["kept", "lost"];

/// A node that was killed with two instances.
fn killed() -> (Home, held::Objects) {
    let home = Home::new();
    let node = home.start();
    for (name, object) in NAMES.iter().zip(["one", "two"].map(object)) {
        let put = node.ask_unix(&format!("PUT /api/v1/instances/{name}"), &object);
        assert_eq!(put.status, 200, "{put:?}");
    }
    let objects = Held::by(node.pid()).objects;
    node.kill();
    (home, objects)
}

fn names(node: &Node) -> Vec<String> {
    let instances = node.instances();
    let name = |found: &serde_json::Value| found["name"].as_str().unwrap().to_owned();
    instances.iter().map(name).collect()
}

/// Whether an instance has pins.
fn is_pinned(home: &Home, name: &str) -> bool {
    pinned(&home.state()).iter().any(|pin| pin.ends_with(name))
}

#[test]
fn an_instance_whose_file_is_gone_runs_on_until_it_is_stopped_by_its_name() {
    if !is_root("an instance whose file is gone") {
        return;
    }
    let (home, objects) = killed();
    let record = std::fs::read_to_string(home.state().join("instances/lost.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let digest = record["generations"][0]["original"]["digest"]
        .as_str()
        .unwrap();
    let hex = digest.trim_start_matches("sha256:");
    assert!(remove(&home.state(), hex), "no file of {hex}");
    let node = home.start();
    assert_eq!(names(&node), ["kept"]);
    assert!(
        node.journal()
            .contains("lost: what the last daemon left of it")
    );
    assert!(is_pinned(&home, "lost"));
    assert_eq!(
        node.ask_unix("DELETE /api/v1/instances/lost", b"").status,
        204
    );
    assert!(!is_pinned(&home, "lost"));
    assert_eq!(
        node.ask_unix("DELETE /api/v1/instances/lost", b"").status,
        404
    );
    ends(&home, node, &objects);
}

#[test]
fn an_instance_that_daemons_die_of_going_on_with_is_left_as_it_is() {
    if !is_root("an instance that daemons die of") {
        return;
    }
    let (home, objects) = killed();
    for _ in 0..3 {
        home.dies_in_resume("resume found");
    }
    let node = home.start();
    let journal = node.journal();
    assert!(journal.contains("3 daemons have died of that"), "{journal}");
    for name in NAMES
        .iter()
        .filter(|name| !names(&node).contains(&(**name).to_owned()))
    {
        assert!(is_pinned(&home, name), "its programs stay");
        let stopped = node.ask_unix(&format!("DELETE /api/v1/instances/{name}"), b"");
        assert_eq!(stopped.status, 204, "{stopped:?}");
    }
    ends(&home, node, &objects);
}

/// Removes the file whose name has this in it.
fn remove(folder: &Path, part: &str) -> bool {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return remove(&path, part);
        }
        let found = entry.file_name().to_string_lossy().contains(part);
        found && std::fs::remove_file(path).is_ok()
    })
}

#[test]
fn an_instance_whose_record_is_torn_is_stopped_and_the_others_go_on() {
    if !is_root("an instance whose record is torn") {
        return;
    }
    let (home, objects) = killed();
    write(&home.state().join("instances/lost.json"), b"{");
    let node = home.start();
    assert_eq!(names(&node), ["kept"]);
    assert!(node.journal().contains("lost: its record can't be read"));
    assert!(!is_pinned(&home, "lost"));
    ends(&home, node, &objects);
}

#[test]
fn a_daemon_that_can_not_begin_takes_nothing_with_it() {
    if !is_root("a daemon that can't begin") {
        return;
    }
    let (home, objects) = killed();
    // It is taken for the file of addresses that is about to be renamed.
    let obstacle = home.state().join("addresses.json.new");
    std::fs::create_dir(&obstacle).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ended = super::node::command(&folder.path().join("node.sock"))
        .args(["daemon", "--legacy-listen", "none", "--state-dir"])
        .arg(home.state())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(NAMES.iter().all(|name| is_pinned(&home, name)));
    std::fs::remove_dir(&obstacle).unwrap();
    let node = home.start();
    assert_eq!(names(&node), NAMES);
    let gone_on = node.journal().matches("gone on with").count();
    assert_eq!(gone_on, NAMES.len(), "{}", node.journal());
    ends(&home, node, &objects);
}

#[test]
fn a_number_is_given_once_over_lives_too() {
    if !is_root("numbers of generations") {
        return;
    }
    let home = Home::new();
    let node = home.start();
    let put = |node: &Node, name: &str| {
        let put = node.ask_unix("PUT /api/v1/instances/kept", &object(name));
        assert_eq!(put.status, 200, "{put:?}");
        put.json()["instance"]["generation"].clone()
    };
    assert_eq!(put(&node, "one"), 1);
    assert_eq!(put(&node, "two"), 2);
    let back = node.ask_unix("POST /api/v1/instances/kept/rollback", b"");
    assert_eq!(back.json()["instance"]["generation"], 1);
    let objects = Held::by(node.pid()).objects;
    node.kill();
    let node = home.start();
    assert_eq!(node.instance("kept")["generation"], 1);
    assert_eq!(put(&node, "one"), 3);
    ends(&home, node, &objects);
}

#[test]
fn what_the_rules_of_now_refuse_does_not_run_on() {
    if !is_root("rules that changed") {
        return;
    }
    let (home, objects) = killed();
    let node = Node::start_over(&home.state(), &["--allow-unsigned", "never"]);
    assert!(names(&node).is_empty());
    assert!(node.journal().contains("kept: it may not run any more"));
    ends(&home, node, &objects);
}
