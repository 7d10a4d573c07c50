//! Releases that are no good: none gets past the first wave.

use api::client::registry::Ask;
use api::registry::{OnFailure, OutcomeKind, RolloutPhase};

use super::actor::{Fleet, Part, furnished, quick, start};
use super::waits::{ends, is_paused, stands, until};

/// A fleet whose first node to be reached plays this part, and the others the good one.
async fn with_a_bad_first(part: Part) -> (crate::fleet::harness::Registry, Fleet, String) {
    let registry = furnished(500).await;
    let names: Vec<String> = (0..8).map(|index| format!("n{index}")).collect();
    let place = |name: &String| rollout_place("d/1.1.0", name);
    let first = names.iter().min_by_key(|name| place(name)).unwrap().clone();
    let parts: Vec<Part> = names
        .iter()
        .map(|name| if *name == first { part } else { Part::Good })
        .collect();
    let fleet = Fleet::of(&registry, &parts).await;
    fleet.all_run("1.0.0").await;
    (registry, fleet, first)
}

/// As COHORT.md says.
fn rollout_place(salt: &str, node: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let mut text = salt.as_bytes().to_vec();
    text.push(0);
    text.extend(node.as_bytes());
    let hash = Sha256::digest(&text);
    u64::from_be_bytes(hash[..8].try_into().unwrap()) >> 1
}

#[tokio::test]
async fn a_release_that_one_kernel_rejects_changes_nothing_anywhere() {
    let registry = furnished(60_000).await;
    let mut parts = [Part::Good; 8];
    parts[5] = Part::Rejects;
    parts[6] = Part::Rejects;
    let fleet = Fleet::of(&registry, &parts).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    let detail = ends(&registry, rollout, RolloutPhase::Rejected).await;
    assert_eq!(fleet.reached("1.1.0"), 0);
    // Not all may have told by then.
    let group = &detail.failures[0];
    assert_eq!(
        (group.kind, group.staging),
        (OutcomeKind::LoadRejected, true)
    );
    assert!(group.log.as_ref().unwrap().contains("invalid mem access"));
    assert!(detail.rollout.because.contains("n5") || detail.rollout.because.contains("n6"));
    let deployment = registry.admin().deployment("d").await.unwrap();
    assert_eq!((deployment.running, deployment.rollout), (8, None));
}

#[tokio::test]
async fn a_node_that_goes_back_by_itself_takes_its_wave_back() {
    for part in [Part::GoesBack, Part::Slow, Part::Loses] {
        let (registry, fleet, first) = with_a_bad_first(part).await;
        let rollout = start(&registry, "1.1.0", quick()).await.rollout;
        let detail = ends(&registry, rollout, RolloutPhase::RolledBack).await;
        fleet.all_run("1.0.0").await;
        assert_eq!(fleet.reached("1.1.0"), 1, "{part:?}: {detail:#?}");
        assert!(
            fleet.nodes[&first]
                .lock()
                .unwrap()
                .given
                .contains(&"1.1.0".to_owned())
        );
        assert!(
            detail.rollout.because.contains("wave 1 failed"),
            "{detail:#?}"
        );
    }
}

#[tokio::test]
async fn a_node_that_dies_with_it_is_waited_for_and_then_counts_as_failed() {
    let (registry, fleet, first) = with_a_bad_first(Part::Dies).await;
    let mut plan = quick();
    plan.waves[0].deadline_ms = 3_000;
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    let back =
        |one: &api::registry::Rollout| one.phase == RolloutPhase::RollingBack || one.phase.is_end();
    let detail = stands(&registry, rollout, "it goes back", back).await;
    assert!(detail.rollout.because.contains(&first), "{detail:#?}");
    assert_eq!(fleet.reached("1.1.0"), 1);
}

#[tokio::test]
async fn keys_that_do_not_vouch_pause_everything() {
    let registry = furnished(60_000).await;
    let mut parts = [Part::Good; 5];
    parts[2] = Part::Distrusts;
    let fleet = Fleet::of(&registry, &parts).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    let detail = stands(&registry, rollout, "it pauses", is_paused).await;
    assert!(detail.rollout.paused.unwrap().contains("n2"));
    assert_eq!(fleet.reached("1.1.0"), 0);
    registry
        .admin()
        .ask_rollout(rollout, Ask::RollBack)
        .await
        .unwrap();
    ends(&registry, rollout, RolloutPhase::RolledBack).await;
}

#[tokio::test]
async fn nodes_that_can_not_run_it_are_left_out() {
    let registry = furnished(60_000).await;
    let mut parts = [Part::Good; 6];
    parts[1] = Part::Incompatible;
    let fleet = Fleet::of(&registry, &parts).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    let detail = ends(&registry, rollout, RolloutPhase::Succeeded).await;
    assert_eq!(detail.rollout.counts.incompatible, 1);
    until("the others run it", || fleet.running("1.1.0") == 5).await;
    // What the deployment names now it is told as well, and refuses.
    let refused = &registry.admin().node("n1").await.unwrap().node.refused;
    assert!(
        refused
            .iter()
            .all(|one| one.kind == OutcomeKind::Incompatible)
    );
    assert_eq!(fleet.running("1.0.0"), 1);
}

#[tokio::test]
async fn a_failed_wave_goes_back_alone_or_waits_where_the_plan_says_so() {
    for (on_failure, left) in [(OnFailure::Wave, 0), (OnFailure::Pause, 1)] {
        let (registry, fleet, _) = with_a_bad_first(Part::Slow).await;
        let mut plan = quick();
        plan.on_failure = on_failure;
        let rollout = start(&registry, "1.1.0", plan).await.rollout;
        let detail = stands(&registry, rollout, "it pauses", is_paused).await;
        assert!(!detail.rollout.phase.is_end());
        until("nodes are where they should be", || {
            fleet.running("1.1.0") == left
        })
        .await;
        assert_eq!(fleet.reached("1.1.0"), 1);
    }
}
