//! What the tests of rollouts wait for. Must never wait without end.

use std::time::Duration;

use api::registry::{Rollout, RolloutDetail, RolloutPhase};
use tokio::time::{sleep, timeout};

use super::actor::LOOK;
use crate::fleet::harness::Registry;

/// How long a test waits for what is to come.
const PATIENCE: Duration = Duration::from_mins(1);
/// Waits for something.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(LOOK).await;
        }
    };
    assert!(
        timeout(PATIENCE, wait).await.is_ok(),
        "waiting until {what}"
    );
}

/// Waits until a rollout stands so.
pub(crate) async fn stands(
    registry: &Registry,
    rollout: u64,
    what: &str,
    is_so: impl Fn(&Rollout) -> bool,
) -> RolloutDetail {
    let client = registry.admin();
    let wait = async {
        loop {
            let detail = client.rollout(rollout).await.unwrap();
            if is_so(&detail.rollout) {
                return detail;
            }
            sleep(LOOK).await;
        }
    };
    if let Ok(detail) = timeout(PATIENCE, wait).await {
        return detail;
    }
    panic!("{what}: {:#?}", client.rollout(rollout).await);
}

/// Whether its wave is well and waits for a person.
pub(crate) fn awaits_promotion(rollout: &Rollout) -> bool {
    rollout.because.contains("promote")
}

/// Whether it is paused.
pub(crate) fn is_paused(rollout: &Rollout) -> bool {
    rollout.paused.is_some()
}

/// Waits until it has ended, and how.
pub(crate) async fn ends(registry: &Registry, rollout: u64, how: RolloutPhase) -> RolloutDetail {
    let detail = stands(registry, rollout, "it ends", |one| one.phase.is_end()).await;
    assert_eq!(detail.rollout.phase, how, "{detail:#?}");
    detail
}
