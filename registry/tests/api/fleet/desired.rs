//! Desired state: channels, yank, revoke, floors; `ETag`; what survives a kill.

use api::registry::{DeploymentState, Reason, Source};

use super::harness::{POLL_MS, Registry, spec};

fn reason(text: &str) -> Reason {
    Reason {
        reason: text.into(),
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn nodes_follow_the_channel_of_a_deployment_that_names_them() {
    let registry = Registry::start();
    registry.stable().await;
    let (prod, test) = (
        registry.node("p", &[("env", "prod")]).await,
        registry.node("t", &[("env", "test")]).await,
    );
    registry
        .admin()
        .put_deployment("d", &spec("env=prod, kernel>=5.15"))
        .await
        .unwrap();
    assert_eq!(prod.wanted().await, pairs(&[("execsnoop", "1.0.0")]));
    assert_eq!(test.wanted().await, []);
    let release = registry.publish("1.1.0").await;
    assert_eq!(prod.wanted().await, pairs(&[("execsnoop", "1.0.0")]));
    registry.channel("1.1.0").await;
    let wanted = prod.instances().await;
    assert_eq!(wanted[0].version, "1.1.0");
    assert_eq!(wanted[0].digest, release.digest);
    assert_eq!(wanted[0].size_bytes, release.size_bytes);
    assert_eq!(wanted[0].envelope, release.envelope);
    assert_eq!(wanted[0].deployment, "d");
    registry
        .admin()
        .delete_channel("acme/execsnoop", "stable")
        .await
        .unwrap();
    assert_eq!(prod.wanted().await, []);
    let void = registry.admin().deployment("d").await.unwrap().release;
    assert_eq!(
        void,
        DeploymentState::Void {
            reason: "there is no channel stable".into()
        }
    );
}

#[tokio::test]
async fn a_yanked_release_stays_where_it_is_used_and_a_revoked_one_is_left() {
    let registry = Registry::start();
    registry.stable().await;
    let (admin, node) = (registry.admin(), registry.node("a", &[]).await);
    admin.put_deployment("d", &spec("*")).await.unwrap();
    admin
        .yank("acme/execsnoop", "1.0.0", &reason("slow"))
        .await
        .unwrap();
    assert_eq!(node.wanted().await, pairs(&[("execsnoop", "1.0.0")]));
    let (status, told) = super::harness::refused(admin.put_deployment("e", &spec("x=y")).await);
    assert_eq!(status, 409, "{told}");
    assert!(told.contains("yanked"), "{told}");
    // The deployment that uses it may change elsewhere.
    admin.put_deployment("d", &spec("!x")).await.unwrap();
    admin
        .revoke("acme/execsnoop", "1.0.0", &reason("it leaks"))
        .await
        .unwrap();
    assert_eq!(node.wanted().await, []);
    let void = admin.deployment("d").await.unwrap().release;
    assert_eq!(
        void,
        DeploymentState::Void {
            reason: "1.0.0 is revoked: it leaks".into()
        }
    );
}

#[tokio::test]
async fn a_floor_goes_to_the_nodes_and_takes_older_versions_away() {
    let registry = Registry::start();
    registry.stable().await;
    registry.publish("1.1.0").await;
    let node = registry.node("a", &[]).await;
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    let floor = registry.floor("1.1.0", 1).await;
    let (desired, _) = node.client.desired("a", None).await.unwrap().unwrap();
    assert!(desired.instances.is_empty());
    assert_eq!(desired.floors, std::slice::from_ref(&floor));
    registry.channel("1.1.0").await;
    let (desired, _) = node.client.desired("a", None).await.unwrap().unwrap();
    assert_eq!(desired.instances[0].version, "1.1.0");
    assert_eq!(desired.floors, [floor]);
}

#[tokio::test]
async fn the_etag_is_the_digest_of_the_body_and_saves_it() {
    let registry = Registry::start();
    registry.stable().await;
    let node = registry.node("a", &[]).await;
    let get = |etag: Option<&str>| {
        let bearer = format!("Bearer {}", node.credential);
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(etag.map(|etag| ("If-None-Match", etag)));
        registry.ask("GET", "/api/v1/nodes/a/desired", &headers, "")
    };
    let first = get(None);
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(
        etag,
        format!(
            "\"{}\"",
            payload::digest::Digest::of(first.text().as_bytes())
        )
    );
    assert!(
        first.text().contains(&format!("\"poll_ms\":{POLL_MS}")),
        "{}",
        first.text()
    );
    let same = get(Some(&etag));
    assert_eq!((same.status, same.text().as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some(etag.as_str()));
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    let other = get(Some(&etag));
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn a_killed_registry_gives_the_same_after_its_start() {
    let mut registry = Registry::start();
    registry.stable().await;
    let node = registry.node("a", &[("env", "prod")]).await;
    registry
        .admin()
        .put_deployment("d", &spec("env=prod"))
        .await
        .unwrap();
    node.settle(&[("env", "prod")]).await;
    let (before, _) = node.client.desired("a", None).await.unwrap().unwrap();
    let path = "/api/v1/nodes/a/desired";
    let given = registry.ask_as(&node.credential, "GET", path, "");
    let etag = given.header("etag").unwrap();
    let shown = registry.admin().node("a").await.unwrap();
    registry.restart();
    let client = registry.client(Some(&node.credential));
    assert!(
        client.desired("a", Some(etag)).await.unwrap().is_none(),
        "the same ETag"
    );
    let (after, _) = client.desired("a", None).await.unwrap().unwrap();
    assert_eq!(after, before);
    let again = registry.admin().node("a").await.unwrap();
    assert_eq!(again.node.instances, shown.node.instances);
    assert!(again.node.settled);
}

#[tokio::test]
async fn a_fixed_version_does_not_move() {
    let registry = Registry::start();
    registry.stable().await;
    registry.publish("1.1.0").await;
    let node = registry.node("a", &[]).await;
    let mut fixed = spec("*");
    fixed.source = Source::Version("1.0.0".into());
    registry.admin().put_deployment("d", &fixed).await.unwrap();
    registry.channel("1.1.0").await;
    assert_eq!(node.wanted().await, pairs(&[("execsnoop", "1.0.0")]));
}
