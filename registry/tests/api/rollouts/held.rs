//! What becomes of nodes that were offered a release and did not take it yet, when a rollout is
//! paused, aborted or replaced; and of those that have a release already when a rollout brings it.

use api::client::registry::Ask;
use api::registry::{Outcome, OutcomeKind, Reach, Reports, RolloutPhase, RolloutPlan, Wanted};

use super::actor::{Fleet, Part, furnished, quick, start, to};
use super::waits::{awaits_promotion, ends, is_paused, stands, until};
use crate::fleet::harness::{Registry, TestNode, facts, outcome, runs};

/// What a node is to run, and whether it is to stage anything.
async fn given(node: &TestNode) -> (String, bool) {
    let asked = node.client.desired(&node.name, None).await.unwrap();
    let (desired, _) = asked.unwrap();
    let [wanted] = desired.instances.as_slice() else {
        panic!("one is deployed: {desired:?}");
    };
    (wanted.version.clone(), !desired.staged.is_empty())
}

async fn tells(node: &TestNode, running: &Wanted, outcomes: Vec<Outcome>) {
    let reports = Reports {
        facts: facts(&[]),
        instances: vec![runs(running)],
        outcomes,
    };
    node.report(reports).await.unwrap();
}

/// A registry with one node, which runs 1.0.0, and a plan that reaches it at once.
async fn one_node() -> (Registry, TestNode, RolloutPlan) {
    let registry = furnished(60_000).await;
    let node = registry.node("n0", &[]).await;
    node.settle(&[]).await;
    let mut plan = quick();
    plan.waves.truncate(1);
    plan.waves[0].reach = Reach::Percent(100);
    (registry, node, plan)
}

/// Has a node that runs 1.0.0 stage 1.1.0, until it is offered that.
async fn offered(registry: &Registry, rollout: u64, node: &TestNode, serial: u64) {
    let client = &node.client;
    let staged = loop {
        let (desired, _) = client.desired(&node.name, None).await.unwrap().unwrap();
        if let [staged] = desired.staged.as_slice() {
            break staged.clone();
        }
    };
    let [running] = <[Wanted; 1]>::try_from(node.instances().await).unwrap();
    let mut told = outcome(serial, OutcomeKind::Staged, &staged.digest);
    (told.rollout, told.staging) = (Some(rollout), true);
    tells(node, &running, vec![told]).await;
    let deploys = |one: &api::registry::Rollout| one.phase == RolloutPhase::Deploying;
    stands(registry, rollout, "its wave begins", deploys).await;
    assert_eq!(given(node).await, ("1.1.0".to_owned(), false));
}

#[tokio::test]
async fn who_was_offered_it_and_has_not_taken_it_does_not_while_nothing_goes_on() {
    let (registry, node, plan) = one_node().await;
    let rollout = start(&registry, "1.1.0", plan.clone()).await.rollout;
    offered(&registry, rollout, &node, 1).await;
    let admin = registry.admin();
    admin.ask_rollout(rollout, Ask::Pause).await.unwrap();
    assert_eq!(given(&node).await, ("1.0.0".to_owned(), true));
    let detail = admin.rollout(rollout).await.unwrap();
    assert_eq!(
        (detail.rollout.counts.offered, detail.rollout.counts.staged),
        (0, 1)
    );
    admin.ask_rollout(rollout, Ask::Resume).await.unwrap();
    assert_eq!(given(&node).await, ("1.1.0".to_owned(), false));
    admin.ask_rollout(rollout, Ask::Abort).await.unwrap();
    assert_eq!(given(&node).await, ("1.0.0".to_owned(), false));

    // One that had taken it keeps it, also where it says nothing of it for a while.
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    offered(&registry, rollout, &node, 2).await;
    let wanted = node.instances().await.remove(0);
    let mut told = outcome(3, OutcomeKind::Updated, &wanted.digest);
    told.rollout = Some(rollout);
    tells(&node, &wanted, vec![told]).await;
    admin.ask_rollout(rollout, Ask::Abort).await.unwrap();
    assert_eq!(given(&node).await, ("1.1.0".to_owned(), false));
    let silent = Reports {
        facts: facts(&[]),
        instances: Vec::new(),
        outcomes: Vec::new(),
    };
    node.report(silent).await.unwrap();
    assert_eq!(given(&node).await, ("1.1.0".to_owned(), false));
}

#[tokio::test]
async fn a_time_to_flip_that_was_aborted_is_nobodys_any_more() {
    let (registry, node, mut plan) = one_node().await;
    let heard = registry.admin().node(&node.name).await.unwrap();
    plan.flip_at_ms = Some(heard.node.seen_ms + 3_600_000);
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    offered(&registry, rollout, &node, 1).await;
    let admin = registry.admin();
    admin.ask_rollout(rollout, Ask::Pause).await.unwrap();
    assert_eq!(given(&node).await, ("1.0.0".to_owned(), true));
    admin.ask_rollout(rollout, Ask::Abort).await.unwrap();
    assert_eq!(given(&node).await, ("1.0.0".to_owned(), false));
}

#[tokio::test]
async fn the_same_release_once_more_goes_on_and_is_taken_back_from_all() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let admin = registry.admin();
    let first = start(&registry, "1.1.0", plan.clone()).await.rollout;
    stands(&registry, first, "its first wave is well", awaits_promotion).await;
    admin.ask_rollout(first, Ask::Abort).await.unwrap();
    // The node of the first wave has it already, and vouches for it.
    let again = start(&registry, "1.1.0", plan.clone()).await.rollout;
    stands(&registry, again, "its first wave is well", awaits_promotion).await;
    assert_eq!(fleet.running("1.1.0"), 1);
    admin.ask_rollout(again, Ask::RollBack).await.unwrap();
    ends(&registry, again, RolloutPhase::RolledBack).await;
    fleet.all_run("1.0.0").await;
    let last = start(&registry, "1.1.0", quick()).await.rollout;
    ends(&registry, last, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
}

#[tokio::test]
async fn what_all_the_others_have_is_brought_back_to_those_that_a_rollout_moved() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let first = start(&registry, "1.1.0", plan).await.rollout;
    stands(&registry, first, "its first wave is well", awaits_promotion).await;
    until("one runs it", || fleet.running("1.1.0") == 1).await;
    let mut back = to("1.0.0", quick());
    back.supersede = true;
    let back = registry.admin().start_rollout(&back).await.unwrap().rollout;
    let over = |one: &api::registry::Rollout| one.phase.is_end() || is_paused(one);
    let detail = stands(&registry, back, "it ends", over).await;
    assert_eq!(detail.rollout.phase, RolloutPhase::Succeeded, "{detail:#?}");
    fleet.all_run("1.0.0").await;
}
