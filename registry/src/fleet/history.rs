//! What the fleet ran over time: each minute is counted and kept, so that a page can show it behind a
//! restart. Started by the server.
//! Must never grow beyond its bounds: so many releases a sample, so many samples.

use std::time::Duration;

use tokio::time::sleep;

use super::headcount::{Release, Runs};
use crate::db;
use crate::state::State;

/// Between two samples, milliseconds.
pub(crate) const STEP_MS: u64 = 60_000;
/// For how long each of them is kept; later, one of ten, milliseconds.
pub(crate) const DENSE_MS: u64 = 2 * 3_600_000;
/// Between two samples that are older, milliseconds.
pub(crate) const SPARSE_STEP_MS: u64 = 10 * STEP_MS;
/// How long anything is kept, milliseconds.
pub(crate) const KEPT_MS: u64 = 7 * 86_400_000;

/// Releases that a sample names; the others are counted together.
const RELEASES_MAX: usize = 32;

/// How many nodes ran each release at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Milliseconds since 1970, a multiple of the step.
    pub(crate) at_ms: u64,
    /// Nodes of each release.
    pub(crate) runs: Runs,
}

/// Keeps a sample each minute until the registry stops.
pub(crate) async fn keep(state: State) {
    let mut stopping = state.stopping.clone();
    let keep = async {
        loop {
            sleep(Duration::from_millis(until_next(state.now_ms()))).await;
            let now_ms = state.now_ms();
            let at_ms = now_ms - now_ms % STEP_MS;
            let mut runs = state.fleet.headcount(RELEASES_MAX, 0).runs;
            if runs.is_empty() {
                // A fleet that runs nothing is not a registry that was away.
                runs.insert(Release::default(), 0);
            }
            let kept = state.db.write_own(move |write| {
                Box::pin(async move { db::history::add(write, at_ms, &runs).await })
            });
            if let Err(error) = kept.await {
                let said = format!("what the fleet runs is not kept: {error}");
                state.output.journal(&said);
            }
        }
    };
    tokio::select! {
        () = keep => {}
        _ = stopping.wait_for(|stops| *stops) => {}
    }
}

/// Until the clock shows a full step, milliseconds.
fn until_next(now_ms: u64) -> u64 {
    STEP_MS - now_ms % STEP_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_at_full_minutes() {
        assert_eq!(until_next(0), STEP_MS);
        assert_eq!(until_next(1), STEP_MS - 1);
        assert_eq!(until_next(STEP_MS * 7 - 5), 5);
    }

    #[test]
    fn a_week_is_bounded() {
        let dense = DENSE_MS / STEP_MS;
        let sparse = KEPT_MS / SPARSE_STEP_MS;
        assert!((dense + sparse) * (RELEASES_MAX as u64 + 1) < 40_000);
        assert_eq!(SPARSE_STEP_MS % STEP_MS, 0);
    }
}
