//! `kill -9` of the registry at each transition of a rollout, and at moments that nobody chooses: it
//! goes on, no node is offered the release twice, none is skipped.

use std::time::Duration;

use api::registry::RolloutPhase;
use tokio::time::{sleep, timeout};

use super::actor::{Fleet, Part, furnished, quick, start};

/// How long a rollout may take that is killed all the time.
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_killed_at_every_transition_goes_on() {
    let mut registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 8]).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    let (mut revision, mut kills) = (0, 0);
    let course = async {
        loop {
            let detail = registry.admin().rollout(rollout).await.unwrap();
            if detail.rollout.phase.is_end() {
                return detail;
            }
            if detail.rollout.revision == revision {
                sleep(Duration::from_millis(2)).await;
                continue;
            }
            revision = detail.rollout.revision;
            registry.restart();
            fleet.moved(&registry);
            kills += 1;
        }
    };
    let detail = timeout(PATIENCE, course).await.expect("it goes on");
    assert_eq!(detail.rollout.phase, RolloutPhase::Succeeded, "{detail:#?}");
    // Scheduled, preflight, and three waves that each deploy, bake and pass their gates.
    assert!(kills >= 6, "{kills}");
    fleet.all_run("1.1.0").await;
    for given in fleet.given() {
        assert_eq!(given, ["1.0.0", "1.1.0"]);
    }
    let revisions = detail.timeline.iter().map(|one| one.revision);
    assert!(revisions.eq(1..=detail.rollout.revision));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_killed_at_any_moment_goes_on() {
    let mut registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 8]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    for wave in &mut plan.waves {
        wave.bake_ms = 100;
    }
    let rollout = start(&registry, "1.1.0", plan).await.rollout;
    // Lives of 5 to 250 ms, in an order that looks like none.
    let lives = (0..40u64).map(|kill| 5 + kill * 97 % 245);
    for life_ms in lives {
        sleep(Duration::from_millis(life_ms)).await;
        registry.restart();
        fleet.moved(&registry);
    }
    let detail = super::waits::ends(&registry, rollout, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
    for given in fleet.given() {
        assert_eq!(given, ["1.0.0", "1.1.0"]);
    }
    let revisions = detail.timeline.iter().map(|one| one.revision);
    assert!(revisions.eq(1..=detail.rollout.revision));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_killed_while_nodes_go_back_takes_all_of_them_back() {
    let mut registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 8]).await;
    fleet.all_run("1.0.0").await;
    let rollout = start(&registry, "1.1.0", quick()).await.rollout;
    super::waits::ends(&registry, rollout, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
    let ask = api::client::registry::Ask::RollBack;
    registry.admin().ask_rollout(rollout, ask).await.unwrap();
    registry.restart();
    fleet.moved(&registry);
    super::waits::ends(&registry, rollout, RolloutPhase::RolledBack).await;
    fleet.all_run("1.0.0").await;
    for given in fleet.given() {
        assert_eq!(given, ["1.0.0", "1.1.0", "1.0.0"]);
    }
}
