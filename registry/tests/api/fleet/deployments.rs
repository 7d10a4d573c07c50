//! Deployments: made, changed, taken away, refused; two that want the same.

use api::registry::{DeploymentState, Source};

use super::harness::{Registry, refused, spec};

#[tokio::test]
async fn a_deployment_is_made_once_and_then_changed() {
    let registry = Registry::start();
    registry.stable().await;
    let (admin, node) = (
        registry.admin(),
        registry.node("a", &[("env", "prod")]).await,
    );
    let (new, made) = admin
        .put_deployment("d", &spec("env = prod"))
        .await
        .unwrap();
    assert!(new);
    assert_eq!(made.spec.selector, "env=prod");
    assert_eq!(made.spec.instance.as_deref(), Some("execsnoop"));
    assert_eq!((made.nodes, made.running), (1, 0));
    let (new, same) = admin.put_deployment("d", &spec("env=prod")).await.unwrap();
    assert!(!new);
    assert_eq!(same.changed_ms, made.changed_ms);
    node.settle(&[("env", "prod")]).await;
    assert_eq!(admin.deployment("d").await.unwrap().running, 1);
    let (new, changed) = admin.put_deployment("d", &spec("env=test")).await.unwrap();
    assert!(!new);
    assert_eq!((changed.created_ms, changed.nodes), (made.created_ms, 0));
    admin.delete_deployment("d").await.unwrap();
    assert_eq!(refused(admin.deployment("d").await).0, 404);
    assert_eq!(refused(admin.delete_deployment("d").await).0, 404);
    let audit = admin.audit(None).await.unwrap().entries;
    let of_it = audit
        .iter()
        .filter(|entry| entry.subject == "d")
        .map(|entry| &*entry.what);
    let told: Vec<&str> = of_it.collect();
    assert_eq!(
        told,
        ["deployment.delete", "deployment.put", "deployment.put"]
    );
}

#[tokio::test]
async fn two_deployments_of_one_instance_on_a_node_are_refused_with_both_names() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    registry.node("p", &[("env", "prod")]).await;
    admin
        .put_deployment("first", &spec("env=prod"))
        .await
        .unwrap();
    let (status, told) = refused(admin.put_deployment("second", &spec("*")).await);
    assert_eq!(status, 409, "{told}");
    for name in ["first", "second", "execsnoop", "node p"] {
        assert!(told.contains(name), "{told}");
    }
    assert_eq!(refused(admin.deployment("second").await).0, 404);
    let mut other = spec("*");
    other.instance = Some("another".into());
    admin.put_deployment("second", &other).await.unwrap();
    // By a change as well as by a new one.
    let (status, told) = refused(admin.put_deployment("second", &spec("env")).await);
    assert_eq!(status, 409, "{told}");
    assert_eq!(admin.deployment("second").await.unwrap().spec.selector, "*");
}

#[tokio::test]
async fn of_two_that_meet_on_a_later_node_the_older_wins_and_explain_says_so() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    admin
        .put_deployment("older", &spec("env=prod"))
        .await
        .unwrap();
    admin
        .put_deployment("younger", &spec("role=db"))
        .await
        .unwrap();
    let node = registry.node("a", &[("env", "prod"), ("role", "db")]).await;
    assert_eq!(node.instances().await[0].deployment, "older");
    let explained = admin.explain("a").await.unwrap().instances;
    assert_eq!(explained.len(), 1);
    let told = explained[0].because.join(" ");
    assert!(
        told.contains("Deployment older is older and has this instance."),
        "{told}"
    );
    // Once it is gone the other one has its way.
    admin.delete_deployment("older").await.unwrap();
    assert_eq!(node.instances().await[0].deployment, "younger");
}

#[tokio::test]
async fn of_two_that_are_put_at_once_one_is_refused() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("a", &[]).await;
    let put = |name: &'static str| {
        let admin = registry.admin();
        tokio::spawn(async move { admin.put_deployment(name, &spec("*")).await.is_ok() })
    };
    let calls = ["a", "b", "c", "d", "e", "f"].map(put);
    let mut kept = 0;
    for call in calls {
        kept += usize::from(call.await.unwrap());
    }
    assert_eq!(kept, 1);
    assert_eq!(
        registry
            .admin()
            .deployments(None)
            .await
            .unwrap()
            .deployments
            .len(),
        1
    );
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_with_its_field_and_place() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    let mut wrong = spec("env==prod");
    let (status, told) = refused(admin.put_deployment("d", &wrong).await);
    assert_eq!(status, 422, "{told}");
    assert!(told.contains("'=' at byte 4"), "{told}");
    wrong = spec("*");
    wrong.payload = "acme/other".into();
    let (status, told) = refused(admin.put_deployment("d", &wrong).await);
    assert_eq!(status, 422, "{told}");
    assert!(told.contains("there is no payload acme/other"), "{told}");
    wrong = spec("*");
    wrong.source = Source::Version("9.0.0".into());
    let (status, told) = refused(admin.put_deployment("d", &wrong).await);
    assert_eq!(status, 422, "{told}");
    assert!(
        told.contains("acme/execsnoop has no release 9.0.0"),
        "{told}"
    );
    wrong = spec("*");
    wrong.globals.insert("nothing".into(), 1.into());
    let (status, told) = refused(admin.put_deployment("d", &wrong).await);
    assert_eq!(status, 422, "{told}");
    assert!(
        told.contains("globals.nothing: 1.0.0 has no global variable"),
        "{told}"
    );
    assert!(
        admin
            .deployments(None)
            .await
            .unwrap()
            .deployments
            .is_empty()
    );
}

#[tokio::test]
async fn a_channel_may_come_after_its_deployment() {
    let registry = Registry::start();
    registry.publish("1.0.0").await;
    let node = registry.node("a", &[]).await;
    let (_, made) = registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    assert!(
        matches!(made.release, DeploymentState::Void { .. }),
        "{made:?}"
    );
    registry.channel("1.0.0").await;
    assert_eq!(node.wanted().await.len(), 1);
}

#[tokio::test]
async fn lists_are_paged_by_name() {
    let registry = Registry::start();
    registry.stable().await;
    for name in ["c", "a", "b"] {
        let mut one = spec("x=y");
        one.instance = Some(name.into());
        registry.admin().put_deployment(name, &one).await.unwrap();
        registry.node(name, &[]).await;
    }
    let get = |path: &str| -> serde_json::Value {
        let answer = registry.ask_as(&registry.stage.admin, "GET", path, "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    for (list, key) in [("deployments", "deployment"), ("nodes", "node")] {
        let page = get(&format!("/api/v1/{list}?limit=2"));
        assert_eq!(page[list][0][key], "a");
        assert_eq!(page["next"], "b");
        let page = get(&format!("/api/v1/{list}?limit=2&after=b"));
        assert_eq!(page[list][0][key], "c");
        assert!(page.get("next").is_none());
    }
}
