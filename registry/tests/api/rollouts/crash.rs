//! `kill -9` of the registry at each transition of a rollout, and at moments that nobody chooses: it
//! goes on, no node is offered the release twice, none is skipped.

use std::collections::BTreeSet;
use std::time::Duration;

use api::client::registry::Ask;
use api::registry::RolloutPhase;
use tokio::time::{sleep, timeout};

use super::actor::{Fleet, Part, furnished, quick, start, to};
use super::waits::{awaits_promotion, stands};

/// How long a rollout may take that is killed all the time.
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_killed_at_every_transition_goes_on() {
    let mut registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 8]).await;
    fleet.all_run("1.0.0").await;
    let node = registry.admin().node("n0").await.unwrap().node;
    let mut plan = quick();
    for wave in &mut plan.waves {
        // Each phase lasts until it was seen.
        (wave.bake_ms, wave.approval) = (500, true);
    }
    let mut start = to("1.1.0", plan);
    start.start_at_ms = Some(node.seen_ms + 1_000);
    let started = registry.admin().start_rollout(&start).await.unwrap();
    let (rollout, mut killed) = (started.rollout, BTreeSet::new());
    let course = async {
        loop {
            let admin = registry.admin();
            let detail = admin.rollout(rollout).await.unwrap();
            let (phase, wave) = (detail.rollout.phase, detail.rollout.wave);
            if phase.is_end() {
                return detail;
            }
            if killed.insert(format!("{} {wave}", phase.word())) {
                registry.restart();
                fleet.moved(&registry);
            } else if phase == RolloutPhase::Gate {
                for (asked, paused) in [(Ask::Pause, true), (Ask::Resume, false)] {
                    registry.admin().ask_rollout(rollout, asked).await.unwrap();
                    registry.restart();
                    fleet.moved(&registry);
                    let detail = registry.admin().rollout(rollout).await.unwrap();
                    assert_eq!(detail.rollout.paused.is_some(), paused, "{detail:#?}");
                }
                let done = stands(&registry, rollout, "its wave is well", awaits_promotion).await;
                assert_eq!(done.rollout.wave, wave);
                registry
                    .admin()
                    .ask_rollout(rollout, Ask::Promote)
                    .await
                    .unwrap();
            } else {
                sleep(Duration::from_millis(2)).await;
            }
        }
    };
    let detail = timeout(PATIENCE, course).await.expect("it goes on");
    assert_eq!(detail.rollout.phase, RolloutPhase::Succeeded, "{detail:#?}");
    let of_wave = |wave| ["baking", "deploying", "gate"].map(|phase| format!("{phase} {wave}"));
    let first = ["scheduled 0", "preflight 0"].map(str::to_owned);
    let all: BTreeSet<String> = first.into_iter().chain((1..=3).flat_map(of_wave)).collect();
    assert_eq!(killed, all);
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
    let ask = Ask::RollBack;
    registry.admin().ask_rollout(rollout, ask).await.unwrap();
    registry.restart();
    fleet.moved(&registry);
    super::waits::ends(&registry, rollout, RolloutPhase::RolledBack).await;
    fleet.all_run("1.0.0").await;
    for given in fleet.given() {
        assert_eq!(given, ["1.0.0", "1.1.0", "1.0.0"]);
    }
}
