//! What memory keeps: plans that fit, counts that fit, and who is told of a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::node::{InstanceState, Trust};
use api::registry::{DeploymentSpec, InstanceCounts, OutcomeKind, ReleaseState, Source};
use proptest::prelude::*;

use super::super::desired::{Offer, StandingFloor, by_age};
use super::super::reach::Reach;
use super::super::search::Search;
use super::*;

fn standing(deployment: &str, selector: &str, version: &str) -> Arc<Standing> {
    let offer = Offer {
        version: version.parse().unwrap(),
        digest: format!("sha256:{version}"),
        size_bytes: 1,
        envelope: None,
        state: ReleaseState::Available,
        reason: String::new(),
    };
    let offer = Arc::new(offer);
    Arc::new(Standing {
        deployment: deployment.into(),
        spec: DeploymentSpec {
            payload: format!("acme/{deployment}"),
            source: Source::Channel("stable".into()),
            selector: selector.into(),
            instance: Some(deployment.into()),
            globals: BTreeMap::new(),
            targets: BTreeMap::new(),
            rollout: None,
        },
        instance: deployment.into(),
        selector: selector.parse().unwrap(),
        created_ms: 1,
        changed_ms: 1,
        aim: Ok(Arc::clone(&offer)),
        held: None,
        given: Ok(offer),
        layers: Vec::new(),
        pins: BTreeMap::new(),
        wanted_bytes: 0,
    })
}

fn node(name: &str, env: &str) -> KeptNode {
    KeptNode {
        node: name.into(),
        facts: Facts {
            labels: [("env".into(), env.into())].into(),
            ..Facts::default()
        },
        instances: Vec::new(),
        labels: BTreeMap::new(),
        enrolled_ms: 0,
        enrolled_by: "token".into(),
        seen_ms: 0,
    }
}

fn runs(instance: &str, version: &str) -> InstanceReport {
    InstanceReport {
        instance: instance.into(),
        payload: format!("acme/{instance}"),
        version: Some(version.into()),
        digest: format!("sha256:{version}"),
        generation: 1,
        state: InstanceState::Running,
        trust: Trust::Signed,
        managed: true,
        started_ms: 1,
        counts: InstanceCounts::default(),
        watched: false,
        since_flip: api::registry::SinceFlip::default(),
    }
}

fn memory() -> Memory {
    let mut memory = Memory::new(1000);
    memory.put(node("p1", "prod"));
    memory.put(node("p2", "prod"));
    memory.put(node("t1", "test"));
    memory
}

#[test]
fn only_nodes_that_should_run_something_else_are_told() {
    let mut memory = memory();
    let none = Floors::new;
    let told = memory.deploy(vec![standing("a", "env=prod", "1.0.0")], none());
    assert_eq!(told, ["p1", "p2"]);
    let told = memory.deploy(vec![standing("a", "env=prod", "1.0.0")], none());
    assert!(told.is_empty(), "{told:?}");
    // The selector moves: those that leave and those that come are told.
    let told = memory.deploy(vec![standing("a", "node in (p1 t1)", "1.0.0")], none());
    assert_eq!(told, ["p2", "t1"]);
    let told = memory.deploy(vec![standing("a", "node in (p1 t1)", "1.1.0")], none());
    assert_eq!(told, ["p1", "t1"]);
    let floor = StandingFloor {
        minimum_version: "1.0.0".parse().unwrap(),
        envelope: "{}".into(),
    };
    let floors = Floors::from([("acme/a".into(), floor)]);
    let told = memory.deploy(vec![standing("a", "node in (p1 t1)", "1.1.0")], floors);
    assert_eq!(told, ["p1", "t1"]);
    let told = memory.deploy(Vec::new(), none());
    assert_eq!(told, ["p1", "t1"]);
}

#[test]
fn labels_of_the_enrolment_stand_above_what_a_node_tells() {
    let mut memory = memory();
    memory.deploy(vec![standing("a", "env=prod", "1.0.0")], Floors::new());
    let mut forced = node("x", "prod");
    forced.labels.insert("env".into(), "test".into());
    memory.put(forced);
    let told = memory.report("x", node("x", "prod").facts, Vec::new(), 5);
    assert_eq!(told, Some(false));
    let shown = memory.node("x", 5).unwrap();
    assert_eq!(shown.facts.labels["env"], "test");
    assert!(shown.settled && memory.nodes["x"].plan.claims().is_empty());
    // A label that is its own decides.
    assert_eq!(
        memory.report("t1", node("t1", "prod").facts, Vec::new(), 5),
        Some(true)
    );
    assert_eq!(memory.report("gone", Facts::default(), Vec::new(), 5), None);
}

#[test]
fn a_node_is_online_for_three_of_its_poll_intervals_and_stale_for_a_day() {
    use Presence::{Lost, Online, Stale};

    let memory = memory();
    memory.nodes["p1"].heard(10_000);
    let later = [(3_000, Online), (3_001, Stale), (86_400_000, Lost)];
    for (silent_ms, presence) in later {
        let shown = memory.node("p1", 10_000 + silent_ms).unwrap().presence;
        assert_eq!(shown, presence, "{silent_ms}");
    }
    // A call that was overtaken makes nobody unheard.
    memory.nodes["p1"].heard(9_000);
    assert_eq!(memory.node("p1", 13_000).unwrap().seen_ms, 10_000);
}

#[test]
fn a_clock_that_was_set_back_keeps_nobody_online() {
    let mut memory = memory();
    let (before_ms, now_ms) = (9_000_000, 5_000_000);
    memory.nodes["p1"].heard(before_ms);
    memory.report("p2", Facts::default(), Vec::new(), before_ms);
    for name in ["p1", "p2"] {
        let shown = memory.node(name, now_ms).unwrap();
        assert_eq!(shown.presence, Presence::Stale, "{name}");
    }
    memory.nodes["p1"].heard(now_ms);
    memory.report("p2", Facts::default(), Vec::new(), now_ms);
    for name in ["p1", "p2"] {
        let shown = memory.node(name, now_ms).unwrap();
        assert_eq!((shown.presence, shown.seen_ms), (Presence::Online, now_ms));
        let later = memory.node(name, now_ms + 3_001).unwrap();
        assert_eq!(later.presence, Presence::Stale, "{name}");
    }
}

#[test]
fn nodes_are_counted_once_a_digest_and_a_payload() {
    let mut memory = memory();
    let told = |memory: &mut Memory, node: &str, instances| {
        memory.report(node, Facts::default(), instances, 1);
    };
    told(
        &mut memory,
        "p1",
        vec![runs("a", "1.0.0"), runs("b", "1.0.0")],
    );
    told(&mut memory, "p2", vec![runs("a", "1.0.0")]);
    assert_eq!(memory.nodes_of_digest("sha256:1.0.0"), 2);
    assert_eq!(
        (
            memory.nodes_of_payload("acme/a"),
            memory.nodes_of_payload("acme/b")
        ),
        (2, 1)
    );
    told(&mut memory, "p1", vec![runs("a", "1.1.0")]);
    memory.take_out("p2");
    assert_eq!(memory.nodes_of_digest("sha256:1.0.0"), 0);
    assert_eq!(
        (
            memory.nodes_of_payload("acme/a"),
            memory.nodes_of_payload("acme/b")
        ),
        (1, 0)
    );
    assert_eq!((memory.by_digest.len(), memory.by_payload.len()), (1, 1));
}

fn reach(nodes: u64, running: u64, refused: u64) -> Reach {
    Reach {
        nodes,
        running,
        refused,
    }
}

#[test]
fn who_refused_what_a_deployment_gives_is_counted_until_something_else_happens() {
    let mut memory = memory();
    memory.deploy(vec![standing("a", "env=prod", "1.0.0")], Floors::new());
    let refused = |serial, version: &str| Outcome {
        serial,
        at_ms: 1,
        instance: "a".into(),
        kind: OutcomeKind::LoadRejected,
        payload: "acme/a".into(),
        version: None,
        digest: format!("sha256:{version}"),
        proof: None,
        problem: None,
        rollout: None,
        staging: false,
    };
    memory.happened("p1", &[refused(1, "0.9.0")]);
    assert_eq!(memory.reach(|_| true)["a"], reach(2, 0, 0), "another file");
    memory.happened("p1", &[refused(2, "1.0.0")]);
    memory.happened("nobody", &[refused(1, "1.0.0")]);
    assert_eq!(memory.reach(|_| true)["a"], reach(2, 0, 1));
    // It outlives what the node tells of itself, and ends with what should run.
    memory.report("p1", node("", "prod").facts, Vec::new(), 1);
    let shown = memory.node("p1", 1).unwrap();
    assert_eq!(shown.refused[0].kind, OutcomeKind::LoadRejected);
    assert!(memory.node("p2", 1).unwrap().refused.is_empty());
    memory.deploy(vec![standing("a", "env=prod", "1.1.0")], Floors::new());
    assert_eq!(memory.reach(|_| true)["a"], reach(2, 0, 0));
    assert!(memory.node("p1", 1).unwrap().refused.is_empty());
}

#[test]
fn the_reach_of_a_deployment_is_who_is_named_and_who_runs_it() {
    let mut memory = memory();
    memory.deploy(vec![standing("a", "env=prod", "1.0.0")], Floors::new());
    let facts = |env: &str| node("", env).facts;
    memory.report("p1", facts("prod"), vec![runs("a", "1.0.0")], 1);
    memory.report("p2", facts("prod"), vec![runs("a", "0.9.0")], 1);
    memory.report("t1", facts("test"), vec![runs("a", "1.0.0")], 1);
    assert_eq!(memory.reach(|_| true)["a"], reach(2, 1, 0));
    // Somebody on the node started it: that is not the deployment's doing.
    let mut local = runs("a", "1.0.0");
    local.managed = false;
    memory.report("p2", facts("prod"), vec![local], 1);
    assert_eq!(memory.reach(|_| true)["a"], reach(2, 1, 0));
}

#[test]
fn a_node_moves_with_a_channel_once_however_many_deployments_follow_it() {
    let mut memory = memory();
    let all = standing("a", "*", "1.0.0");
    let mut prod = Standing::clone(&standing("b", "env=prod", "1.0.0"));
    prod.spec.payload.clone_from(&all.spec.payload);
    memory.deploy(vec![all, Arc::new(prod)], Floors::new());
    let followers = memory.followers("acme/a");
    assert_eq!(followers, [("stable".to_owned(), 3)].into());
    assert!(memory.followers("acme/b").is_empty());
}

#[test]
fn the_headcount_names_the_most_and_counts_all() {
    let mut memory = memory();
    let facts = |kernel: &str| Facts {
        kernel: kernel.into(),
        ..Facts::default()
    };
    memory.report(
        "p1",
        facts("6.1"),
        vec![runs("a", "1.0.0"), runs("b", "1.0.0")],
        1,
    );
    memory.report(
        "p2",
        facts("6.1"),
        vec![runs("a", "1.0.0"), runs("a", "1.0.0")],
        1,
    );
    memory.report("t1", facts("5.10"), vec![runs("a", "0.9.0")], 1);
    let headcount = memory.headcount(1, 1);
    let a = |version: &str| ("acme/a".to_owned(), version.to_owned());
    let others = <(String, String)>::default();
    assert_eq!(
        headcount.runs,
        [(a("1.0.0"), 2), (others.clone(), 2)].into()
    );
    let rows: Vec<_> = headcount.kernels.iter().collect();
    assert_eq!(rows[0].0, "");
    assert_eq!(
        (rows[0].1.nodes, &rows[0].1.runs),
        (1, &[(others.clone(), 1)].into())
    );
    let runs = [(a("1.0.0"), 2), (others, 1)].into();
    assert_eq!(
        (rows[1].0.as_str(), rows[1].1.nodes, &rows[1].1.runs),
        ("6.1", 2, &runs)
    );
    let presence = |now_ms| {
        let sums = memory.sums(now_ms);
        (sums.online, sums.stale, sums.lost)
    };
    assert_eq!(presence(1), (3, 0, 0));
    assert_eq!(presence(2 * 86_400_000), (0, 0, 3));
}

#[test]
fn pages_begin_behind_a_name() {
    let memory = memory();
    let names = |after: &str, limit| -> Vec<String> {
        memory
            .search(&Search::default(), after, limit, 0)
            .nodes
            .into_iter()
            .map(|node| node.node)
            .collect()
    };
    assert_eq!(names("", 2), ["p1", "p2"]);
    assert_eq!(names("p2", 2), ["t1"]);
    assert_eq!(names("p10", 9), ["p2", "t1"]);
    assert!(names("z", 2).is_empty());
}

proptest! {
    /// Whatever happened before, memory is as if it had been read from the database now.
    #[test]
    fn memory_that_was_kept_up_equals_memory_that_was_read(
        steps in prop::collection::vec((0_usize..4, 0_usize..3, 0_usize..3), 1..20),
    ) {
        let mut kept_up = Memory::new(1000);
        let mut nodes: BTreeMap<String, KeptNode> = BTreeMap::new();
        let mut standings: BTreeMap<String, Arc<Standing>> = BTreeMap::new();
        let list = |standings: &BTreeMap<String, Arc<Standing>>| {
            let mut list: Vec<_> = standings.values().cloned().collect();
            by_age(&mut list);
            list
        };
        for (step, which, how) in steps {
            let (name, env) = (format!("n{which}"), ["prod", "test", "dev"][how]);
            match step {
                0 => {
                    kept_up.put(node(&name, env));
                    nodes.insert(name.clone(), node(&name, env));
                }
                1 => {
                    kept_up.take_out(&name);
                    nodes.remove(&name);
                }
                2 => {
                    let one = standing(&name, &format!("env={env}"), "1.0.0");
                    standings.insert(name.clone(), one);
                    kept_up.deploy(list(&standings), Floors::new());
                }
                _ => {
                    standings.remove(&name);
                    kept_up.deploy(list(&standings), Floors::new());
                }
            }
        }
        let mut read = Memory::new(1000);
        read.deploy(list(&standings), Floors::new());
        for kept in nodes.into_values() {
            read.put(kept);
        }
        for name in ["n0", "n1", "n2"] {
            prop_assert_eq!(kept_up.desired(name), read.desired(name));
            let etag = |memory: &Memory| memory.nodes.get(name).map(|known| known.etag.clone());
            prop_assert_eq!(etag(&kept_up), etag(&read));
            prop_assert_eq!(kept_up.desired(name).map(|given| given.1), etag(&read));
        }
    }
}

#[test]
fn a_registry_that_has_just_begun_takes_nobody_for_gone_or_new() {
    let mut memory = Memory::new(1_000);
    memory.put(KeptNode {
        seen_ms: 5,
        ..node("a", "prod")
    });
    memory.begins(100_000);
    let known = &memory.nodes["a"];
    // It has not listened for three polls.
    assert!(memory.present(known, 103_000) && !memory.online(known, 103_000));
    memory.heard(known, 103_000);
    assert_eq!(known.joined_ms(), 0);
    assert!(!memory.present(known, 106_001));
    memory.heard(known, 200_000);
    assert_eq!(known.joined_ms(), 200_000, "it had been away");
}
