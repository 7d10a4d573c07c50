//! Enrolment: one-time tokens, names that are taken, labels that are forced.

use api::registry::Enrol;

use super::harness::{Registry, facts, refused, spec};
use crate::stage::until;

#[tokio::test]
async fn an_enrolment_token_is_worth_as_many_nodes_as_it_says() {
    let registry = Registry::start();
    let token = registry.token_with("two", &["enrol"], Some(2), &[]).await;
    registry.enrol(&token, "a", &[]).await.unwrap();
    // A refusal takes no use.
    let (status, told) = refused(registry.enrol(&token, "a", &[]).await.map(|node| node.name));
    assert_eq!(status, 409, "{told}");
    assert!(told.contains("a node a has enrolled already"), "{told}");
    registry.enrol(&token, "b", &[]).await.unwrap();
    let (status, told) = refused(registry.enrol(&token, "c", &[]).await.map(|node| node.name));
    assert_eq!(status, 403, "{told}");
    assert!(told.contains("used up"), "{told}");
    until("both refusals are audited", || {
        let audit = registry.stage.audit();
        audit
            .iter()
            .filter(|entry| entry["what"] == "node.refused")
            .count()
            == 2
    });
    let names = registry.admin().nodes(None).await.unwrap().nodes;
    assert_eq!(
        names
            .iter()
            .map(|node| node.node.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[tokio::test]
async fn uses_are_not_given_twice_to_callers_at_once() {
    let registry = Registry::start();
    let token = registry.token_with("three", &["enrol"], Some(3), &[]).await;
    let calls = (0..12).map(|index| {
        let client = registry.client(Some(&token));
        let enrol = Enrol {
            node: format!("n{index}"),
            facts: facts(&[]),
        };
        tokio::spawn(async move { client.enrol(&enrol).await.is_ok() })
    });
    let mut enrolled = 0;
    for call in calls.collect::<Vec<_>>() {
        enrolled += usize::from(call.await.unwrap());
    }
    assert_eq!(enrolled, 3);
    assert_eq!(registry.admin().nodes(None).await.unwrap().nodes.len(), 3);
}

#[tokio::test]
async fn labels_of_the_token_stand_above_those_of_the_node() {
    let registry = Registry::start();
    registry.stable().await;
    registry
        .admin()
        .put_deployment("d", &spec("env=prod"))
        .await
        .unwrap();
    let token = registry
        .token_with("t", &["enrol"], None, &[("env", "test")])
        .await;
    let node = registry
        .enrol(&token, "a", &[("env", "prod"), ("rack", "1")])
        .await
        .unwrap();
    assert_eq!(node.wanted().await, []);
    let shown = registry.admin().node("a").await.unwrap().node;
    assert_eq!(shown.facts.labels["env"], "test");
    assert_eq!(shown.facts.labels["rack"], "1");
    // Nor does a report change that, nor a restart of the registry.
    node.settle(&[("env", "prod")]).await;
    assert_eq!(node.wanted().await, []);
}

#[tokio::test]
async fn facts_that_break_a_rule_are_refused_and_nothing_is_kept() {
    let registry = Registry::start();
    let token = registry.token("t", &["enrol"]).await;
    for (labels, field) in [
        ([("a b", "x")], "facts.labels"),
        ([("kernel", "9")], "facts.labels"),
        ([("a", "\u{7}")], "facts.labels.a"),
    ] {
        let (status, told) = refused(registry.enrol(&token, "a", &labels).await.map(|n| n.name));
        assert_eq!(status, 422, "{told}");
        assert!(told.contains(field), "{told}");
    }
    for name in ["", "../x", "a/b", "<script>", &"x".repeat(64)] {
        let (status, told) = refused(registry.enrol(&token, name, &[]).await.map(|n| n.name));
        assert_eq!(status, 400, "{told}");
    }
    assert!(registry.admin().nodes(None).await.unwrap().nodes.is_empty());
    // The token still has its use.
    registry.enrol(&token, "a", &[]).await.unwrap();
}

#[tokio::test]
async fn a_deleted_node_is_nobody_and_its_name_is_free() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    assert_eq!(node.wanted().await, []);
    let mut bell = node.client.doorbell("a").await.unwrap();
    assert!(bell.next().await.unwrap().is_some());
    registry.admin().delete_node("a").await.unwrap();
    assert!(bell.next().await.unwrap().is_none(), "its wait ends");
    let (status, told) = refused(node.client.desired("a", None).await);
    assert_eq!(status, 401, "{told}");
    assert_eq!(refused(registry.admin().node("a").await).0, 404);
    assert_eq!(refused(registry.admin().delete_node("a").await).0, 404);
    let again = registry
        .enrol(&registry.token("t", &["enrol"]).await, "a", &[])
        .await
        .unwrap();
    assert_eq!(again.wanted().await, []);
    assert_eq!(refused(node.client.desired("a", None).await).0, 401);
    let audit = registry.admin().audit(None).await.unwrap().entries;
    let told: Vec<&str> = audit.iter().map(|entry| entry.what.as_str()).collect();
    assert!(
        told.contains(&"node.enrol") && told.contains(&"node.delete"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_listed_is_who_is_kept_however_many_enrol_and_delete_at_once() {
    let registry = Registry::start();
    let token = registry.token_with("t", &["enrol"], Some(1000), &[]).await;
    for round in 0..25 {
        let enrols = (0..8).map(|_| {
            let client = registry.client(Some(&token));
            let enrol = Enrol {
                node: "a".into(),
                facts: facts(&[]),
            };
            tokio::spawn(async move { client.enrol(&enrol).await.is_ok() })
        });
        let deletes = (0..8).map(|_| {
            let admin = registry.admin();
            tokio::spawn(async move { admin.delete_node("a").await.is_ok() })
        });
        let (mut came, mut went) = (0, 0);
        let calls: Vec<_> = enrols.zip(deletes).collect();
        for (enrol, delete) in calls {
            came += i32::from(enrol.await.unwrap());
            went += i32::from(delete.await.unwrap());
        }
        // What is listed comes from memory, what is deleted from the database.
        let listed = registry.admin().node("a").await.is_ok();
        assert_eq!(
            listed,
            came > went,
            "round {round}: {came} came, {went} went"
        );
        assert_eq!(registry.admin().delete_node("a").await.is_ok(), listed);
        assert_eq!(refused(registry.admin().node("a").await).0, 404);
    }
}

#[tokio::test]
async fn no_credential_is_kept_as_it_was_told() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    let file = registry.stage.data_dir().join("registry.sqlite");
    for path in [file.clone(), file.with_extension("sqlite-wal")] {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let secret = node.credential.as_bytes();
        assert!(
            !bytes.windows(secret.len()).any(|part| part == secret),
            "{}",
            path.display()
        );
    }
}
