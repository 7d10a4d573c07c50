//! Explain: why a node runs what it runs.

use std::collections::BTreeMap;

use api::problem::Problem;
use api::registry::{OutcomeKind, Reports};

use super::harness::{Registry, facts, outcome, refused, runs, spec};

#[tokio::test]
async fn explain_leads_from_the_deployment_to_what_is_in_the_way() {
    let mut registry = Registry::start();
    registry.stable().await;
    let node = registry.node("a", &[]).await;
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    let wanted = node.instances().await.remove(0);
    let mut old = runs(&wanted);
    old.version = Some("0.9.0".into());
    old.digest = payload::digest::Digest::of(b"old").to_string();
    let mut refusal = outcome(1, OutcomeKind::LoadRejected, &wanted.digest);
    refusal.problem = Some(Box::new(Problem::new(422, "refused", "R1 is a scalar")));
    let reports = Reports {
        facts: facts(&[]),
        instances: vec![old.clone()],
        outcomes: vec![refusal.clone()],
    };
    node.report(reports).await.unwrap();
    let explained = registry.admin().explain("a").await.unwrap();
    assert_eq!(explained.node, "a");
    let one = &explained.instances[0];
    assert_eq!(one.wanted.as_ref(), Some(&wanted));
    assert_eq!(one.running.as_ref(), Some(&old));
    assert_eq!(one.latest.as_ref(), Some(&refusal));
    assert_eq!(
        one.because,
        [
            "Deployment d is for `*`, which holds for this node, and follows the channel stable of \
             acme/execsnoop.",
            "That channel names 1.0.0 now.",
            "The node runs 0.9.0, and goes on with it.",
            "The node refused 1.0.0: it could not load it: refused: R1 is a scalar.",
        ]
    );
    // Lists say so as well, also after a restart.
    for _ in 0..2 {
        let admin = registry.admin();
        let listed = admin.nodes(None).await.unwrap().nodes.remove(0);
        assert!(!listed.settled);
        assert_eq!(listed.refused[0].kind, OutcomeKind::LoadRejected);
        assert_eq!(listed.refused[0].version, "1.0.0");
        assert_eq!(listed.refused[0].because, "refused: R1 is a scalar");
        let deployment = admin.deployment("d").await.unwrap();
        assert_eq!((deployment.running, deployment.refused), (0, 1));
        registry.restart();
    }
    assert_eq!(refused(registry.admin().explain("b").await).0, 404);
}

#[tokio::test]
async fn the_latest_outcome_of_each_instance_is_the_one_that_counts() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    let digest = payload::digest::Digest::of(b"x").to_string();
    let mut other = outcome(3, OutcomeKind::Stopped, &digest);
    other.instance = "other".into();
    let outcomes = vec![
        outcome(1, OutcomeKind::Failed, &digest),
        outcome(2, OutcomeKind::Started, &digest),
        other,
    ];
    let wanted = api::registry::Wanted {
        instance: "execsnoop".into(),
        deployment: String::new(),
        payload: "acme/execsnoop".into(),
        version: "1.0.0".into(),
        digest,
        size_bytes: 1,
        envelope: None,
        globals: BTreeMap::new(),
        targets: BTreeMap::new(),
        rollout: None,
    };
    let mut local = runs(&wanted);
    local.managed = false;
    node.report(Reports {
        facts: facts(&[]),
        instances: vec![local],
        outcomes,
    })
    .await
    .unwrap();
    let explained = registry.admin().explain("a").await.unwrap().instances;
    assert_eq!(explained.len(), 1, "what was only stopped needs no word");
    assert_eq!(explained[0].latest.as_ref().unwrap().serial, 2);
    assert_eq!(
        explained[0].because,
        ["Somebody on the node started it; the registry leaves it alone."]
    );
}
