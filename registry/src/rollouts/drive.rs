//! The task that lets rollouts go on: whenever nodes told something, and every second. Started by the
//! server. Must never keep a transition from a view of the fleet that is older than the rollout.

use std::sync::Arc;
use std::time::Duration;

use api::registry::RolloutPhase;
use rollout::Input;
use tokio::time::{sleep, timeout};

use super::shown::figures;
use super::transition::{Who, ask, keep};
use super::trend::Point;
use crate::db::DbError;
use crate::fleet::moving::Moving;
use crate::state::State;

/// How long a rollout may be without a look at its clock.
const EVERY: Duration = Duration::from_secs(1);
/// How long reports are gathered: ten thousand nodes tell at once.
const GATHER: Duration = Duration::from_millis(30);

/// A registry that was away for less did not keep nodes from telling in time, milliseconds.
const AWAY_MS_MIN: u64 = 10_000;

/// Drives every rollout until the registry stops.
pub(crate) async fn drive(state: State) {
    let mut stopping = state.stopping.clone();
    let mut changes = state.fleet.changes();
    let drive = async {
        let mut starts = true;
        loop {
            changes.borrow_and_update();
            for moving in state.fleet.moving() {
                let was_away = state.now_ms().saturating_sub(moving.changed_ms) >= AWAY_MS_MIN;
                let tick = if starts && was_away {
                    Input::Started
                } else {
                    Input::Tick
                };
                if let Err(error) = advance(&state, moving, tick).await {
                    let said = format!("a rollout does not go on: {error}");
                    state.output.journal(&said);
                }
            }
            starts = false;
            if let Ok(Err(_)) = timeout(EVERY, changes.changed()).await {
                return;
            }
            sleep(GATHER).await;
        }
    };
    tokio::select! {
        () = drive => {}
        _ = stopping.wait_for(|stops| *stops) => {}
    }
}

/// One step of one rollout. Where somebody else was faster, or it went on meanwhile, the next look
/// sees that.
async fn advance(state: &State, moving: Arc<Moving>, tick: Input) -> Result<(), DbError> {
    let now_ms = state.now_ms();
    let input = match &moving.given {
        Err(void) if moving.state.phase != RolloutPhase::RollingBack => Input::RollBack {
            because: format!("its release may not run any more: {void}"),
        },
        Ok(_) | Err(_) => tick,
    };
    let (number, due) = (moving.number, state.trends.is_due(moving.number, now_ms));
    let (decided, point) = state.fleet.with_seen(&moving, now_ms, |seen| {
        let point = due.then(|| Point::of(now_ms, &figures(&moving, seen)));
        (ask(&moving, seen, input, now_ms), point)
    });
    // A tick is never refused, and a rollout that has not ended can be taken back.
    let Ok((next, counts)) = decided else {
        return Ok(());
    };
    state.trends.add(number, counts, point, now_ms);
    if next == moving.state {
        return Ok(());
    }
    let kept = state.db.write_own(move |write| {
        Box::pin(async move {
            let who = (&Who::Registry, "rollout.advance");
            keep(write, &moving, next, counts, who, now_ms).await
        })
    });
    if let Some(moved) = kept.await? {
        let Moving {
            number, deployment, ..
        } = &moved;
        let phase = moved.state.phase.word();
        let because = super::transition::because(&moved.state);
        state.output.journal(&format!(
            "rollout {number} of {deployment}: {phase}: {because}"
        ));
    }
    state.fleet.caught_up(&state.db).await;
    Ok(())
}
