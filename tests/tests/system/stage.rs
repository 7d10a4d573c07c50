//! Staging: loaded and verified, in charge only when it is asked for or its time has come.

use serde_json::Value;

use super::node::{Named, Node};
use super::objects::object;
use super::rollback::{put, seen_by};
use super::waiting::{is_root, until};

const STAGED: &str = "/api/v1/instances/a/staged";

fn stage(node: &Node, query: &str, file: &[u8]) -> Value {
    let answer = node.ask_unix(&format!("PUT {STAGED}{query}"), file);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn flip(node: &Node, query: &str) -> Value {
    let answer = node.ask_unix(&format!("POST /api/v1/instances/a/flip{query}"), b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn what_is_staged_is_shown_runs_nowhere_and_takes_over_at_a_flip() {
    if !is_root("staging") {
        return;
    }
    let node = Node::start();
    let named = Named::new("mw-stage");
    let missing = node
        .ask_unix(&format!("PUT {STAGED}"), &object("two"))
        .problem();
    assert_eq!(missing["status"], 404, "{missing}");
    put(&node, "", &object("one"));
    assert_eq!(
        node.ask_unix("POST /api/v1/instances/a/flip", b"").status,
        409
    );
    let refused = node
        .ask_unix(&format!("PUT {STAGED}"), &object("rejected"))
        .problem();
    assert_eq!(refused["status"], 422, "{refused}");
    assert!(
        refused["log"]
            .as_str()
            .unwrap()
            .contains("invalid mem access")
    );
    let shown = stage(&node, "?bake_ms=0", &object("two"));
    assert_eq!(shown["generation"], 1);
    assert_eq!(shown["staged"]["base"], 1, "{shown}");
    assert_eq!(shown["staged"].get("at_ms"), None);
    assert_eq!(seen_by(&node, &named), (1, false), "it runs nowhere");
    let flipped = flip(&node, "");
    assert_eq!(flipped["proof"]["to"]["generation"], 2, "{flipped}");
    assert_eq!(flipped["proof"]["lost"], 0);
    assert_eq!(flipped["instance"].get("staged"), None);
    assert_eq!(flipped["instance"].get("watch"), None, "bake_ms=0");
    assert_eq!(seen_by(&node, &named), (1, true));
    let back = node
        .ask_unix("POST /api/v1/instances/a/rollback", b"")
        .json();
    assert_eq!(
        back["proof"]["rolled_back"]["way"], "reload",
        "its file is kept"
    );
}

#[test]
fn what_was_staged_for_another_generation_is_prepared_anew() {
    if !is_root("staging over an update") {
        return;
    }
    let node = Node::start();
    put(&node, "?bake_ms=0", &object("counts"));
    stage(&node, "?bake_ms=0", &object("counts"));
    put(&node, "?bake_ms=0", &object("counts_wide"));
    let flipped = flip(&node, "");
    let maps = flipped["proof"]["maps"].as_array().unwrap();
    let counts = maps.iter().find(|map| map["map"] == "counts").unwrap();
    // It would have gone on with the map of a generation that is gone.
    assert_ne!(counts["hand_over"], "shared", "{flipped}");
    assert_eq!(flipped["proof"]["from"]["generation"], 2);
    assert_eq!(flipped["proof"]["to"]["generation"], 3);
}

#[test]
fn what_is_staged_takes_over_at_its_time_or_is_let_go() {
    if !is_root("staging for a time") {
        return;
    }
    let node = Node::start();
    let started = put(&node, "", &object("one"));
    stage(&node, "", &object("two"));
    assert_eq!(node.ask_unix(&format!("DELETE {STAGED}"), b"").status, 204);
    assert_eq!(node.instance("a").get("staged"), None);
    assert_eq!(node.ask_unix(&format!("DELETE {STAGED}"), b"").status, 409);
    // By the node's clock.
    let at_ms = started["at_us"].as_u64().unwrap() / 1000 + 2000;
    stage(&node, &format!("?at_ms={at_ms}"), &object("two"));
    assert_eq!(node.instance("a")["staged"]["at_ms"], at_ms);
    let proof = until("its time has come", || {
        let answer = node.ask_unix("GET /api/v1/instances/a/proofs", b"").json();
        let proof = answer["proofs"].as_array().unwrap().last().unwrap().clone();
        (proof["to"]["generation"] == 2).then_some(proof)
    });
    let was_ms = proof["at_us"].as_u64().unwrap() / 1000;
    assert!(was_ms >= at_ms, "before its time: {proof}");
    assert_eq!(node.instance("a")["watch"]["before"]["generation"], 1);
    until("it is told", || {
        node.journal()
            .contains("took over at its time")
            .then_some(())
    });
    // The command line does the same.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file.as_file(), &object("one")).unwrap();
    let path = file.path().display().to_string();
    let staged = node.cli(&["--json", "stage", &path, "--instance", "a", "--bake", "5"]);
    assert!(staged.status.success(), "{staged:?}");
    let listed = String::from_utf8(node.cli(&["status"]).stdout).unwrap();
    assert!(listed.contains("running, watched, staged"), "{listed}");
    let planned = node.cli(&["--json", "flip", "a", "--at", "+0.2"]);
    assert!(planned.status.success(), "{planned:?}");
    until("its time has come too", || {
        (node.instance("a")["generation"] == 3).then_some(())
    });
    let back = node.cli(&["rollback", "a"]);
    let text = String::from_utf8_lossy(&back.stdout).into_owned();
    assert!(text.contains("gone back from generation 3"), "{back:?}");
    assert_eq!(
        node.cli(&["flip", "a"]).status.code(),
        Some(3),
        "nothing is staged"
    );
}
