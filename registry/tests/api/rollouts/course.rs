//! A good release on its way, and what is told of it.

use api::registry::{Reach, RolloutPhase};

use super::actor::{Fleet, Part, furnished, quick, start, to};
use super::waits::{awaits_promotion, ends, stands, until};

#[tokio::test]
async fn a_good_release_reaches_every_node_once_wave_after_wave() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 10]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let dry = registry
        .admin()
        .dry_run(&to("1.1.0", plan.clone()))
        .await
        .unwrap();
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    let detail = stands(
        &registry,
        rollout,
        "the first wave is well",
        awaits_promotion,
    )
    .await;
    assert_eq!(
        (detail.rollout.wave, detail.rollout.counts.committed),
        (1, 1)
    );
    assert_eq!(fleet.reached("1.1.0"), 1);
    let first = &dry.waves[0].nodes;
    assert_eq!(
        fleet.nodes[&first[0]].lock().unwrap().given,
        ["1.0.0", "1.1.0"]
    );
    let preflight = &detail.preflight;
    assert_eq!((preflight.len(), preflight[0].nodes), (1, 10));
    let admin = registry.admin();
    admin
        .ask_rollout(rollout, api::client::registry::Ask::Promote)
        .await
        .unwrap();
    let detail = ends(&registry, rollout, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
    for given in fleet.given() {
        assert_eq!(given, ["1.0.0", "1.1.0"]);
    }
    let phases: Vec<RolloutPhase> = detail.timeline.iter().map(|one| one.phase).collect();
    assert_eq!(phases.first(), Some(&RolloutPhase::Scheduled));
    assert_eq!(phases.last(), Some(&RolloutPhase::Succeeded));
    let revisions: Vec<u64> = detail.timeline.iter().map(|one| one.revision).collect();
    assert_eq!(
        revisions,
        (1..=detail.rollout.revision).collect::<Vec<u64>>()
    );
    let deployment = admin.deployment("d").await.unwrap();
    assert_eq!((deployment.running, deployment.rollout), (10, None));
}

#[tokio::test]
async fn a_dry_run_names_the_nodes_that_each_wave_reaches() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 12]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[1].reach = Reach::Nodes(4);
    for wave in &mut plan.waves {
        wave.approval = true;
    }
    let dry = registry
        .admin()
        .dry_run(&to("1.1.0", plan.clone()))
        .await
        .unwrap();
    let counts: Vec<u64> = dry.waves.iter().map(|wave| wave.count).collect();
    assert_eq!(
        (counts, dry.from.as_deref()),
        (vec![1, 3, 8], Some("1.0.0"))
    );
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    let mut expected: Vec<String> = Vec::new();
    for (index, wave) in dry.waves.iter().enumerate() {
        expected.extend(wave.nodes.clone());
        let wave = u32::try_from(index).unwrap() + 1;
        let is_well = |one: &api::registry::Rollout| one.wave == wave && awaits_promotion(one);
        stands(&registry, rollout, "a wave is well", is_well).await;
        for (name, seen) in &fleet.nodes {
            let reached = seen.lock().unwrap().given.len() == 2;
            assert_eq!(reached, expected.contains(name), "wave {wave}: {name}");
        }
        let ask = api::client::registry::Ask::Promote;
        registry.admin().ask_rollout(rollout, ask).await.unwrap();
    }
    let detail = ends(&registry, rollout, RolloutPhase::Succeeded).await;
    assert_eq!(detail.salt, dry.salt);
}

#[tokio::test]
async fn a_node_that_comes_later_stages_first_and_joins() {
    let registry = furnished(60_000).await;
    let mut fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
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
    fleet.add(registry.node("later", &[]).await, Part::Good);
    until("it staged", || {
        fleet.nodes["later"].lock().unwrap().staged == ["1.1.0"]
    })
    .await;
    registry
        .admin()
        .ask_rollout(rollout, api::client::registry::Ask::Promote)
        .await
        .unwrap();
    ends(&registry, rollout, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
    let given = fleet.nodes["later"].lock().unwrap().given.clone();
    assert_eq!(given, ["1.0.0", "1.1.0"]);
}

#[tokio::test]
async fn a_stream_tells_each_change_and_ends_with_the_rollout() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 3]).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    let mut events = registry.admin().rollout_events(rollout).await.unwrap();
    let (mut last, mut told) = (None, 0);
    while let Some(detail) = events.next().await.unwrap() {
        assert_ne!(last.as_ref(), Some(&detail));
        last = Some(detail);
        told += 1;
    }
    assert!(told >= 2);
    assert_eq!(last.unwrap().rollout.phase, RolloutPhase::Succeeded);
}
