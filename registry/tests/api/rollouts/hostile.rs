//! Nodes that lie about rollouts: none has a word in what is not its own, nor more than one word.

use api::client::registry::Ask;
use api::registry::{OutcomeKind, Reports, RolloutPhase, Source};

use super::actor::{Fleet, Part, furnished, quick, start};
use super::waits::{awaits_promotion, ends, stands, until};
use crate::fleet::harness::{Registry, TestNode, facts, outcome, runs, spec};

/// A registry that gives 1.0.0 to every node with `env=prod`.
async fn of_prod() -> Registry {
    let registry = furnished(60_000).await;
    let mut prod = spec("env=prod");
    prod.source = Source::Version("1.0.0".into());
    registry.admin().put_deployment("d", &prod).await.unwrap();
    registry
}

/// What a node says of a rollout whose release has this digest.
async fn says(node: &TestNode, rollout: u64, digest: &str, kind: OutcomeKind, staging: bool) {
    let mut told = outcome(1, kind, digest);
    (told.rollout, told.staging) = (Some(rollout), staging);
    let reports = Reports {
        facts: facts(&[]),
        instances: Vec::new(),
        outcomes: vec![told],
    };
    node.report(reports).await.unwrap();
}

#[tokio::test]
async fn a_node_has_no_word_in_a_rollout_that_is_not_for_it() {
    let registry = of_prod().await;
    let mut fleet = Fleet::of(&registry, &[]).await;
    let token = registry
        .token_with("prod", &["enrol"], Some(4), &[("env", "prod")])
        .await;
    for name in ["p0", "p1", "p2"] {
        let node = registry.enrol(&token, name, &[]).await.unwrap();
        fleet.add(node, Part::Good);
    }
    let outsider = registry.node("outsider", &[]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    let begun = start(&registry, "1.1.0", plan).await;
    for (kind, staging) in [
        (OutcomeKind::SignatureRejected, true),
        (OutcomeKind::RolledBack, false),
    ] {
        says(&outsider, begun.rollout, &begun.digest, kind, staging).await;
    }
    let detail = stands(
        &registry,
        begun.rollout,
        "its first wave is well",
        awaits_promotion,
    )
    .await;
    assert_eq!((detail.rollout.counts.nodes, detail.failures.len()), (3, 0));
    let admin = registry.admin();
    admin
        .ask_rollout(begun.rollout, Ask::Promote)
        .await
        .unwrap();
    ends(&registry, begun.rollout, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
}

#[tokio::test]
async fn who_says_that_it_runs_what_it_was_not_offered_moves_no_wave() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 3]).await;
    fleet.all_run("1.0.0").await;
    let liar = registry.node("liar", &[]).await;
    let mut plan = quick();
    plan.waves[0].bake_ms = 600_000;
    plan.preflight_ms = 2_000;
    plan.failures_max = 1;
    let begun = start(&registry, "1.1.0", plan).await;
    let mut wanted = liar.instances().await.remove(0);
    wanted.digest.clone_from(&begun.digest);
    let reports = Reports {
        facts: facts(&[]),
        instances: vec![runs(&wanted)],
        outcomes: Vec::new(),
    };
    liar.report(reports).await.unwrap();
    let bakes = |one: &api::registry::Rollout| one.phase == RolloutPhase::Baking;
    stands(&registry, begun.rollout, "it bakes", bakes).await;
    assert_eq!(
        fleet.reached("1.1.0"),
        1,
        "one node of the others, as without it"
    );
    // It never staged it, so it is never offered it.
    assert_eq!(liar.wanted().await[0].1, "1.0.0");
    let ask = Ask::RollBack;
    registry
        .admin()
        .ask_rollout(begun.rollout, ask)
        .await
        .unwrap();
    until("the others are back", || fleet.running("1.0.0") == 3).await;
}

#[tokio::test]
async fn words_about_another_file_or_an_ended_rollout_count_for_nothing() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 2]).await;
    fleet.all_run("1.0.0").await;
    let talker = registry.node("talker", &[]).await;
    let mut plan = quick();
    plan.preflight_ms = 600_000;
    let begun = start(&registry, "1.1.0", plan).await;
    let other = format!("sha256:{}", "0".repeat(64));
    let kind = OutcomeKind::LoadRejected;
    says(&talker, begun.rollout, &other, kind, true).await;
    says(&talker, begun.rollout + 1, &begun.digest, kind, true).await;
    let detail = registry.admin().rollout(begun.rollout).await.unwrap();
    assert!(!detail.rollout.phase.is_end());
    assert_eq!((detail.failures.len(), fleet.reached("1.1.0")), (0, 0));
    let admin = registry.admin();
    admin.ask_rollout(begun.rollout, Ask::Abort).await.unwrap();
    says(&talker, begun.rollout, &begun.digest, kind, true).await;
    let detail = admin.rollout(begun.rollout).await.unwrap();
    assert_eq!(detail.failures, []);
}
