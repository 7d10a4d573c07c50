//! Deployments that move by rollouts whenever their version or their channel changes.

use api::registry::{RolloutPhase, Source};

use super::actor::{Fleet, Part, quick};
use super::waits::{ends, until};
use crate::fleet::harness::{Registry, refused, spec};

async fn active(registry: &Registry) -> u64 {
    let deployment = registry.admin().deployment("d").await.unwrap();
    deployment.rollout.expect("a rollout moves it")
}

#[tokio::test]
async fn a_channel_that_moves_starts_the_rollouts_of_those_that_follow_it() {
    let registry = Registry::start_polled(60_000);
    registry.stable().await;
    registry.publish("1.1.0").await;
    let fleet = Fleet::of(&registry, &[Part::Good; 5]).await;
    let mut by_template = spec("*");
    by_template.rollout = Some(quick());
    let admin = registry.admin();
    admin.put_deployment("d", &by_template).await.unwrap();
    // The first release comes by a rollout, too.
    let first = active(&registry).await;
    let detail = ends(&registry, first, RolloutPhase::Succeeded).await;
    assert_eq!(detail.rollout.from, None);
    fleet.all_run("1.0.0").await;
    registry.channel("1.1.0").await;
    let second = active(&registry).await;
    let detail = ends(&registry, second, RolloutPhase::Succeeded).await;
    assert_eq!(detail.rollout.from.as_deref(), Some("1.0.0"));
    fleet.all_run("1.1.0").await;
    for given in fleet.given() {
        assert_eq!(given, ["1.0.0", "1.1.0"]);
    }
}

#[tokio::test]
async fn a_move_on_the_way_takes_the_place_of_the_rollout_before() {
    let registry = Registry::start_polled(60_000);
    registry.stable().await;
    registry.publish("1.1.0").await;
    registry.publish("1.2.0").await;
    let fleet = Fleet::of(&registry, &[Part::Good; 5]).await;
    let admin = registry.admin();
    admin.put_deployment("d", &spec("*")).await.unwrap();
    fleet.all_run("1.0.0").await;
    let mut by_template = spec("*");
    let mut plan = quick();
    plan.waves[0].approval = true;
    by_template.rollout = Some(plan);
    admin.put_deployment("d", &by_template).await.unwrap();
    assert_eq!(admin.deployment("d").await.unwrap().rollout, None);
    registry.channel("1.1.0").await;
    let first = active(&registry).await;
    until("one runs it", || fleet.running("1.1.0") == 1).await;
    registry.channel("1.2.0").await;
    ends(&registry, first, RolloutPhase::Superseded).await;
    let second = active(&registry).await;
    until("one runs the next", || fleet.running("1.2.0") == 1).await;
    registry
        .admin()
        .ask_rollout(second, api::client::registry::Ask::RollBack)
        .await
        .unwrap();
    ends(&registry, second, RolloutPhase::RolledBack).await;
    until("each is where it was", || {
        (fleet.running("1.1.0"), fleet.running("1.0.0")) == (1, 4)
    })
    .await;
}

#[tokio::test]
async fn a_version_that_changes_moves_by_the_template_or_all_at_once() {
    let registry = Registry::start_polled(60_000);
    registry.publish("1.0.0").await;
    registry.publish("1.1.0").await;
    registry.publish("1.2.0").await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    let mut named = spec("*");
    named.source = Source::Version("1.0.0".into());
    let admin = registry.admin();
    admin.put_deployment("d", &named).await.unwrap();
    fleet.all_run("1.0.0").await;
    named.source = Source::Version("1.1.0".into());
    let mut plan = quick();
    plan.waves[0].approval = true;
    named.rollout = Some(plan);
    admin.put_deployment("d", &named).await.unwrap();
    let rollout = active(&registry).await;
    until("one runs it", || fleet.running("1.1.0") == 1).await;
    assert_eq!(fleet.running("1.0.0"), 3);
    // Without the template, and with another version: all at once.
    named.source = Source::Version("1.2.0".into());
    named.rollout = None;
    admin.put_deployment("d", &named).await.unwrap();
    ends(&registry, rollout, RolloutPhase::Superseded).await;
    fleet.all_run("1.2.0").await;
    assert_eq!(admin.deployment("d").await.unwrap().rollout, None);
}

#[tokio::test]
async fn a_template_that_can_not_be_is_refused() {
    let registry = Registry::start_polled(60_000);
    registry.stable().await;
    let admin = registry.admin();
    let mut broken = spec("*");
    let mut plan = quick();
    plan.waves.clear();
    broken.rollout = Some(plan);
    let (status, told) = refused(admin.put_deployment("d", &broken).await);
    assert_eq!(status, 422);
    assert!(
        told.contains("waves has 0 entries, 1 to 16 are allowed"),
        "{told}"
    );
    let mut plan = quick();
    plan.flip_at_ms = Some(1);
    broken.rollout = Some(plan);
    let (status, told) = refused(admin.put_deployment("d", &broken).await);
    assert_eq!(status, 422);
    assert!(told.contains("flip_at_ms"), "{told}");
}

#[tokio::test]
async fn a_deployment_that_goes_takes_its_rollout_along() {
    let registry = super::actor::furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 3]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let rollout = super::actor::start(&registry, "1.1.0", plan).await.rollout;
    until("one runs it", || fleet.running("1.1.0") == 1).await;
    let admin = registry.admin();
    admin.delete_deployment("d").await.unwrap();
    ends(&registry, rollout, RolloutPhase::Superseded).await;
    let mut again = spec("*");
    again.source = Source::Version("1.0.0".into());
    admin.put_deployment("d", &again).await.unwrap();
    fleet.all_run("1.0.0").await;
}
