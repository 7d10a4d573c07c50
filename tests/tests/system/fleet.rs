//! A node that follows a registry: it enrols, updates itself, refuses what its own keys, floors and
//! policy don't allow, and goes on without the registry.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::node::{Named, Node};
use super::release::{Release, floor, release, trust, write};
use super::served::{CREDENTIAL, Harm, Served, TOKEN};
use super::waiting::{is_root, until};

/// The folders of a node that outlive it: its state, its keys, its token.
struct Home(tempfile::TempDir);

impl Home {
    /// Trusts the key 1 for `acme`.
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.keys()).unwrap();
        trust(&home.keys(), "acme.toml", 1, "acme");
        write(&home.0.path().join("token"), TOKEN.as_bytes());
        home
    }

    fn keys(&self) -> PathBuf {
        self.0.path().join("keys")
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn credential(&self) -> PathBuf {
        self.0.path().join("state/credential.json")
    }

    fn start(&self, url: &str) -> Node {
        self.start_with(url, &[])
    }

    fn start_with(&self, url: &str, more: &[&str]) -> Node {
        let (keys, token) = (self.path("keys"), self.path("token"));
        let mut args = vec![
            "--registry",
            url,
            "--trusted-keys",
            &keys,
            "--enrol-token-file",
            &token,
            "--node-name",
            "here",
            "--label",
            "env=test",
        ];
        args.extend(more);
        Node::start_over(&self.0.path().join("state"), &args)
    }

    fn policy(&self, text: &str) -> String {
        let path = self.0.path().join("node.toml");
        write(&path, text.as_bytes());
        path.display().to_string()
    }
}

fn version(node: &Node, instance: &str) -> Option<String> {
    let instances = node.instances();
    let found = instances.iter().find(|one| one["name"] == instance)?;
    found["version"].as_str().map(str::to_owned)
}

fn runs(node: &Node, instance: &str, wanted: &str) {
    until(&format!("{instance} {wanted} runs"), || {
        (version(node, instance).as_deref() == Some(wanted)).then_some(())
    });
}

fn following(node: &Node) -> Value {
    let answer = node.ask_unix("GET /api/v1/registry", b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn reported(registry: &Served, outcome: &str) {
    until(outcome, || {
        registry
            .outcomes()
            .iter()
            .any(|one| one == outcome)
            .then_some(())
    });
}

/// Waits until the node has asked for its desired state again, twice.
fn polled(registry: &Served) {
    let polls = || {
        let says = registry.says();
        says.asked
            .iter()
            .filter(|asked| asked.ends_with("/desired"))
            .count()
    };
    let before = polls();
    until("two polls", || (polls() >= before + 2).then_some(()));
}

fn one(version: &str) -> Release {
    release("one", "acme/trace", version, 1)
}

fn two(version: &str) -> Release {
    release("two", "acme/trace", version, 1)
}

#[test]
fn a_node_enrols_runs_what_is_wanted_updates_and_stops_and_reports_it_all() {
    if !is_root("a node that follows a registry") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let (old, new) = (one("1.0.0"), two("1.1.0"));
    registry.wants(&[("fleet-follow", &old)]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-follow", "1.0.0");
    let shown = node.instance("fleet-follow");
    assert_eq!(shown["trust"], "signed");
    assert_eq!(shown["signers"].as_array().unwrap().len(), 1);
    assert_eq!(
        shown["owner"]["registry"]["deployment"],
        "fleet-follow-everywhere"
    );
    reported(&registry, "started fleet-follow 1.0.0");

    let named = Named::new("fleet-follows");
    let before = named.run();
    registry.wants(&[("fleet-follow", &new)]);
    until("the doorbell is open", || {
        (following(&node)["doorbell"] == true).then_some(())
    });
    registry.ring();
    runs(&node, "fleet-follow", "1.1.0");
    let after = named.run();
    reported(&registry, "updated fleet-follow 1.1.0");
    let outcome = registry.outcome("updated").unwrap();
    assert_eq!(outcome["proof"]["duplicated"], 0, "{outcome}");
    let id = node.instance("fleet-follow")["id"].as_u64().unwrap();
    until("both events", || {
        let events = node.events(id);
        let started = |one: &&Value| one["event"]["kind"] != "EXIT";
        let started = || events.iter().filter(started);
        let seen = |pid: u64| started().filter(|one| one["event"]["pid"] == pid).count();
        (seen(before) == 1 && seen(after) == 1).then_some(())
    });

    registry.wants(&[]);
    until("it is stopped", || {
        node.instances().is_empty().then_some(())
    });
    reported(&registry, "stopped fleet-follow 1.1.0");
    let says = registry.says();
    let report = says.reports.last().unwrap();
    assert_eq!(report["facts"]["labels"]["env"], "test");
    assert!(!report["facts"]["kernel"].as_str().unwrap().is_empty());
    let serials: Vec<u64> = says
        .reports
        .iter()
        .filter_map(|report| report["outcomes"].as_array())
        .flatten()
        .map(|one| one["serial"].as_u64().unwrap())
        .collect();
    assert_eq!(serials, [1, 2, 3]);
    drop(says);
    let text = node.ask_unix("GET /metrics", b"").body;
    assert!(
        text.contains("marrow_registry_outcomes_total{kind=\"updated\"} 1"),
        "{text}"
    );
    assert!(!node.journal().contains(CREDENTIAL) && !node.journal().contains(TOKEN));
}

#[test]
fn after_a_kill_and_without_its_registry_a_node_starts_what_ran_last() {
    if !is_root("a node after a kill") {
        return;
    }
    let home = Home::new();
    let registry = Served::start();
    registry.wants(&[("fleet-kill", &two("1.1.0"))]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-kill", "1.1.0");
    until("it is written down", || {
        let kept = std::fs::read_to_string(home.path("state/fleet.json")).ok()?;
        kept.contains("1.1.0").then_some(())
    });
    let serial = || -> Value {
        let kept = std::fs::read(home.path("state/fleet.json")).unwrap();
        serde_json::from_slice::<Value>(&kept).unwrap()["outbox"]["last_serial"].clone()
    };
    let before = serial();
    node.signal(libc::SIGKILL);
    until("it is gone", || {
        (!Path::new(&format!("/proc/{}/exe", node.pid())).exists()).then_some(())
    });
    drop(node);
    // Nobody listens at the registry's address any more.
    let away = "http://127.0.0.1:1";
    let node = home.start(away);
    runs(&node, "fleet-kill", "1.1.0");
    let told = until("the trouble is told", || {
        let told = following(&node);
        (!told["trouble"].is_null()).then_some(told)
    });
    assert_eq!(told["standing"], "enrolled");
    until("serials go on", || {
        (serial().as_u64() > before.as_u64()).then_some(())
    });
    // The first life's too, where it died before it knew that the registry has it.
    assert!(told["outcomes_waiting"].as_u64() >= Some(1), "{told}");
    drop(node);
    // It comes back, and gets what had waited.
    let node = home.start(&registry.url());
    reported(&registry, "started fleet-kill 1.1.0");
    runs(&node, "fleet-kill", "1.1.0");
    // A key that is not trusted any more vouches for nothing, in the store neither.
    drop(node);
    std::fs::remove_file(home.keys().join("acme.toml")).unwrap();
    let node = home.start(away);
    until("it is refused", || {
        (following(&node)["instances"][0]["step"] == "refused").then_some(())
    });
    assert!(node.instances().is_empty());
    // The key comes back, and so does the instance, without a restart.
    trust(&home.keys(), "acme.toml", 1, "acme");
    runs(&node, "fleet-kill", "1.1.0");
}

#[test]
fn a_floor_holds_after_a_restart_whatever_the_registry_says() {
    if !is_root("floors") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let (old, new) = (one("1.0.0"), two("1.1.0"));
    registry.wants(&[("fleet-floor", &old)]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-floor", "1.0.0");
    // Somebody else's floor, and one of a stranger, change nothing.
    registry.says().floors = vec![floor("acme/trace", "9.0.0", 9, 2), "{}".to_owned()];
    polled(&registry);
    runs(&node, "fleet-floor", "1.0.0");
    registry.says().floors = vec![floor("acme/trace", "1.1.0", 1, 1)];
    until("it has left", || node.instances().is_empty().then_some(()));
    reported(&registry, "below_floor fleet-floor 1.0.0");
    registry.wants(&[("fleet-floor", &new)]);
    runs(&node, "fleet-floor", "1.1.0");
    drop(node);

    // The registry forgets the floor, replays an older one and wants the old version.
    registry.says().floors = Vec::new();
    registry.wants(&[("fleet-floor", &old)]);
    let node = home.start(&registry.url());
    polled(&registry);
    until("it is refused", || {
        (following(&node)["instances"][0]["step"] == "refused").then_some(())
    });
    assert_ne!(version(&node, "fleet-floor").as_deref(), Some("1.0.0"));
    let told = following(&node);
    assert_eq!(told["floors"][0]["minimum_version"], "1.1.0", "{told}");
    registry.says().floors = vec![floor("acme/trace", "0.1.0", 0, 1)];
    polled(&registry);
    assert_eq!(following(&node)["floors"][0]["minimum_version"], "1.1.0");
}

#[test]
fn whatever_is_done_to_answers_nothing_else_loads_and_what_runs_goes_on() {
    if !is_root("hostile answers") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let (good, next) = (one("1.0.0"), two("1.1.0"));
    registry.wants(&[("fleet-harm", &good)]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-harm", "1.0.0");
    let refused = |kind: &str, field: &str| {
        until(&format!("{kind} of {field}"), || {
            let told = registry.outcome(kind)?;
            (told["problem"]["field"] == field).then_some(())
        });
        assert_eq!(version(&node, "fleet-harm").as_deref(), Some("1.0.0"));
    };

    // A bit of the file.
    registry.says().harm_blobs = Harm::Flip(12_345);
    registry.wants(&[("fleet-harm", &next)]);
    refused("signature_rejected", "digest");
    // Signed by a stranger.
    let foreign = release("two", "acme/trace", "1.2.0", 2);
    registry.says().harm_blobs = Harm::None;
    registry.wants(&[("fleet-harm", &foreign)]);
    refused("signature_rejected", "envelope");
    // Signed by one who may, but it is another payload, or another version, that is served.
    for (field, served) in [
        ("payload", release("two", "acme/other", "1.3.0", 1)),
        ("version", two("1.3.1")),
    ] {
        registry.wants(&[("fleet-harm", &served)]);
        registry.says().wanted[0][field] = json!(if field == "payload" {
            "acme/trace"
        } else {
            "1.3.9"
        });
        refused("signature_rejected", field);
    }
    // The envelope of another release.
    let mixed = two("1.4.0");
    registry.wants(&[("fleet-harm", &mixed)]);
    registry.says().wanted[0]["envelope"] = json!(next.envelope);
    refused("signature_rejected", "envelope");
    // No signature at all.
    registry.wants(&[("fleet-harm", &two("1.5.0"))]);
    registry.says().wanted[0]
        .as_object_mut()
        .unwrap()
        .remove("envelope");
    refused("policy_refused", "envelope");
    // A value and a target that the publisher did not let be set.
    registry.wants(&[("fleet-harm", &two("1.6.0"))]);
    registry.says().wanted[0]["globals"] = json!({ "level": 3 });
    refused("policy_refused", "globals.level");

    // Answers that are no answers: damaged, cut, not JSON, too much wanted.
    registry.wants(&[]);
    for harm in [Harm::Flip(77), Harm::Cut(20), Harm::Cut(0)] {
        registry.says().harm_desired = harm;
        until("the trouble is told", || {
            (!following(&node)["trouble"].is_null()).then_some(())
        });
        registry.says().harm_desired = Harm::None;
        registry.wants(&[("fleet-harm", &good)]);
        until("it is over", || {
            following(&node)["trouble"].is_null().then_some(())
        });
        assert_eq!(version(&node, "fleet-harm").as_deref(), Some("1.0.0"));
        registry.wants(&[]);
        registry.says().harm_desired = harm;
    }
    registry.says().harm_desired = Harm::None;
    let twice = good.wanted("fleet-harm");
    registry.says().wanted = vec![twice.clone(), twice];
    until("the trouble is told", || {
        let told = following(&node)["trouble"]["problem"]["detail"].clone();
        told.as_str()
            .is_some_and(|told| told.contains("wanted twice"))
            .then_some(())
    });
    assert_eq!(version(&node, "fleet-harm").as_deref(), Some("1.0.0"));
    // And then it works again.
    registry.wants(&[("fleet-harm", &next)]);
    runs(&node, "fleet-harm", "1.1.0");
}

#[test]
fn one_bit_of_a_file_flipped_at_a_hundred_places_never_loads() {
    if !is_root("flipped bits") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let good = one("1.0.0");
    registry.wants(&[("fleet-flip", &good)]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-flip", "1.0.0");
    let generation = node.instance("fleet-flip")["generation"].clone();
    // Each a release of its own, so that none waits for the one before; its digest is that of the
    // altered file, so that only the signature stands against it.
    let next = two("1.1.0");
    let bits = 8 * next.file.len();
    let mut flipped = next.clone();
    let mut wanted = Vec::new();
    for n in 0..100 {
        flipped.file.clone_from(&next.file);
        let bit = n * (bits / 100) + n % 8;
        flipped.file[bit / 8] ^= 1 << (bit % 8);
        flipped.digest = payload::digest::Digest::of(&flipped.file).to_string();
        wanted.push(flipped.wanted(&format!("fleet-flip-{n}")));
        registry
            .says()
            .blobs
            .insert(flipped.digest.clone(), flipped.file.clone());
    }
    wanted.push(good.wanted("fleet-flip"));
    registry.says().wanted = wanted;
    until("all are refused", || {
        let outcomes = registry.outcomes();
        let refused = outcomes
            .iter()
            .filter(|one| one.starts_with("signature_rejected"));
        (refused.count() == 100).then_some(())
    });
    assert_eq!(node.instances().len(), 1);
    assert_eq!(node.instance("fleet-flip")["generation"], generation);
}

#[test]
fn a_fetch_that_is_cut_off_goes_on_where_it_ended() {
    if !is_root("resumed fetches") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let good = one("1.0.0");
    registry.says().harm_blobs = Harm::Cut(1000);
    registry.wants(&[("fleet-resume", &good)]);
    let node = home.start(&registry.url());
    reported(&registry, "fetch_failed fleet-resume 1.0.0");
    registry.says().harm_blobs = Harm::None;
    runs(&node, "fleet-resume", "1.0.0");
    let says = registry.says();
    let blobs: Vec<_> = says
        .asked
        .iter()
        .filter(|asked| asked.contains("/blobs/"))
        .collect();
    assert!(
        blobs.iter().any(|asked| asked.ends_with("from 1000")),
        "{blobs:?}"
    );
}

#[test]
fn what_was_started_here_is_never_touched_by_the_registry_nor_the_other_way_round() {
    if !is_root("owners of instances") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let node = home.start(&registry.url());
    let put = |name: &str| {
        let path = format!("PUT /api/v1/instances/{name}");
        node.ask_unix(&path, &super::objects::object("one"))
    };
    assert_eq!(put("fleet-mine").status, 200);
    let (mine, theirs) = (two("1.1.0"), one("1.0.0"));
    registry.wants(&[("fleet-mine", &mine), ("fleet-theirs", &theirs)]);
    runs(&node, "fleet-theirs", "1.0.0");
    reported(&registry, "policy_refused fleet-mine 1.1.0");
    assert_eq!(node.instance("fleet-mine")["generation"], 1);
    assert_eq!(node.instance("fleet-mine")["owner"], "local");

    for refused in [
        put("fleet-theirs"),
        node.ask_unix("DELETE /api/v1/instances/fleet-theirs", b""),
    ] {
        assert_eq!(refused.status, 409, "{refused:?}");
        let detail = refused.problem()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("deployment fleet-theirs-everywhere"),
            "{detail}"
        );
    }
    let id = node.instance("fleet-theirs")["id"].clone();
    let stop = node.post("/stop", format!("{{\"id\":{id}}}").as_bytes());
    assert_eq!(stop.status, 409, "the old protocol's stop neither");
    runs(&node, "fleet-theirs", "1.0.0");
    assert_eq!(
        node.ask_unix("POST /api/v1/instances/fleet-theirs/pause", b"")
            .status,
        200
    );

    registry.wants(&[("fleet-theirs", &theirs)]);
    polled(&registry);
    assert_eq!(
        node.instance("fleet-mine")["generation"],
        1,
        "no longer wanted, still here"
    );
    // Once the name is free the registry may have it.
    registry.wants(&[("fleet-mine", &mine), ("fleet-theirs", &theirs)]);
    assert_eq!(
        node.ask_unix("DELETE /api/v1/instances/fleet-mine", b"")
            .status,
        204
    );
    runs(&node, "fleet-mine", "1.1.0");
}

#[test]
fn a_node_that_is_denied_runs_on_says_so_and_takes_up_a_new_credential() {
    if !is_root("denied nodes") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    registry.wants(&[("fleet-denied", &one("1.0.0"))]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-denied", "1.0.0");
    registry.says().status = 401;
    until("it is denied", || {
        (following(&node)["standing"] == "denied").then_some(())
    });
    let asked = registry.says().asked.len();
    runs(&node, "fleet-denied", "1.0.0");
    registry.says().status = 200;
    registry.wants(&[("fleet-denied", &two("1.1.0"))]);
    assert!(
        registry.says().asked.len() <= asked + 2,
        "it asks slowly now"
    );
    // Another credential of the same node: `node enrol` writes it.
    let kept = std::fs::read_to_string(home.credential()).unwrap();
    std::fs::remove_file(home.credential()).unwrap();
    let enrolled = node.cli(&[
        "enrol",
        "--registry",
        &registry.url(),
        "--node-name",
        "here-again",
        "--token-file",
        &home.path("token"),
        "--state-dir",
        &home.path("state"),
    ]);
    assert!(enrolled.status.success(), "{enrolled:?}");
    assert_ne!(std::fs::read_to_string(home.credential()).unwrap(), kept);
    runs(&node, "fleet-denied", "1.1.0");
    assert_eq!(following(&node)["node"], "here-again");
}

#[test]
fn the_policy_of_the_configuration_is_in_force_and_targets_are_set_where_it_lets_them() {
    if !is_root("policies") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let config = home.policy(
        "[policy]\nhooks = [\"tracepoint/sched/*\", \"raw_tracepoint/*\"]\nmap_bytes_max = 4194304\n",
    );
    registry.wants(&[("fleet-policy", &one("1.0.0"))]);
    registry.says().wanted[0]["targets"] = json!({ "handle_exec": "syscalls/sys_enter_execve" });
    let node = home.start_with(&registry.url(), &["--config", &config]);
    reported(&registry, "policy_refused fleet-policy 1.0.0");
    let told = registry.outcome("policy_refused").unwrap();
    let detail = told["problem"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("syscalls/sys_enter_execve") && detail.contains("policy.hooks"),
        "{detail}"
    );
    assert!(node.instances().is_empty());
    registry.says().wanted[0]["targets"] = json!({ "handle_exec": "sched/sched_process_exit" });
    runs(&node, "fleet-policy", "1.0.0");
    let hook = &node.instance("fleet-policy")["hooks"][0];
    assert_eq!(hook["target"], "sched/sched_process_exit", "{hook}");
}

#[test]
fn a_registry_that_is_busy_is_left_alone_as_long_as_it_asks() {
    if !is_root("busy registries") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let node = home.start(&registry.url());
    polled(&registry);
    {
        let mut says = registry.says();
        says.status = 503;
        says.retry_after_s = Some(3600);
    }
    until("the trouble is told", || {
        (!following(&node)["trouble"].is_null()).then_some(())
    });
    let polls = || {
        let says = registry.says();
        says.asked
            .iter()
            .filter(|asked| asked.ends_with("/desired"))
            .count()
    };
    let before = polls();
    // Ten of the intervals that it had asked for before.
    let began = std::time::Instant::now();
    until("two seconds", || {
        (began.elapsed().as_secs() >= 2).then_some(())
    });
    assert_eq!(polls(), before);
    assert_eq!(following(&node)["standing"], "enrolled");
}
