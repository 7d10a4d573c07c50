//! A real fleet on one machine: a registry and five daemons with state folders of their own, through
//! rollouts that complete, that are rejected, and that go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use api::client::registry::Ask;
use api::registry::{
    Compare, DeploymentSpec, OutcomeKind, Reach, RolloutDetail, RolloutPhase, RolloutPlan, Source,
    StartRollout, Wave,
};

use super::home::{runs, version};
use super::node::{Named, Node};
use super::registry::{Follower, Publisher, Registry, publish, wait};
use super::release::release;
use super::waiting::{is_root, until};

const INSTANCE: &str = "trace";
const DEPLOYMENT: &str = "trace-everywhere";
const NODES: usize = 5;

/// A registry that has four releases, and five nodes that run the first.
struct Fleet {
    registry: Registry,
    _publisher: Publisher,
    followers: Vec<Follower>,
    nodes: Vec<Node>,
}

impl Fleet {
    fn new() -> Self {
        let registry = Registry::start();
        let publisher = Publisher::new(&registry, 1);
        for (version, object) in [
            ("1.0.0", "one"),
            ("1.1.0", "two"),
            ("1.2.0", "rejected"),
            ("1.3.0", "small"),
        ] {
            let release = release(object, "acme/trace", version, 1);
            assert!(wait(publish(&registry.admin(), &release)).unwrap());
        }
        let spec = DeploymentSpec {
            payload: "acme/trace".to_owned(),
            source: Source::Version("1.0.0".to_owned()),
            selector: "*".to_owned(),
            instance: Some(INSTANCE.to_owned()),
            globals: std::collections::BTreeMap::new(),
            targets: std::collections::BTreeMap::new(),
            rollout: None,
        };
        wait(registry.admin().put_deployment(DEPLOYMENT, &spec)).unwrap();
        let name = |index: usize| format!("node-{index}");
        let followers: Vec<Follower> = (0..NODES)
            .map(|index| Follower::new(&registry, registry.url(), &publisher, &name(index)))
            .map(|follower| follower.with(&["--back-off-min-ms", "100"]))
            .collect();
        let nodes: Vec<Node> = followers.iter().map(Follower::start).collect();
        for node in &nodes {
            runs(node, INSTANCE, "1.0.0");
        }
        Self {
            registry,
            _publisher: publisher,
            followers,
            nodes,
        }
    }

    fn start(&self, version: &str) -> u64 {
        let wave = |reach| Wave {
            reach,
            bake_ms: 2_000,
            deadline_ms: 60_000,
            approval: false,
        };
        let start = StartRollout {
            deployment: DEPLOYMENT.to_owned(),
            version: Some(version.to_owned()),
            plan: Some(RolloutPlan {
                waves: vec![
                    wave(Reach::Nodes(1)),
                    wave(Reach::Nodes(3)),
                    wave(Reach::Percent(100)),
                ],
                compare: Compare {
                    samples_min: 1,
                    ..Compare::default()
                },
                ..RolloutPlan::default()
            }),
            start_at_ms: None,
            supersede: false,
        };
        wait(self.registry.admin().start_rollout(&start))
            .unwrap()
            .rollout
    }

    fn ends(&self, rollout: u64) -> RolloutDetail {
        until("the rollout ends", || {
            let detail = wait(self.registry.admin().rollout(rollout)).unwrap();
            detail.rollout.phase.is_end().then_some(detail)
        })
    }

    fn running(&self, wanted: &str) -> usize {
        let runs = |node: &&Node| version(node, INSTANCE).as_deref() == Some(wanted);
        self.nodes.iter().filter(runs).count()
    }

    /// How many nodes ever ran a version, as they told.
    fn ever_ran(&self, wanted: &str) -> usize {
        let ran = |index: &usize| {
            let node = format!("node-{index}");
            let outcomes = wait(self.registry.admin().node(&node)).unwrap().outcomes;
            outcomes.iter().any(|one| {
                one.kind == OutcomeKind::Updated && one.version.as_deref() == Some(wanted)
            })
        };
        (0..NODES).filter(ran).count()
    }
}

/// Programs that start one after the other, until this is dropped: what the payloads trace.
struct Busy {
    ends: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Busy {
    fn new() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let ends = Arc::clone(&ends);
            move || {
                let named = Named::new("rollouts-busy");
                while !ends.load(Ordering::Relaxed) {
                    named.run();
                }
            }
        });
        Self {
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn five_daemons_go_through_waves_and_come_back_from_what_is_bad() {
    if !is_root("rollouts over five daemons") {
        return;
    }
    let fleet = Fleet::new();
    let busy = Busy::new();

    let detail = fleet.ends(fleet.start("1.1.0"));
    assert_eq!(detail.rollout.phase, RolloutPhase::Succeeded, "{detail:#?}");
    assert_eq!((fleet.running("1.1.0"), fleet.ever_ran("1.1.0")), (5, 5));
    assert_eq!(detail.preflight.len(), 1, "one kernel, one outcome");
    assert_eq!(detail.preflight[0].outcome, Some(OutcomeKind::Staged));

    let detail = fleet.ends(fleet.start("1.2.0"));
    assert_eq!(detail.rollout.phase, RolloutPhase::Rejected, "{detail:#?}");
    let group = &detail.failures[0];
    assert_eq!(
        (group.kind, group.staging),
        (OutcomeKind::LoadRejected, true)
    );
    assert!(
        group.log.as_ref().unwrap().contains("invalid mem access"),
        "{group:?}"
    );
    assert_eq!((fleet.running("1.1.0"), fleet.ever_ran("1.2.0")), (5, 0));

    // Its ring takes next to nothing: the first node goes back by itself.
    let detail = fleet.ends(fleet.start("1.3.0"));
    assert_eq!(
        detail.rollout.phase,
        RolloutPhase::RolledBack,
        "{detail:#?}"
    );
    until("all are back", || {
        (fleet.running("1.1.0") == NODES).then_some(())
    });
    assert_eq!(fleet.ever_ran("1.3.0"), 1, "{detail:#?}");
    assert_eq!(detail.failures[0].kind, OutcomeKind::RolledBack);
    drop(busy);
}

/// A rollout of 1.1.0 whose nodes flip at one time.
fn flip_at(flip_at_ms: u64) -> StartRollout {
    let wave = Wave {
        reach: Reach::Percent(100),
        bake_ms: 500,
        deadline_ms: 60_000,
        approval: false,
    };
    StartRollout {
        deployment: DEPLOYMENT.to_owned(),
        version: Some("1.1.0".to_owned()),
        plan: Some(RolloutPlan {
            waves: vec![wave],
            flip_at_ms: Some(flip_at_ms),
            ..RolloutPlan::default()
        }),
        start_at_ms: None,
        supersede: false,
    }
}

#[test]
fn daemons_flip_together_at_a_time_and_are_taken_back() {
    if !is_root("a flip of five daemons") {
        return;
    }
    let fleet = Fleet::new();
    let admin = fleet.registry.admin();
    // The clock of this machine, as the nodes told it last.
    let started = (0..NODES).map(|index| wait(admin.node(&format!("node-{index}"))).unwrap().node);
    let now_ms = started.map(|node| node.seen_ms).max().unwrap();
    // One that is aborted before its time is nobody's any more.
    let aborted = wait(admin.start_rollout(&flip_at(now_ms + 8_000))).unwrap();
    until("all are ready to flip", || {
        let detail = wait(admin.rollout(aborted.rollout)).unwrap();
        (detail.rollout.phase == RolloutPhase::Deploying).then_some(())
    });
    let aborted = wait(admin.ask_rollout(aborted.rollout, Ask::Abort)).unwrap();
    let flip_at_ms = aborted.changed_ms.max(now_ms + 8_000) + 4_000;
    let start = flip_at(flip_at_ms);
    let rollout = wait(admin.start_rollout(&start)).unwrap().rollout;
    let detail = fleet.ends(rollout);
    assert_eq!(detail.rollout.phase, RolloutPhase::Succeeded, "{detail:#?}");
    for index in 0..NODES {
        let outcomes = wait(admin.node(&format!("node-{index}"))).unwrap().outcomes;
        let mut updated = outcomes
            .iter()
            .filter(|one| one.kind == OutcomeKind::Updated);
        let at_ms = updated.next().unwrap().at_ms;
        assert!(at_ms >= flip_at_ms, "{at_ms} is before {flip_at_ms}");
    }
    wait(admin.ask_rollout(rollout, Ask::RollBack)).unwrap();
    let detail = fleet.ends(rollout);
    assert_eq!(
        detail.rollout.phase,
        RolloutPhase::RolledBack,
        "{detail:#?}"
    );
    assert_eq!(fleet.running("1.0.0"), NODES);
    drop(fleet.followers);
}
