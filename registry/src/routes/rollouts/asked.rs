//! `/rollouts/{rollout}/pause` and the like, and the stream of what a rollout does.
//! Called by operators; the stream by everybody who may read.
//! Must never take a rollout back that its deployment has left behind.

use api::problem::Problem;
use api::registry::{Rollout, RolloutDetail, RolloutPhase};
use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use rollout::Input;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{absent, number, shown};
use crate::access::Who;
use crate::db::{self, Connection, Write};
use crate::fleet::desired::is_of;
use crate::fleet::moving::Moving;
use crate::limits::LIVE_REST;
use crate::rollouts::{self, Asked};
use crate::routes::caller::{Operator, Reader};
use crate::routes::path::Segments;
use crate::routes::refusal::Refusal;
use crate::routes::sse::{self, Source};
use crate::state::State;

/// Lets no further node run the release until it is resumed.
#[utoipa::path(post, path = "/rollouts/{rollout}/pause", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = Rollout),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn pause(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Json<Rollout>, Refusal> {
    let because = format!("{} paused it", who.name);
    let input = Input::Pause { because };
    ask(state, who, &rollout, input, "rollout.pause").await
}

/// Goes on with a rollout that is paused.
#[utoipa::path(post, path = "/rollouts/{rollout}/resume", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = Rollout),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn resume(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Json<Rollout>, Refusal> {
    ask(state, who, &rollout, Input::Resume, "rollout.resume").await
}

/// Passes the gate of its wave, whatever that says, and bears the failures that are there.
#[utoipa::path(post, path = "/rollouts/{rollout}/promote", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = Rollout),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn promote(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Json<Rollout>, Refusal> {
    ask(state, who, &rollout, Input::Promote, "rollout.promote").await
}

/// Ends it; nodes stay with what they run.
#[utoipa::path(post, path = "/rollouts/{rollout}/abort", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = Rollout),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn abort(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Json<Rollout>, Refusal> {
    ask(state, who, &rollout, Input::Abort, "rollout.abort").await
}

/// Takes the release back from every node, also of one that succeeded or was aborted, as long as it
/// is the last of its deployment.
#[utoipa::path(post, path = "/rollouts/{rollout}/rollback", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = Rollout),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn roll_back(
    Operator(who): Operator,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Json<Rollout>, Refusal> {
    let because = format!("{} took it back", who.name);
    let input = Input::RollBack { because };
    ask(state, who, &rollout, input, "rollout.rollback").await
}

async fn ask(
    state: State,
    who: Who,
    rollout: &str,
    input: Input,
    what: &'static str,
) -> Result<Json<Rollout>, Refusal> {
    let number = number(rollout)?;
    let now_ms = state.now_ms();
    state.fleet.caught_up(&state.db).await;
    let kept = state.db.write_as(who.access, now_ms, {
        let state = state.clone();
        move |write| {
            let asked = Asked { input, what };
            Box::pin(async move { keep(write, &state, number, asked, who, now_ms).await })
        }
    });
    let moved = kept.await?;
    state.fleet.caught_up(&state.db).await;
    Ok(Json(rollouts::summary(&state.fleet, &moved, now_ms)))
}

async fn keep(
    write: &mut Write,
    state: &State,
    number: u64,
    asked: Asked,
    who: Who,
    now_ms: u64,
) -> Result<Moving, Refusal> {
    let before = db::rollout::by_number(write, number).await?;
    let before = before.ok_or_else(|| absent(number))?;
    let Asked { input, what } = asked;
    if !before.is_active() && matches!(input, Input::RollBack { .. }) {
        refuse_left_behind(write, &before).await?;
    }
    let decided = state.fleet.with_seen(&before, now_ms, |seen| {
        rollouts::ask(&before, seen, input, now_ms)
    });
    let (next, counts) =
        decided.map_err(|refused| Refusal::conflict("rollout", refused.to_string()))?;
    let who = rollouts::Who::Caller(who);
    let kept = rollouts::keep(write, &before, next, counts, (&who, what), now_ms).await?;
    kept.ok_or_else(|| {
        let detail = "the rollout went on at this moment; look at it and ask again";
        Refusal::conflict("rollout", detail)
    })
}

/// One that has ended is taken back only as long as its nodes are what it made of them.
pub(in crate::routes) async fn refuse_left_behind(
    reader: &mut Connection,
    ended: &Moving,
) -> Result<(), Refusal> {
    let (deployment, number) = (&ended.deployment, ended.number);
    let latest = db::rollout::latest_of(reader, deployment).await?;
    if let Some(latest) = latest.filter(|latest| latest.number != number) {
        let detail = format!(
            "rollout {} of {deployment} came behind it: take that one back",
            latest.number
        );
        return Err(Refusal::conflict("rollout", detail));
    }
    let standing = db::deployment::by_name(reader, deployment).await?;
    let Some(standing) = standing else {
        let detail = format!("there is no deployment {deployment} any more");
        return Err(Refusal::conflict("rollout", detail));
    };
    let succeeded = ended.state.phase == RolloutPhase::Succeeded;
    if succeeded && !is_of(&standing.given, &ended.digest) {
        let detail = format!("the nodes of {deployment} are given something else by now");
        return Err(Refusal::conflict("rollout", detail));
    }
    Ok(())
}

/// Tells the rollout at once, and whenever it or its nodes are different; ends with it.
#[utoipa::path(get, path = "/rollouts/{rollout}/events", tag = "fleet",
    params(("rollout" = u64, Path, description = "The rollout's number")), responses(
    (status = 200, body = RolloutDetail, content_type = "text/event-stream"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(crate) async fn events(
    _: Reader,
    Shared(state): Shared<State>,
    Segments(rollout): Segments<String>,
) -> Result<Response, Refusal> {
    let number = number(&rollout)?;
    let first = shown(&state, number).await?;
    let course = Course {
        changes: state.fleet.changes(),
        state: state.clone(),
        next: Some(first),
        told: None,
        number,
    };
    Ok(sse::stream(course, &state))
}

/// A rollout as it goes on.
struct Course {
    state: State,
    number: u64,
    changes: watch::Receiver<u64>,
    /// What is to be told first.
    next: Option<RolloutDetail>,
    told: Option<RolloutDetail>,
}

impl Source for Course {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(detail) = self.next.take() {
                // A rollout always has a JSON form.
                let text = serde_json::to_string(&detail).unwrap_or_default();
                self.told = Some(detail);
                return Some(format!("event: rollout\ndata: {text}\n\n"));
            }
            let ended = self
                .told
                .as_ref()
                .is_some_and(|told| told.rollout.phase.is_end());
            if ended {
                return None;
            }
            self.changes.changed().await.ok()?;
            sleep(LIVE_REST).await;
            let now = shown(&self.state, self.number).await.ok()?;
            if self.told.as_ref() != Some(&now) {
                self.next = Some(now);
            }
        }
    }
}
