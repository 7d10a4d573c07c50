//! A rollout as people see it: where it stands, its waves, its gate, its preflight, what failed, and
//! what can be typed next. Called by `view` for each change, and by `status`.
//! Pure. Must never be wider than the terminal.

use api::registry::{RolloutDetail, RolloutPhase, Wave};

use super::paper::Paper;
use super::{failures, figures, matrix, track, words};
use crate::moment;
use crate::table::nodes;

/// Lines of each verifier's log.
const LOG_LINES: usize = 4;
/// Up to here a time is told in seconds.
const SECONDS_MS_MAX: u64 = 120_000;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// All but what can be typed.
    pub(super) body: Vec<String>,
    /// What can be typed.
    pub(super) next: Vec<String>,
}

impl Picture {
    /// Draws one of so many letters a line.
    pub(super) fn of(detail: &RolloutDetail, now_ms: u64, columns: usize) -> Self {
        let mut paper = Paper::of(columns);
        head(&mut paper, detail, now_ms);
        paper.gap();
        track::draw(&mut paper, detail);
        let rollout = &detail.rollout;
        if rollout.phase != RolloutPhase::Preflight {
            figures::draw(&mut paper, detail);
        }
        // Once waves began its failures are told below.
        if rollout.wave == 0 {
            matrix::draw(&mut paper, &detail.preflight);
        }
        failures::draw(&mut paper, detail, LOG_LINES);
        Self {
            body: paper.into_lines(),
            next: next(detail, columns),
        }
    }

    /// With something to know before the rest.
    pub(super) fn noted(mut self, note: &str, columns: usize) -> Self {
        let mut paper = Paper::of(columns);
        paper.prose("! ", note);
        paper.gap();
        let mut body = paper.into_lines();
        body.append(&mut self.body);
        Self { body, ..self }
    }

    /// All of it.
    pub(super) fn whole(self) -> Vec<String> {
        let mut lines = self.body;
        if !self.next.is_empty() {
            lines.push(String::new());
        }
        lines.extend(self.next);
        lines
    }

    /// As much of it as so many lines hold: what can be typed goes before details.
    pub(super) fn within(mut self, lines: usize) -> Vec<String> {
        let tail = match self.next.len() {
            0 => 0,
            next => next + 1,
        };
        let room = lines.saturating_sub(tail);
        let found = self.body.len();
        if found > room {
            self.body.truncate(room.saturating_sub(1));
            let more = found - self.body.len();
            self.body.push(format!("… {more} lines more"));
        }
        let mut whole = self.whole();
        whole.truncate(lines);
        whole
    }
}

fn head(paper: &mut Paper, detail: &RolloutDetail, now_ms: u64) {
    let rollout = &detail.rollout;
    let (number, deployment) = (rollout.rollout, &rollout.deployment);
    let what = format!("{} {}", rollout.payload, words::moves(rollout));
    paper.prose("", &format!("rollout {number} of {deployment}: {what}"));
    let mut stands = words::stands(rollout);
    if let Some(time) = time(detail, now_ms) {
        stands.push_str(", ");
        stands.push_str(&time);
    }
    paper.prose("", &stands);
    paper.prose("  ", words::because(rollout));
    let counts = &rollout.counts;
    let away = counts.nodes.saturating_sub(counts.online);
    if away > 0 {
        let told = format!("{}, {away} of them away", nodes(counts.nodes));
        paper.line(&format!("  {told}"));
    }
    if let Some(flip_at_ms) = detail.plan.flip_at_ms.filter(|_| !rollout.phase.is_end()) {
        let (at, when) = (
            moment::utc(flip_at_ms),
            moment::relative(now_ms, flip_at_ms),
        );
        paper.prose("  ", &format!("all nodes take over at {at}, {when}"));
    }
}

/// How long the phase lasts, and may.
fn time(detail: &RolloutDetail, now_ms: u64) -> Option<String> {
    let rollout = &detail.rollout;
    let lasts = short(now_ms.saturating_sub(rollout.since_ms));
    let most = |ms| Some(format!("{lasts} of at most {}", short(ms)));
    let since = || Some(moment::relative(now_ms, rollout.changed_ms));
    if rollout.paused.is_some() {
        return since();
    }
    let wave: Option<&Wave> = usize::try_from(rollout.wave)
        .ok()
        .and_then(|wave| detail.plan.waves.get(wave.checked_sub(1)?));
    match rollout.phase {
        RolloutPhase::Scheduled => {
            let (at, when) = (rollout.since_ms, moment::relative(now_ms, rollout.since_ms));
            Some(format!("begins at {}, {when}", moment::utc(at)))
        }
        RolloutPhase::Preflight => most(detail.plan.preflight_ms),
        RolloutPhase::Deploying if detail.plan.flip_at_ms.is_some() => None,
        RolloutPhase::Deploying => most(wave?.deadline_ms),
        RolloutPhase::Baking => Some(format!("{lasts} of {}", short(wave?.bake_ms))),
        RolloutPhase::Gate | RolloutPhase::RollingBack => Some(format!("for {lasts}")),
        RolloutPhase::Succeeded
        | RolloutPhase::Rejected
        | RolloutPhase::RolledBack
        | RolloutPhase::Incomplete
        | RolloutPhase::Aborted
        | RolloutPhase::Superseded => since(),
    }
}

/// In seconds as long as that is easy to read, so that they can be seen to pass.
fn short(ms: u64) -> String {
    match ms {
        0..=SECONDS_MS_MAX => format!("{} s", ms / 1000),
        _ => moment::span(ms),
    }
}

/// The commands, each with what it does where there is room.
fn next(detail: &RolloutDetail, columns: usize) -> Vec<String> {
    let number = detail.rollout.rollout;
    let steps = words::next_steps(&detail.rollout);
    let command = |step: &str| format!("packer rollout {step} {number}");
    let widest = steps.iter().map(|(step, _)| command(step).len()).max();
    let widest = widest.unwrap_or(0);
    let mut paper = Paper::of(columns);
    for (step, does) in steps {
        let command = command(step);
        let told = format!("{command:<widest$}  {does}");
        let fits = told.chars().count() <= paper.columns();
        paper.line(if fits { &told } else { &command });
    }
    paper.into_lines()
}

#[cfg(test)]
#[path = "picture/tests.rs"]
mod tests;
