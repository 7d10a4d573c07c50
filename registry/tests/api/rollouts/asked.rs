//! What people ask of rollouts, and what is refused.

use api::client::registry::Ask;
use api::registry::{Reach, RolloutPhase};

use super::actor::{Fleet, Part, furnished, quick, start, to};
use super::waits::{awaits_promotion, ends, stands, until};
use crate::fleet::harness::refused;

#[tokio::test]
async fn a_pause_lets_no_further_node_run_it_and_a_resume_goes_on() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].bake_ms = 600_000;
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    let bakes = |one: &api::registry::Rollout| one.phase == RolloutPhase::Baking;
    stands(&registry, rollout, "it bakes", bakes).await;
    let admin = registry.admin();
    let paused = admin.ask_rollout(rollout, Ask::Pause).await.unwrap();
    assert!(paused.paused.unwrap().contains("paused it"));
    let (status, told) = refused(admin.ask_rollout(rollout, Ask::Pause).await);
    assert_eq!(status, 409);
    assert!(told.contains("baking, paused"), "{told}");
    assert_eq!(fleet.reached("1.1.0"), 1);
    admin.ask_rollout(rollout, Ask::Resume).await.unwrap();
    admin.ask_rollout(rollout, Ask::Promote).await.unwrap();
    ends(&registry, rollout, RolloutPhase::Succeeded).await;
    let (status, _) = refused(admin.ask_rollout(rollout, Ask::Resume).await);
    assert_eq!(status, 409);
}

#[tokio::test]
async fn an_abort_leaves_nodes_with_what_they_run_and_a_new_rollout_takes_over() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].reach = Reach::Nodes(2);
    plan.waves[0].approval = true;
    let rollout = start(&registry, "1.1.0", plan.clone()).await.rollout;
    stands(
        &registry,
        rollout,
        "the first wave is well",
        awaits_promotion,
    )
    .await;
    let admin = registry.admin();
    admin.ask_rollout(rollout, Ask::Abort).await.unwrap();
    until("two stay", || fleet.running("1.1.0") == 2).await;
    registry.publish("1.2.0").await;
    let next = start(&registry, "1.2.0", plan).await.rollout;
    stands(&registry, next, "its first wave is well", awaits_promotion).await;
    until("two of the new one", || fleet.running("1.2.0") == 2).await;
    assert_eq!(fleet.running("1.0.0") + fleet.running("1.1.0"), 4);
    assert!(fleet.running("1.1.0") <= 2);
    admin.ask_rollout(next, Ask::RollBack).await.unwrap();
    ends(&registry, next, RolloutPhase::RolledBack).await;
    // Each is where it was before.
    until("two of the aborted one", || fleet.running("1.1.0") == 2).await;
    assert_eq!(fleet.running("1.0.0"), 4);
    let last = start(&registry, "1.2.0", quick()).await.rollout;
    ends(&registry, last, RolloutPhase::Succeeded).await;
    fleet.all_run("1.2.0").await;
}

#[tokio::test]
async fn one_rollout_at_a_time_and_another_takes_its_place_if_that_is_said() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    registry.publish("1.2.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let first = start(&registry, "1.1.0", plan).await.rollout;
    let admin = registry.admin();
    let (status, told) = refused(admin.start_rollout(&to("1.2.0", quick())).await);
    assert_eq!(status, 409);
    assert!(
        told.contains(&format!("rollout {first} of d has not ended")),
        "{told}"
    );
    let mut supersede = to("1.2.0", quick());
    supersede.supersede = true;
    let next = admin.start_rollout(&supersede).await.unwrap().rollout;
    ends(&registry, first, RolloutPhase::Superseded).await;
    ends(&registry, next, RolloutPhase::Succeeded).await;
    fleet.all_run("1.2.0").await;
    let (status, told) = refused(admin.ask_rollout(first, Ask::RollBack).await);
    assert_eq!(status, 409, "{told}");
    let (status, told) = refused(admin.start_rollout(&to("1.2.0", quick())).await);
    assert_eq!(status, 409);
    assert!(told.contains("are given 1.2.0 already"), "{told}");
}

#[tokio::test]
async fn a_rollout_that_succeeded_is_taken_back() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    ends(&registry, rollout, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
    registry
        .admin()
        .ask_rollout(rollout, Ask::RollBack)
        .await
        .unwrap();
    ends(&registry, rollout, RolloutPhase::RolledBack).await;
    fleet.all_run("1.0.0").await;
}

#[tokio::test]
async fn a_release_that_is_revoked_on_its_way_is_taken_back() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[1].approval = true;
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    stands(
        &registry,
        rollout,
        "the second wave is well",
        awaits_promotion,
    )
    .await;
    let revoke = "/payloads/acme/execsnoop/versions/1.1.0/revoke";
    let reason = serde_json::json!({ "reason": "it leaks" });
    registry
        .stage
        .admin("POST", revoke, Some(&reason))
        .expect(200);
    let detail = ends(&registry, rollout, RolloutPhase::RolledBack).await;
    assert!(detail.rollout.because.contains("it leaks"), "{detail:#?}");
    fleet.all_run("1.0.0").await;
}

#[tokio::test]
async fn what_can_not_be_rolled_out_is_refused_with_its_field() {
    let registry = furnished(60_000).await;
    let admin = registry.admin();
    let mut plan = quick();
    plan.waves[1].reach = Reach::Percent(0);
    let (status, told) = refused(admin.start_rollout(&to("1.1.0", plan)).await);
    assert_eq!(status, 422);
    assert!(
        told.contains("waves[1].reach.percent is 0, 1 to 100 are allowed"),
        "{told}"
    );
    let (status, told) = refused(admin.start_rollout(&to("9.9.9", quick())).await);
    assert_eq!(status, 422, "{told}");
    let mut elsewhere = to("1.1.0", quick());
    elsewhere.deployment = "nowhere".into();
    let (status, told) = refused(admin.start_rollout(&elsewhere).await);
    assert_eq!(status, 422);
    assert!(told.contains("there is no deployment nowhere"), "{told}");
    let mut plan = quick();
    plan.waves.drain(..2);
    for (flip_at_ms, rule) in [(1, "which is past"), (u64::MAX / 2, "30 days from now")] {
        plan.flip_at_ms = Some(flip_at_ms);
        let (status, told) = refused(admin.start_rollout(&to("1.1.0", plan.clone())).await);
        assert_eq!(status, 422);
        assert!(
            told.contains("plan.flip_at_ms is ") && told.contains(rule),
            "{told}"
        );
    }
    let (status, _) = refused(admin.rollout(7).await);
    assert_eq!(status, 404);
    assert_eq!(admin.rollouts(None, None).await.unwrap().rollouts, []);
}
