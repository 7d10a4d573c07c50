//! Two nodes with different labels at one registry: both follow a channel, and each sees every call
//! once over the update. What is withdrawn is left, what is below a floor never runs again.

use std::time::Duration;

use api::client::ClientError;
use api::registry::Reason;
use serde_json::Value;

use super::home::{following, runs};
use super::hooks::{CALL_HOOKS, call_until, follow, read};
use super::node::Node;
use super::proxy::{self, Proxy};
use super::registry::{Follower, Publisher, Registry, publish, wait};
use super::waiting::{beside_one, is_root, until};

const PAYLOAD: &str = "acme/live";
const INSTANCE: &str = "live";
/// How long callers go on before and behind an update.
const CALLING: Duration = Duration::from_millis(300);

/// A registry with a publisher that it knows, and releases 1.0.0, 1.1.0 and 1.2.0.
fn published() -> (Registry, Publisher) {
    let registry = Registry::start();
    let publisher = Publisher::new(&registry, 3);
    for (version, object) in [
        ("1.0.0", "live_1"),
        ("1.1.0", "live_2"),
        ("1.2.0", "live_1"),
    ] {
        let signed = publisher.sign(PAYLOAD, version, object);
        assert!(wait(publish(&registry.admin(), &signed)).unwrap());
    }
    move_to(&registry, "1.0.0");
    (registry, publisher)
}

fn move_to(registry: &Registry, version: &str) {
    wait(registry.admin().set_channel(PAYLOAD, "stable", version)).unwrap();
}

/// What the node runs under the name, if anything.
fn running(node: &Node) -> Option<Value> {
    let instances = node.instances();
    instances
        .into_iter()
        .find(|instance| instance["name"] == INSTANCE)
}

fn until_left(node: &Node) {
    until("the node has left it", || {
        running(node).is_none().then_some(())
    });
}

fn status(refused: ClientError) -> u16 {
    match refused {
        ClientError::Refused { problem, .. } => problem.status,
        other => panic!("{other}"),
    }
}

/// The latest outcome that the registry has of a node, once it is of this kind and newer than the
/// one of this serial.
fn until_outcome(registry: &Registry, node: &str, kind: &str, after: u64) -> Value {
    until(&format!("{node} reports {kind} after {after}"), || {
        let outcome = registry.latest(node)?;
        let outcome = serde_json::to_value(outcome).unwrap();
        let new = outcome["serial"].as_u64() > Some(after);
        (new && outcome["kind"] == kind).then_some(outcome)
    })
}

#[test]
fn two_nodes_follow_a_channel_and_see_every_call_once() {
    if !is_root("updates of two nodes") {
        return;
    }
    let (registry, publisher) = published();
    let followers = [("prod-1", "env=prod"), ("test-1", "env=test")].map(|(name, label)| {
        Follower::new(&registry, registry.url(), &publisher, name).with(&["--label", label])
    });
    let nodes = followers.each_ref().map(Follower::start);
    assert!(
        registry
            .deploy("prod", PAYLOAD, "stable", "env=prod")
            .unwrap()
    );
    assert!(
        registry
            .deploy("test", PAYLOAD, "stable", "env=test")
            .unwrap()
    );
    for node in &nodes {
        runs(node, INSTANCE, "1.0.0");
    }
    let folder = tempfile::tempdir().unwrap();
    let files = ["prod", "test"].map(|name| folder.path().join(name));
    let mut readers: Vec<_> = nodes
        .iter()
        .zip(&files)
        .map(|(node, file)| follow(node, file))
        .collect();
    let ((thread, count), ()) = beside_one(call_until, || {
        std::thread::park_timeout(CALLING);
        move_to(&registry, "1.1.0");
        for node in &nodes {
            runs(node, INSTANCE, "1.1.0");
        }
        std::thread::park_timeout(CALLING);
    });
    for file in &files {
        let expected: Vec<u64> = (0..count).collect();
        for hook in CALL_HOOKS {
            let seen = until("every call is in the event stream", || {
                let seen = read(file).remove(&(hook, thread))?;
                (seen.len() as u64 >= count).then_some(seen)
            });
            assert!(seen == expected, "{}, hook {hook}", file.display());
        }
    }
    for reader in &mut readers {
        reader.kill().unwrap();
        reader.wait().unwrap();
    }
    for name in ["prod-1", "test-1"] {
        let outcome = until_outcome(&registry, name, "updated", 0);
        assert_eq!(outcome["version"], "1.1.0");
        assert_eq!(outcome["proof"]["lost"], 0, "{outcome}");
        assert_eq!(outcome["proof"]["duplicated"], 0, "{outcome}");
    }
}

#[test]
fn a_yanked_release_goes_on_and_a_revoked_one_is_left() {
    if !is_root("withdrawn releases on a node") {
        return;
    }
    let (registry, publisher) = published();
    let follower = Follower::new(&registry, registry.url(), &publisher, "n1");
    let node = follower.start();
    registry.deploy("all", PAYLOAD, "stable", "*").unwrap();
    runs(&node, INSTANCE, "1.0.0");
    let admin = registry.admin();
    let reason = Reason {
        reason: "a test".to_owned(),
    };
    wait(admin.yank(PAYLOAD, "1.0.0", &reason)).unwrap();
    let refused = wait(admin.set_channel(PAYLOAD, "edge", "1.0.0")).unwrap_err();
    assert_eq!(
        status(refused),
        409,
        "no channel is moved to a yanked release"
    );
    // It was told by now, had there been something to tell: another instance comes and it stays.
    let signed = publisher.sign("acme/other", "1.0.0", "live_2");
    wait(publish(&admin, &signed)).unwrap();
    wait(admin.set_channel("acme/other", "stable", "1.0.0")).unwrap();
    registry
        .deploy("other", "acme/other", "stable", "*")
        .unwrap();
    until("the other instance runs", || {
        let instances = node.instances();
        instances
            .iter()
            .any(|one| one["name"] == "other")
            .then_some(())
    });
    assert_eq!(running(&node).unwrap()["version"], "1.0.0");
    wait(admin.revoke(PAYLOAD, "1.0.0", &reason)).unwrap();
    until_left(&node);
    until_outcome(&registry, "n1", "stopped", 0);
    move_to(&registry, "1.1.0");
    runs(&node, INSTANCE, "1.1.0");
}

#[test]
fn no_node_goes_below_a_floor_whoever_asks() {
    if !is_root("floors on a node") {
        return;
    }
    let (registry, publisher) = published();
    let proxy = Proxy::start(registry.url());
    let follower = Follower::new(&registry, &proxy.url(), &publisher, "n1");
    let node = follower.start();
    registry.deploy("all", PAYLOAD, "stable", "*").unwrap();
    runs(&node, INSTANCE, "1.0.0");
    // A registry that knows nothing of floors, as it was before: what it says is kept.
    let old = wait(registry.admin().release(PAYLOAD, "1.0.0")).unwrap();
    wait(
        registry
            .admin()
            .set_floor(PAYLOAD, &publisher.floor(PAYLOAD, "1.1.0", 1)),
    )
    .unwrap();
    until_left(&node);
    move_to(&registry, "1.2.0");
    runs(&node, INSTANCE, "1.2.0");
    let serial = registry.latest_serial("n1");
    proxy.alter(move |path, answer| {
        let Some(body) = proxy::body(&answer).filter(|_| path.ends_with("/desired")) else {
            return answer;
        };
        let mut desired: Value = serde_json::from_slice(body).unwrap();
        desired["floors"] = serde_json::json!([]);
        for (field, value) in [
            ("version", Value::from(old.version.clone())),
            ("digest", old.digest.clone().into()),
            ("size_bytes", old.size_bytes.into()),
            ("envelope", old.envelope.clone().into()),
        ] {
            desired["instances"][0][field] = value;
        }
        proxy::answer(&serde_json::to_vec(&desired).unwrap())
    });
    until_outcome(&registry, "n1", "below_floor", serial);
    assert_eq!(running(&node).unwrap()["version"], "1.2.0");
    let serial = registry.latest_serial("n1");
    assert_eq!(node.stop(), Some(0));
    let node = follower.start();
    runs(&node, INSTANCE, "1.2.0");
    until_outcome(&registry, "n1", "below_floor", serial);
    assert_eq!(running(&node).unwrap()["version"], "1.2.0");
}

#[test]
fn a_node_goes_on_without_its_registry_and_starts_what_ran_last() {
    if !is_root("a node without its registry") {
        return;
    }
    let (mut registry, publisher) = published();
    let proxy = Proxy::start(registry.url());
    let follower = Follower::new(&registry, &proxy.url(), &publisher, "n1");
    let node = follower.start();
    registry.deploy("all", PAYLOAD, "stable", "*").unwrap();
    runs(&node, INSTANCE, "1.0.0");
    // It runs a moment before that is kept: who dies in between starts nothing.
    until("it is written down", || {
        let kept = std::fs::read_to_string(follower.state().join("fleet.json")).ok()?;
        kept.contains("1.0.0").then_some(())
    });
    let started = |node: &Node| running(node).unwrap()["started_ms"].clone();
    let first = started(&node);
    registry.kill();
    node.kill();
    let node = follower.start();
    runs(&node, INSTANCE, "1.0.0");
    assert_eq!(running(&node).unwrap()["trust"], "signed");
    assert_eq!(started(&node), first, "it was gone on with");
    assert_eq!(node.stop(), Some(0));
    let node = follower.start();
    runs(&node, INSTANCE, "1.0.0");
    assert_ne!(started(&node), first, "it was started anew");
    registry.start_again();
    proxy.turn_to(registry.url());
    move_to(&registry, "1.1.0");
    runs(&node, INSTANCE, "1.1.0");
}

#[test]
fn a_node_that_was_forgotten_and_enrols_again_has_its_doorbell_back_at_once() {
    if !is_root("a node that is forgotten") {
        return;
    }
    let registry = Registry::start();
    let publisher = Publisher::new(&registry, 3);
    let follower = Follower::new(&registry, registry.url(), &publisher, "again");
    let node = follower.start();
    let stands = |standing: &str, doorbell: bool| {
        until(&format!("{standing}, doorbell {doorbell}"), || {
            let told = following(&node);
            (told["standing"] == standing && told["doorbell"] == doorbell).then_some(())
        });
    };
    stands("enrolled", true);
    wait(registry.admin().delete_node("again")).unwrap();
    stands("denied", false);
    let token = registry.enrolment("again-later").display().to_string();
    let state = follower.state().display().to_string();
    let enrolled = node.cli(&[
        "enrol",
        "--registry",
        registry.url(),
        "--node-name",
        "again",
        "--token-file",
        &token,
        "--state-dir",
        &state,
    ]);
    assert!(enrolled.status.success(), "{enrolled:?}");
    stands("enrolled", true);
}
