//! Reports: kept once, bounded, and what they change.

use api::client::registry::RegistryClient;
use api::registry::{OutcomeKind, Presence, Reports};
use serde_json::json;

use super::harness::{Registry, TestNode, facts, outcome, refused, runs, spec};

const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn batch(serials: std::ops::RangeInclusive<u64>) -> Reports {
    let outcomes = serials.map(|serial| outcome(serial, OutcomeKind::Started, DIGEST));
    Reports {
        facts: facts(&[]),
        instances: Vec::new(),
        outcomes: outcomes.collect(),
    }
}

async fn serials(registry: &Registry, node: &TestNode) -> Vec<u64> {
    let outcomes = registry.admin().node(&node.name).await.unwrap().outcomes;
    outcomes.into_iter().map(|outcome| outcome.serial).collect()
}

#[tokio::test]
async fn the_same_batch_again_changes_nothing() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    node.report(batch(1..=3)).await.unwrap();
    node.report(batch(1..=3)).await.unwrap();
    node.report(batch(2..=4)).await.unwrap();
    assert_eq!(serials(&registry, &node).await, [4, 3, 2, 1]);
}

#[tokio::test]
async fn the_history_of_a_node_is_bounded_and_shows_the_newest() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    node.report(batch(1..=256)).await.unwrap();
    node.report(batch(257..=300)).await.unwrap();
    let shown = serials(&registry, &node).await;
    assert_eq!(shown, (237..=300).rev().collect::<Vec<u64>>());
    let (status, told) = refused(node.report(batch(1..=257)).await);
    assert_eq!(status, 422, "{told}");
    assert!(
        told.contains("outcomes has 257 entries, at most 256"),
        "{told}"
    );
}

#[tokio::test]
async fn what_a_node_runs_is_shown_and_counted() {
    let registry = Registry::start();
    registry.stable().await;
    let node = registry.node("a", &[]).await;
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    assert!(!registry.admin().node("a").await.unwrap().node.settled);
    let wanted = node.instances().await;
    let report = runs(&wanted[0]);
    let reports = Reports {
        facts: facts(&[]),
        instances: vec![report.clone()],
        outcomes: Vec::new(),
    };
    node.report(reports).await.unwrap();
    let shown = registry.admin().node("a").await.unwrap().node;
    assert!(shown.presence == Presence::Online && shown.settled);
    assert_eq!(shown.instances, [report]);
    let release = registry
        .admin()
        .release("acme/execsnoop", "1.0.0")
        .await
        .unwrap();
    assert_eq!(release.nodes, 1);
    assert_eq!(
        registry.admin().payloads(None).await.unwrap().payloads[0].nodes,
        1
    );
    node.report(Reports {
        facts: facts(&[]),
        instances: Vec::new(),
        outcomes: Vec::new(),
    })
    .await
    .unwrap();
    let release = registry
        .admin()
        .release("acme/execsnoop", "1.0.0")
        .await
        .unwrap();
    assert_eq!(release.nodes, 0);
}

#[tokio::test]
async fn facts_that_change_all_the_time_are_audited_once_in_a_while() {
    let mut registry = Registry::start();
    let node = registry.node("a", &[("env", "prod")]).await;
    let report = async |client: &RegistryClient, rack: &str| {
        let labels = facts(&[("env", "prod"), ("rack", rack)]);
        let (instances, outcomes) = (Vec::new(), Vec::new());
        let reports = Reports {
            facts: labels,
            instances,
            outcomes,
        };
        client.report("a", &reports).await.unwrap();
    };
    for count in 0..40 {
        report(&node.client, &count.to_string()).await;
    }
    // Nor does a start forget what was audited when.
    registry.restart();
    report(&registry.client(Some(&node.credential)), "last").await;
    let mut audit = registry.stage.audit();
    audit.retain(|entry| entry["what"] == "node.facts");
    assert_eq!(audit.len(), 1, "{audit:?}");
    // Only what is different is kept.
    assert_eq!(audit[0]["before"], json!({ "labels": {} }));
    assert_eq!(audit[0]["after"], json!({ "labels": { "rack": "0" } }));
    let shown = registry.admin().node("a").await.unwrap().node;
    assert_eq!(shown.facts.labels["rack"], "last");
}

#[tokio::test]
async fn a_batch_that_breaks_a_rule_is_refused_whole() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    let mut wrong = batch(1..=2);
    wrong.outcomes[1].digest = "sha256:1".into();
    let (status, told) = refused(node.report(wrong).await);
    assert_eq!(status, 422, "{told}");
    assert!(told.contains("outcomes[1].digest"), "{told}");
    assert!(serials(&registry, &node).await.is_empty());
}

#[tokio::test]
async fn a_newer_node_may_tell_more_and_a_broken_one_is_told_the_field() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    let path = "/api/v1/nodes/a/reports";
    let newer = r#"{"facts":{"kernel":"6.1","arch":"x86_64","btf":true,"cpus":2,"version":"9",
        "gpu":"yes"},"instances":[],"weather":"fine"}"#;
    assert_eq!(
        registry
            .ask_as(&node.credential, "POST", path, newer)
            .status,
        204
    );
    let broken = newer.replace("\"cpus\":2", "\"cpus\":\"two\"");
    let answer = registry.ask_as(&node.credential, "POST", path, &broken);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("facts.cpus"), "{}", answer.text());
}
