//! One rollout, as its page shows it: where its waves stand, what its gate says, why nodes failed.
//! Called by the route of that page.
//! Must never hold markup, nor call a figure good that has too few samples.

use api::registry::{
    Compared, FailureGroup, OutcomeKind, RolloutDetail, RolloutNode, RolloutPhase, Transition,
};
use rollout::most;

use super::bar::{Bar, by_stand};
use super::chart::{title, value};
use super::plan::{PlanView, reach};
use super::row::{Phase, RolloutRow};
use crate::page::format::{Moment, grouped, moment, nodes_text};
use crate::page::visible::visible;

/// Transitions that are shown at once; the others are folded.
const STEPS_SHOWN: usize = 12;

/// One rollout.
#[derive(Debug)]
pub(crate) struct RolloutView {
    pub(crate) row: RolloutRow,
    pub(crate) digest: String,
    pub(crate) revision: u64,
    /// What does the same on a command line, each with its id.
    pub(crate) commands: Vec<(&'static str, String)>,
    pub(crate) plan: PlanView,
    pub(crate) track: Bar,
    pub(crate) waves: Vec<WaveRow>,
    pub(crate) total: WaveRow,
    pub(crate) verdict: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) steps: Vec<Step>,
    pub(crate) older_steps: Vec<Step>,
}

/// One wave, or all of them.
#[derive(Debug)]
pub(crate) struct WaveRow {
    pub(crate) name: String,
    pub(crate) reach: String,
    pub(crate) stands: String,
    pub(crate) is_now: bool,
    pub(crate) nodes: String,
    /// By where they stand, each with its word.
    pub(crate) cells: Vec<(&'static str, String)>,
}

/// One figure that the gate compares.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) title: &'static str,
    pub(crate) new: String,
    pub(crate) others: String,
    pub(crate) most: String,
    pub(crate) samples: String,
    pub(crate) says: &'static str,
    pub(crate) tone: &'static str,
}

/// Nodes that failed for one reason.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) because: String,
    pub(crate) staging: bool,
    pub(crate) log: Option<String>,
    pub(crate) count: String,
    pub(crate) kernels: Vec<(String, String)>,
    pub(crate) nodes: Vec<String>,
    pub(crate) more: u64,
}

/// One transition.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) at: Moment,
    pub(crate) who: String,
    pub(crate) phase: Phase,
    pub(crate) wave: u32,
    pub(crate) because: String,
}

/// A node of it.
#[derive(Debug)]
pub(crate) struct NodeRow {
    pub(crate) node: String,
    pub(crate) wave: String,
    pub(crate) stands: String,
    pub(crate) online: bool,
    pub(crate) kernel: String,
    pub(crate) because: String,
}

impl RolloutView {
    /// Of all that is known of one.
    pub(crate) fn of(detail: RolloutDetail, now_ms: u64) -> Self {
        let verdict = verdict(&detail);
        let figures = detail.compared.iter().map(|one| figure(one, &detail));
        let mut steps: Vec<Step> = detail
            .timeline
            .iter()
            .rev()
            .map(|one| step(one, now_ms))
            .collect();
        let older_steps = steps.split_off(steps.len().min(STEPS_SHOWN));
        let total = WaveRow {
            name: "All".to_owned(),
            reach: String::new(),
            stands: String::new(),
            is_now: false,
            nodes: grouped(detail.rollout.counts.nodes),
            cells: cells(by_stand(&detail.rollout.counts)),
        };
        Self {
            digest: detail.rollout.digest.clone(),
            revision: detail.rollout.revision,
            commands: commands(&detail),
            plan: PlanView::of(&detail.plan),
            track: Bar::track(&detail.waves),
            waves: waves(&detail),
            total,
            verdict,
            figures: figures.collect(),
            failures: detail.failures.iter().map(Failure::of).collect(),
            steps,
            older_steps,
            row: RolloutRow::of(detail.rollout, now_ms),
        }
    }
}

fn commands(detail: &RolloutDetail) -> Vec<(&'static str, String)> {
    let number = detail.rollout.rollout;
    let status = ("status", format!("packer rollout status {number} --nodes"));
    if detail.rollout.phase.is_end() {
        return vec![status];
    }
    vec![("watch", format!("packer rollout watch {number}")), status]
}

fn cells(stand: [(&'static str, u64); 7]) -> Vec<(&'static str, String)> {
    let cells = stand.into_iter();
    cells
        .map(|(stands, count)| (stands, grouped(count)))
        .collect()
}

fn waves(detail: &RolloutDetail) -> Vec<WaveRow> {
    let at = detail.rollout.wave as usize;
    let planned = detail.plan.waves.iter().zip(&detail.waves).enumerate();
    planned
        .map(|(index, (wave, counts))| WaveRow {
            name: format!("{}", index + 1),
            reach: reach(wave.reach),
            stands: stands(detail, index + 1),
            is_now: index + 1 == at && !detail.rollout.phase.is_end(),
            nodes: grouped(counts.nodes),
            cells: cells(by_stand(counts)),
        })
        .collect()
}

/// Where a wave stands, in a word.
fn stands(detail: &RolloutDetail, number: usize) -> String {
    let at = detail.rollout.wave as usize;
    let began = number <= at;
    let word = match detail.rollout.phase {
        RolloutPhase::RollingBack | RolloutPhase::RolledBack | RolloutPhase::Incomplete
            if began =>
        {
            "taken back"
        }
        _ if began && number < at => "passed",
        RolloutPhase::Succeeded if began => "passed",
        RolloutPhase::Deploying if began => "deploying",
        RolloutPhase::Baking if began => "baking",
        RolloutPhase::Gate if began => "at the gate",
        RolloutPhase::Aborted | RolloutPhase::Superseded if began => "stopped",
        phase if phase.is_end() => "never began",
        _ => "to come",
    };
    word.to_owned()
}

fn figure(one: &Compared, detail: &RolloutDetail) -> Figure {
    let name = one.figure.as_str();
    let shown = |found: f64, samples: u64| {
        let found = (samples > 0).then(|| value(name, found));
        found.unwrap_or_else(|| "not measured".to_owned())
    };
    let (says, tone) = match one.passes {
        Some(true) => ("within its bound", "good"),
        Some(false) => ("beyond its bound", "bad"),
        None => ("too few samples", "warn"),
    };
    let most = most(name, one.others, &detail.plan.compare).filter(|_| one.others_samples > 0);
    Figure {
        title: title(name),
        new: shown(one.new, one.new_samples),
        others: shown(one.others, one.others_samples),
        most: most.map_or_else(|| "not known".to_owned(), |most| value(name, most)),
        samples: format!(
            "{} and {}",
            grouped(one.new_samples),
            grouped(one.others_samples)
        ),
        says,
        tone,
    }
}

/// What the gate says, in a sentence.
fn verdict(detail: &RolloutDetail) -> String {
    let (compared, bounds) = (&detail.compared, &detail.plan.compare);
    let to = &detail.rollout.to;
    if detail.rollout.phase.is_end() {
        return "It has ended: its gates decide nothing any more.".to_owned();
    }
    let said = |one: &Compared, rule: &str| {
        let name = one.figure.as_str();
        format!(
            "{}: {} on nodes with {to}, {} on the others, {rule}.",
            title(name),
            value(name, one.new),
            value(name, one.others)
        )
    };
    if let Some(failed) = compared.iter().find(|one| one.passes == Some(false)) {
        let most = most(&failed.figure, failed.others, bounds);
        let most = most.map_or_else(String::new, |most| value(&failed.figure, most));
        let rule = format!("and at most {most} is allowed");
        return format!("The gate would fail. {}", said(failed, &rule));
    }
    if let Some(open) = compared.iter().find(|one| one.passes.is_none()) {
        let rule = format!(
            "from {} and {} samples where {} are needed on both sides",
            grouped(open.new_samples),
            grouped(open.others_samples),
            grouped(bounds.samples_min)
        );
        return format!("The gate can't be decided yet. {}", said(open, &rule));
    }
    match (compared.len(), detail.rollout.wave) {
        (0, 0) => format!("No node runs {to} yet: there is nothing to compare."),
        (0, _) => {
            "Nothing is compared: nobody is left to compare with, or nobody measured anything, \
                   or no figure has a bound."
                .to_owned()
        }
        (1, _) => "The gate would pass: the one figure is within its bound.".to_owned(),
        (count, _) => format!("The gate would pass: all {count} figures are within their bounds."),
    }
}

/// What became of something, for people.
pub(super) fn outcome(kind: OutcomeKind) -> String {
    kind.word().replace('_', " ")
}

impl Failure {
    /// Of nodes that failed alike.
    pub(crate) fn of(group: &FailureGroup) -> Self {
        let count: u64 = group.kernels.values().sum();
        let named = u64::try_from(group.nodes.len()).unwrap_or(u64::MAX);
        let kernels = group.kernels.iter();
        Self {
            kind: outcome(group.kind),
            because: visible(&group.because),
            staging: group.staging,
            log: group.log.as_deref().map(visible),
            count: nodes_text(count),
            kernels: kernels
                .map(|(kernel, count)| (visible(kernel), grouped(*count)))
                .collect(),
            nodes: group.nodes.clone(),
            more: count.saturating_sub(named),
        }
    }
}

fn step(one: &Transition, now_ms: u64) -> Step {
    Step {
        at: moment(one.at_ms, now_ms),
        who: one.who.clone(),
        phase: Phase::of(one.phase, false),
        wave: one.wave,
        because: visible(&one.because),
    }
}

impl NodeRow {
    /// Of a node of a rollout.
    pub(crate) fn of(node: RolloutNode) -> Self {
        let wave = node.wave.map(|wave| wave.to_string());
        Self {
            node: node.node,
            wave: wave.unwrap_or_else(|| "not known yet".to_owned()),
            stands: node.stands,
            online: node.online,
            kernel: visible(&node.kernel),
            because: visible(&node.because),
        }
    }
}

#[cfg(test)]
#[path = "one/tests.rs"]
mod tests;
