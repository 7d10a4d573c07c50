//! The doorbell: rings at once, then only for whom it concerns; ends with the registry.

use std::time::Duration;

use api::client::registry::Doorbell;
use tokio::time::timeout;

use super::harness::{Registry, spec};

/// Long enough for a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

async fn ring(bell: &mut Doorbell) -> u64 {
    let ring = timeout(SOON, bell.next()).await.expect("it does not ring");
    ring.unwrap().expect("it ended").revision
}

#[tokio::test]
async fn only_nodes_whose_desired_state_changed_are_told() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    let (a, b) = (
        registry.node("a", &[("x", "1")]).await,
        registry.node("b", &[("y", "1")]).await,
    );
    let mut bell_a = a.client.doorbell("a").await.unwrap();
    let mut bell_b = b.client.doorbell("b").await.unwrap();
    let (first_a, first_b) = (ring(&mut bell_a).await, ring(&mut bell_b).await);
    assert_eq!(first_a, first_b);
    admin.put_deployment("for-a", &spec("x")).await.unwrap();
    let second_a = ring(&mut bell_a).await;
    assert!(second_a > first_a);
    assert_eq!(
        a.wanted().await.len(),
        1,
        "what it rang for is there to be asked"
    );
    let mut of_b = spec("y");
    of_b.instance = Some("of-b".into());
    admin.put_deployment("for-b", &of_b).await.unwrap();
    // The ring before was not for b: this is its second.
    assert_eq!(ring(&mut bell_b).await, second_a + 1);
    registry.publish("1.1.0").await;
    registry.channel("1.1.0").await;
    assert_eq!(ring(&mut bell_a).await, second_a + 2);
    assert_eq!(ring(&mut bell_b).await, second_a + 2);
}

#[tokio::test]
async fn a_label_that_changes_what_a_node_should_run_rings_for_it() {
    let registry = Registry::start();
    registry.stable().await;
    registry
        .admin()
        .put_deployment("d", &spec("env=prod"))
        .await
        .unwrap();
    let node = registry.node("a", &[]).await;
    let mut bell = node.client.doorbell("a").await.unwrap();
    let first = ring(&mut bell).await;
    node.settle(&[("env", "prod")]).await;
    assert!(ring(&mut bell).await > first);
    assert_eq!(node.wanted().await.len(), 1);
}

#[tokio::test]
async fn a_second_doorbell_of_a_node_ends_the_first() {
    let registry = Registry::start();
    let node = registry.node("a", &[]).await;
    let mut first = node.client.doorbell("a").await.unwrap();
    ring(&mut first).await;
    let mut second = node.client.doorbell("a").await.unwrap();
    ring(&mut second).await;
    assert!(
        timeout(SOON, first.next())
            .await
            .unwrap()
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn an_open_doorbell_does_not_hold_up_the_end_of_the_registry() {
    let mut registry = Registry::start();
    let node = registry.node("a", &[]).await;
    let mut bell = node.client.doorbell("a").await.unwrap();
    ring(&mut bell).await;
    let ended = tokio::task::spawn_blocking(move || registry.stage.stop());
    let heard = timeout(Duration::from_secs(8), bell.next())
        .await
        .expect("it stays open");
    assert!(matches!(heard, Ok(None) | Err(_)), "{heard:?}");
    assert!(ended.await.unwrap().success());
}
