//! A node that follows a registry: it enrols, updates itself, reports, shares its machine with what
//! was started here, and goes on without the registry.

use std::path::Path;

use serde_json::Value;

use super::home::{Home, following, one, polled, reported, runs, two};
use super::node::Named;
use super::release::trust;
use super::served::{CREDENTIAL, Served, TOKEN};
use super::waiting::{is_root, until};

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
    assert_eq!(serials.len(), 3);
    assert!(
        serials.is_sorted_by(|one, next| one + 1 == *next),
        "{serials:?}"
    );
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
fn after_its_state_was_moved_away_a_node_reports_under_serials_that_were_never_used() {
    if !is_root("a state that was moved away") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    registry.wants(&[("fleet-moved", &one("1.0.0"))]);
    let node = home.start(&registry.url());
    reported(&registry, "started fleet-moved 1.0.0");
    let serial = |kind: &str| registry.outcome(kind).unwrap()["serial"].as_u64().unwrap();
    let before = serial("started");
    drop(node);
    std::fs::rename(home.path("state/fleet.json"), home.path("moved.json")).unwrap();
    registry.says().reports.clear();
    let _node = home.start(&registry.url());
    reported(&registry, "started fleet-moved 1.0.0");
    assert!(serial("started") > before + 100, "{before}");
}

#[test]
fn a_node_that_is_killed_between_any_two_steps_goes_on_in_its_next_life() {
    if !is_root("kills between steps") {
        return;
    }
    let (registry, home) = (Served::start(), Home::new());
    let (old, new) = (one("1.0.0"), two("1.1.0"));
    for steps in 1..=12 {
        // Each life has something to do, and dies a request further on: while it enrols, polls,
        // fetches, loads, reports.
        let wanted = if steps % 2 == 0 { &old } else { &new };
        registry.wants(&[("fleet-steps", wanted)]);
        registry.says().asked.clear();
        let node = home.start(&registry.url());
        until("it has come so far", || {
            (registry.says().asked.len() >= steps).then_some(())
        });
        node.signal(libc::SIGKILL);
    }
    // One that no life died with while it was watched: that would be left, and not tried again.
    registry.wants(&[("fleet-steps", &two("1.2.0"))]);
    let node = home.start(&registry.url());
    runs(&node, "fleet-steps", "1.2.0");
    // What runs of a life before is gone on with, and updated.
    until("1.2.0 is reported", || {
        let outcomes = registry.outcomes();
        let of_new = ["started fleet-steps 1.2.0", "updated fleet-steps 1.2.0"];
        outcomes
            .iter()
            .any(|one| of_new.contains(&one.as_str()))
            .then_some(())
    });
    // No serial ever stood for two outcomes.
    let says = registry.says();
    let mut told = std::collections::BTreeMap::new();
    for report in &says.reports {
        for outcome in report["outcomes"].as_array().into_iter().flatten() {
            let serial = outcome["serial"].as_u64().unwrap();
            let before = told.insert(serial, outcome.clone());
            assert!(before.is_none_or(|before| before == *outcome), "{outcome}");
        }
    }
    drop(says);
    let mut left = std::fs::read_dir(home.path("state/payloads")).unwrap();
    let whole = |path: &Path| path.extension().is_some_and(|ending| ending == "wasm");
    assert!(left.all(|entry| whole(&entry.unwrap().path())));
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
    let told = registry.outcome("policy_refused").unwrap()["problem"]["detail"].to_string();
    let words = "the name fleet-mine is taken by an instance that was started on this machine";
    assert!(told.contains(words), "{told}");
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
