//! Buttons say how many nodes they touch, also while nodes are on their way.

use api::registry::Source;

use super::actor::{Fleet, Part, furnished, quick, start};
use super::waits::{stands, until};
use crate::browser::Browser;

#[tokio::test]
async fn nodes_that_were_told_wait_where_nothing_goes_on() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Dies; 4]).await;
    fleet.all_run("1.0.0").await;
    start(&registry, "1.1.0", quick()).await;
    let told = |one: &api::registry::Rollout| one.counts.offered == 1;
    stands(&registry, 1, "a node was told and does not run it", told).await;
    let page = Browser::admin(&registry).page("/rollouts/1");
    for text in [
        "Pause, 4 nodes wait",
        "Roll back 1 node<",
        "Abort, 0 nodes keep 1.1.0",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn nodes_with_the_version_before_stop_a_deployment_that_is_deleted_too() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 3]).await;
    fleet.all_run("1.0.0").await;
    let browser = Browser::admin(&registry);
    until("all said so", || {
        let page = browser.page("/deployments/d");
        page.contains("<dt>Run what it gives</dt><dd>3</dd>")
    })
    .await;
    drop(fleet);
    let mut spec = registry.admin().deployment("d").await.unwrap().spec;
    spec.source = Source::Version("1.1.0".into());
    registry.admin().put_deployment("d", &spec).await.unwrap();
    let page = browser.page("/deployments/d");
    for text in [
        "<dt>Run what it gives</dt><dd>0</dd>",
        "Delete, 3 nodes stop it",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}
