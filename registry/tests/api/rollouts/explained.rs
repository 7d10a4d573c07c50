//! Why a node runs what it runs while rollouts go on, and when that changes.

use api::client::registry::Ask;
use api::registry::{RolloutPhase, SetPin};

use super::actor::{Fleet, Part, furnished, quick, start};
use super::waits::{awaits_promotion, ends, stands};
use crate::fleet::harness::Registry;

async fn because(registry: &Registry, node: &str) -> String {
    let explained = registry.admin().explain(node).await.unwrap();
    explained.instances[0].because.join(" ")
}

#[tokio::test]
async fn each_node_says_what_it_waits_for_and_when_that_will_be() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].bake_ms = 600_000;
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    let bakes = |one: &api::registry::Rollout| one.phase == RolloutPhase::Baking;
    stands(&registry, rollout, "it bakes", bakes).await;
    let mut counts = (0, 0);
    for node in fleet.nodes.keys() {
        let said = because(&registry, node).await;
        let course = format!(
            "Rollout {rollout} moves it from 1.0.0 to 1.1.0; it is baking, wave 1 of 3: wave 1 \
             runs it and is watched."
        );
        assert!(said.contains(&course), "{said}");
        assert!(said.contains("The wave's gate is decided in "), "{said}");
        let reached = said.contains("It has reached this node: 1.1.0 may run here.");
        let waits = said.contains("has loaded and verified 1.1.0 and waits for");
        counts = (counts.0 + u32::from(reached), counts.1 + u32::from(waits));
    }
    assert_eq!(counts, (1, 3));
    let admin = registry.admin();
    admin.ask_rollout(rollout, Ask::Pause).await.unwrap();
    let said = because(&registry, "n0").await;
    assert!(
        said.contains("It goes on when somebody resumes it"),
        "{said}"
    );
    admin.ask_rollout(rollout, Ask::RollBack).await.unwrap();
    ends(&registry, rollout, RolloutPhase::RolledBack).await;
    let said = because(&registry, "n0").await;
    assert!(
        said.contains("It holds 1.0.0 until a rollout moves it"),
        "{said}"
    );
}

#[tokio::test]
async fn a_node_that_is_pinned_or_can_not_run_it_says_so() {
    let registry = furnished(60_000).await;
    let parts = [Part::Good, Part::Incompatible, Part::Good];
    let fleet = Fleet::of(&registry, &parts).await;
    fleet.all_run("1.0.0").await;
    let pin = SetPin {
        version: Some("1.0.0".into()),
        reason: "it is measured".into(),
    };
    registry.admin().set_pin("d", "n2", &pin).await.unwrap();
    let mut plan = quick();
    plan.waves[0].approval = true;
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    stands(
        &registry,
        rollout,
        "its first wave is well",
        awaits_promotion,
    )
    .await;
    let said = because(&registry, "n1").await;
    assert!(said.contains("so this node is left out"), "{said}");
    let said = because(&registry, "n2").await;
    assert!(
        said.contains("pinned this node to 1.0.0: it is measured"),
        "{said}"
    );
}
