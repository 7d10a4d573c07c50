//! What a proxy, a hijacked registry or yesterday's answers can do to a node: withhold, and choose
//! among signed releases above their floor. Nothing else loads, what runs goes on, the reason is told.

use payload::manifest::{Access, Handler, Limit, MapAccess};
use payload::unsigned::Unsigned;
use serde_json::json;
use tests::payloads;

use super::home::{Home, following, one, polled, reported, runs, two, version};
use super::objects::object;
use super::release::{Release, floor, release, signed};
use super::served::{Harm, Served};
use super::waiting::{is_root, until};

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
fn many_floors_a_bad_one_and_an_instance_that_can_not_be_leave_a_node_its_ears() {
    if !is_root("what an answer has beside") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let (old, new) = (one("1.0.0"), two("1.1.0"));
    registry.wants(&[("fleet-ears", &old), ("fleet-stays", &old)]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-ears", "1.0.0");
    runs(&node, "fleet-stays", "1.0.0");
    let many = |n| floor(&format!("acme/other-{n}"), "1.0.0", 1, 1);
    registry.says().floors = (0..300).map(many).chain(["{}".to_owned()]).collect();
    registry.wants(&[("fleet-ears", &new), ("fleet-stays", &new)]);
    registry.says().wanted[1]["digest"] = json!("sha256:00");
    runs(&node, "fleet-ears", "1.1.0");
    let told = following(&node);
    assert_eq!(told["floors"].as_array().unwrap().len(), 300);
    for word in ["a floor was not taken", "instances[1].digest: "] {
        assert!(node.journal().contains(word), "{}", node.journal());
    }
    assert_eq!(version(&node, "fleet-stays").as_deref(), Some("1.0.0"));
    // A set that can't be one does nothing, but the floors beside it are their publisher's word.
    let twice = new.wanted("fleet-ears");
    registry.says().wanted = vec![twice.clone(), twice];
    registry.says().floors = vec![floor("acme/trace", "1.1.0", 1, 1)];
    until("what is below the floor has left", || {
        version(&node, "fleet-stays").is_none().then_some(())
    });
    runs(&node, "fleet-ears", "1.1.0");
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

    // And then it works again.
    registry.wants(&[("fleet-harm", &next)]);
    runs(&node, "fleet-harm", "1.1.0");
}

#[test]
fn answers_that_are_none_are_told_and_change_nothing() {
    if !is_root("damaged answers") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let good = one("1.0.0");
    registry.wants(&[("fleet-damaged", &good)]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-damaged", "1.0.0");
    registry.wants(&[]);
    for harm in [Harm::Flip(77), Harm::Cut(20), Harm::Cut(0)] {
        registry.says().harm_desired = harm;
        until("the trouble is told", || {
            (!following(&node)["trouble"].is_null()).then_some(())
        });
        registry.says().harm_desired = Harm::None;
        registry.wants(&[("fleet-damaged", &good)]);
        until("it is over", || {
            following(&node)["trouble"].is_null().then_some(())
        });
        assert_eq!(version(&node, "fleet-damaged").as_deref(), Some("1.0.0"));
        registry.wants(&[]);
        registry.says().harm_desired = harm;
    }
    registry.says().harm_desired = Harm::None;
    let twice = good.wanted("fleet-damaged");
    registry.says().wanted = vec![twice.clone(), twice];
    until("the trouble is told", || {
        let told = following(&node)["trouble"]["problem"]["detail"].clone();
        told.as_str()
            .is_some_and(|told| told.contains("wanted twice"))
            .then_some(())
    });
    assert_eq!(version(&node, "fleet-damaged").as_deref(), Some("1.0.0"));
    registry.wants(&[("fleet-damaged", &two("1.1.0"))]);
    runs(&node, "fleet-damaged", "1.1.0");
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

/// A handler that logs five lines at each tick, and asks for all the memory there is.
const LOGS: &str = r#"(module
    (import "marrow:handler/host@1.0.0" "log" (func $log (param i32 i32 i32)))
    (memory (export "memory") 1)
    (func $line (call $log (i32.const 2) (i32.const 0) (i32.const 0)))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    (func (export "init") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 32))
    (func (export "on-events") (param i32 i32 i32) (result i32) (local.get 2))
    (func (export "on-tick") (param i64)
        (call $line) (call $line) (call $line) (call $line) (call $line)
        (drop (memory.grow (i32.const 65535)))))"#;

/// A signed release of the object and a handler that asks for this.
fn handled(version: &str, asked: impl FnOnce(&mut Handler)) -> Release {
    let wasm = wat::parse_str(LOGS).unwrap();
    let file = payloads::handled("acme/trace", version, &object("one"), &wasm, asked).unwrap();
    signed(Unsigned::from_payload(&file).unwrap().contents(), 1)
}

#[test]
fn the_policy_wins_over_what_a_handler_asks_for() {
    if !is_root("policies of handlers") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let config = home
        .policy("[policy.handler]\nmaps_readable = [\"acme/trace:r*\"]\nlog_lines_per_s_max = 2\n");
    let asks = |access| MapAccess {
        map: "rb".to_owned(),
        access,
    };
    let writes = handled("1.0.0", |asked| asked.maps = vec![asks(Access::Write)]);
    let floods = handled("1.1.0", |asked| asked.log_lines_per_s_max = Limit(3));
    let reads = handled("1.2.0", |asked| asked.maps = vec![asks(Access::Read)]);
    registry.wants(&[("fleet-handler", &writes)]);
    let node = home.start_with(&registry.url(), &["--config", &config]);
    let refused = |version: &str, says: [&str; 2]| {
        reported(
            &registry,
            &format!("policy_refused fleet-handler {version}"),
        );
        let told = registry.outcome("policy_refused").unwrap();
        let detail = told["problem"]["detail"].as_str().unwrap();
        assert!(says.iter().all(|words| detail.contains(words)), "{detail}");
        assert!(node.instances().is_empty());
    };
    refused("1.0.0", ["acme/trace:rb", "policy.handler.maps_writable"]);
    registry.wants(&[("fleet-handler", &floods)]);
    refused("1.1.0", ["= 3", "policy.handler.log_lines_per_s_max is 2"]);
    registry.wants(&[("fleet-handler", &reads)]);
    runs(&node, "fleet-handler", "1.2.0");
    // It says nothing about its log: the node's cap is below what that would give it.
    until("lines beyond the node's cap are dropped", || {
        let handler = &node.instance("fleet-handler")["handler"];
        let (dropped, refused) = (&handler["log_dropped"], &handler["growths_refused"]);
        (dropped.as_u64()? >= 3 && refused.as_u64()? > 0).then_some(())
    });
}
