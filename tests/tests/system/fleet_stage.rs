//! What a rollout asks of a node: payloads that are loaded and verified before they are to run, that take
//! over without a load, at a time, and what is told of that.

use std::path::PathBuf;

use serde_json::Value;

use super::home::{Home, following, one, polled, reported, runs, two, version};
use super::node::{Named, Node};
use super::release::{Release, release};
use super::served::Served;
use super::waiting::{is_root, until};

const INSTANCE: &str = "fleet-stage";

/// The steps of what is staged, as `INSTANCE VERSION STEP`.
fn steps(node: &Node) -> Vec<String> {
    let following = following(node);
    let staged = following["staged"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let step = |one: &Value| {
        [&one["instance"], &one["version"], &one["step"]]
            .map(text)
            .join(" ")
    };
    staged.iter().map(step).collect()
}

fn running(old: &Release) -> (Served, Home, Node) {
    let (registry, home) = (Served::start(), Home::new());
    registry.wants(&[(INSTANCE, old)]);
    let node = home.start_with(&registry.url(), &["--back-off-min-ms", "100"]);
    runs(&node, INSTANCE, "1.0.0");
    (registry, home, node)
}

#[test]
fn what_is_to_be_staged_is_told_takes_over_without_a_load_and_is_committed() {
    if !is_root("staging for a registry") {
        return;
    }
    let (old, new) = (one("1.0.0"), two("1.1.0"));
    let (registry, _home, node) = running(&old);
    let named = Named::new("fleet-staged");
    let staged = vec![new.brought(INSTANCE, 7, 2_000)];
    registry.tells(&[&old, &new], vec![old.wanted(INSTANCE)], staged);
    reported(&registry, &format!("staging staged {INSTANCE} 1.1.0"));
    let outcome = registry.outcome("staged").unwrap();
    assert_eq!(
        (&outcome["rollout"], &outcome["staging"]),
        (&7.into(), &true.into())
    );
    let shown = node.instance(INSTANCE);
    assert_eq!(shown["staged"]["version"], "1.1.0", "{shown}");
    assert_eq!(shown["generation"], 1, "it does not run");
    assert_eq!(steps(&node), [format!("{INSTANCE} 1.1.0 staged")]);
    assert!(node.journal().contains("staging: staged: acme/trace 1.1.0"));

    registry.tells(&[], vec![new.brought(INSTANCE, 7, 2_000)], vec![]);
    runs(&node, INSTANCE, "1.1.0");
    reported(&registry, &format!("updated {INSTANCE} 1.1.0"));
    let shown = node.instance(INSTANCE);
    assert_eq!(shown.get("staged"), None, "{shown}");
    named.run();
    until("its figures are told", || {
        let says = registry.says();
        let report = says.reports.last()?["instances"][0].clone();
        let accepted = report["since_flip"]["accepted"].as_u64()?;
        (report["watched"] == true && accepted >= 1).then_some(())
    });
    reported(&registry, &format!("committed {INSTANCE} 1.1.0"));
    let outcome = registry.outcome("committed").unwrap();
    assert_eq!(
        (&outcome["rollout"], outcome.get("staging")),
        (&7.into(), None)
    );
    polled(&registry);
    let outcomes = registry.outcomes();
    let of_new = |one: &&String| one.ends_with("1.1.0");
    assert_eq!(outcomes.iter().filter(of_new).count(), 3, "{outcomes:?}");
    until("it is told that the watch is over", || {
        let says = registry.says();
        let report = says.reports.last()?["instances"][0].clone();
        (report["watched"] == false).then_some(())
    });
}

#[test]
fn what_can_not_be_staged_is_told_once_for_each_rollout_and_nothing_that_runs_is_touched() {
    if !is_root("staging what is rejected") {
        return;
    }
    let old = one("1.0.0");
    let (registry, _home, node) = running(&old);
    let bad = release("rejected", "acme/trace", "1.1.0", 1);
    let strange = release("two", "acme/trace", "1.2.0", 2);
    for (bad, rollout, kind) in [
        (&bad, 7, "load_rejected"),
        (&bad, 8, "load_rejected"),
        (&strange, 9, "signature_rejected"),
    ] {
        let staged = vec![bad.brought(INSTANCE, rollout, 1_000)];
        registry.tells(&[bad], vec![old.wanted(INSTANCE)], staged);
        let outcome = until("it is told", || {
            let outcome = registry.outcome(kind)?;
            (outcome["rollout"] == rollout).then_some(outcome)
        });
        assert_eq!(outcome["staging"], true, "{outcome}");
        if kind == "load_rejected" {
            let log = outcome["problem"]["log"].as_str().unwrap();
            assert!(log.contains("invalid mem access"), "{log}");
        }
        polled(&registry);
    }
    let outcomes = registry.outcomes();
    let staging = |one: &&String| one.starts_with("staging");
    assert_eq!(outcomes.iter().filter(staging).count(), 3, "{outcomes:?}");
    let shown = node.instance(INSTANCE);
    assert_eq!(
        (&shown["version"], &shown["generation"]),
        (&"1.0.0".into(), &1.into())
    );
    assert_eq!(shown.get("staged"), None);
    assert_eq!(steps(&node), [format!("{INSTANCE} 1.2.0 refused")]);
}

#[test]
fn where_nothing_runs_it_is_loaded_for_real_and_let_go_of_and_what_is_not_wanted_is_too() {
    if !is_root("staging where nothing runs") {
        return;
    }
    let old = one("1.0.0");
    let (registry, home, node) = running(&old);
    let (new, bad) = (two("1.1.0"), release("rejected", "acme/trace", "1.0.0", 1));
    let staged = vec![
        new.brought(INSTANCE, 7, 1_000),
        new.brought("fleet-new", 7, 1_000),
        bad.brought("fleet-bad", 7, 1_000),
    ];
    registry.tells(&[&new, &bad], vec![old.wanted(INSTANCE)], staged);
    reported(&registry, "staging staged fleet-new 1.1.0");
    reported(&registry, "staging load_rejected fleet-bad 1.0.0");
    reported(&registry, &format!("staging staged {INSTANCE} 1.1.0"));
    let names: Vec<Value> = node
        .instances()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, [INSTANCE], "the others do not run");
    let pinned = super::kernel::pinned(&PathBuf::from(home.path("state")));
    let of_others = |pin: &&PathBuf| {
        let pin = pin.display().to_string();
        pin.contains("fleet-new") || pin.contains("fleet-bad")
    };
    assert_eq!(pinned.iter().find(of_others), None);
    assert_eq!(node.instance(INSTANCE)["staged"]["version"], "1.1.0");
    registry.tells(&[], vec![old.wanted(INSTANCE)], vec![]);
    until("it is let go of", || {
        (node.instance(INSTANCE).get("staged").is_none() && steps(&node).is_empty()).then_some(())
    });
    assert_eq!(node.instance(INSTANCE)["generation"], 1);
}

#[test]
fn what_somebody_here_staged_is_never_the_registrys_to_let_go_of() {
    if !is_root("staging beside a registry") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let node = home.start(&registry.url());
    let path = "/api/v1/instances/fleet-own";
    let put =
        |path: &str, of: &str| node.ask_unix(&format!("PUT {path}"), &super::objects::object(of));
    assert_eq!(put(path, "one").status, 200);
    assert_eq!(put(&format!("{path}/staged"), "two").status, 200);
    let staged = node.instance("fleet-own")["staged"].clone();
    let new = two("1.1.0");
    registry.tells(&[&new], vec![], vec![new.brought("fleet-own", 7, 1_000)]);
    reported(&registry, "staging policy_refused fleet-own 1.1.0");
    registry.tells(&[], vec![], vec![]);
    polled(&registry);
    assert_eq!(node.instance("fleet-own")["staged"], staged);
}

#[test]
fn what_is_to_take_over_at_a_time_waits_staged_and_takes_over_then() {
    if !is_root("flips at a time") {
        return;
    }
    let (old, new) = (one("1.0.0"), two("1.1.0"));
    let (registry, _home, node) = running(&old);
    // By the node's clock.
    let at_ms = following(&node)["heard_ms"].as_u64().unwrap() + 5_000;
    registry.tells(&[&new], vec![new.brought_at(INSTANCE, 7, at_ms)], vec![]);
    reported(&registry, &format!("staging staged {INSTANCE} 1.1.0"));
    runs(&node, INSTANCE, "1.1.0");
    reported(&registry, &format!("updated {INSTANCE} 1.1.0"));
    let proof = registry.outcome("updated").unwrap()["proof"].clone();
    let was_us = proof["at_us"].as_u64().unwrap();
    assert!(was_us >= at_ms * 1_000, "before its time: {proof}");
    println!("{} us behind its time", was_us - at_ms * 1_000);
    // A time that is past is none.
    registry.tells(&[&old], vec![old.brought_at(INSTANCE, 8, at_ms)], vec![]);
    until("1.0.0 runs again", || {
        (version(&node, INSTANCE).as_deref() == Some("1.0.0")).then_some(())
    });
}
