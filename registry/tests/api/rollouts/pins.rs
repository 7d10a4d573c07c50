//! Nodes that keep their version.

use api::registry::{RolloutPhase, SetPin};

use super::actor::{Fleet, Part, furnished, quick, start, to};
use super::waits::ends;
use crate::fleet::harness::refused;

#[tokio::test]
async fn a_pinned_node_keeps_its_version_until_it_is_unpinned() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    let admin = registry.admin();
    let asked = SetPin {
        version: None,
        reason: "under observation".into(),
    };
    let pin = admin.set_pin("d", "n2", &asked).await.unwrap();
    assert_eq!(pin.version, "1.0.0");
    let dry = admin.dry_run(&to("1.1.0", quick())).await.unwrap();
    assert_eq!(dry.left_out["n2"], "it is pinned");
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    let detail = ends(&registry, rollout, RolloutPhase::Succeeded).await;
    assert_eq!(detail.rollout.counts.nodes, 3);
    assert_eq!((fleet.running("1.1.0"), fleet.running("1.0.0")), (3, 1));
    let pins = admin.pins("d", None).await.unwrap().pins;
    assert_eq!(pins, [pin]);
    admin.delete_pin("d", "n2").await.unwrap();
    fleet.all_run("1.1.0").await;
    let (status, told) = refused(admin.delete_pin("d", "n2").await);
    assert_eq!(status, 404);
    assert!(told.contains("d pins no node n2"), "{told}");
}

#[tokio::test]
async fn a_pin_names_a_release_and_a_node_that_are_there() {
    let registry = furnished(60_000).await;
    let _node = registry.node("n0", &[]).await;
    let admin = registry.admin();
    let to = |version: &str| SetPin {
        version: Some(version.into()),
        reason: String::new(),
    };
    let (status, told) = refused(admin.set_pin("d", "n0", &to("3.0.0")).await);
    assert_eq!(status, 422);
    assert!(
        told.contains("acme/execsnoop has no release 3.0.0"),
        "{told}"
    );
    let (status, told) = refused(admin.set_pin("d", "nobody", &to("1.1.0")).await);
    assert_eq!(status, 404);
    assert!(told.contains("there is no node nobody"), "{told}");
    let (status, _) = refused(admin.set_pin("x", "n0", &to("1.1.0")).await);
    assert_eq!(status, 404);
}
