//! Rollouts in the words of the API. Called by the routes.
//! Must never show of a node what it did not tell, nor a log longer than what is kept.

use std::collections::BTreeMap;

use api::registry::{
    Compared, FailureGroup, KernelOutcome, OutcomeKind, Rollout, RolloutCounts, RolloutDetail,
    RolloutNode, Transition,
};
use rollout::{Seen, State, compare, count, count_by_wave, sides};

use super::transition::because;
use crate::fleet::moving::{Mark, Marks, Moving};
use crate::fleet::{Fleet, is_refusal};

/// Nodes of one group that are named.
const NAMED_MAX: usize = 16;
/// Groups of failures.
const GROUPS_MAX: usize = 64;
/// Rows of the matrix.
const KERNELS_MAX: usize = 256;

/// How many nodes came to an outcome, by kernel and its word.
type Matrix = BTreeMap<(String, Option<&'static str>), (Option<OutcomeKind>, u64)>;

/// A rollout as lists show it.
pub(crate) fn summary(fleet: &Fleet, moving: &Moving, now_ms: u64) -> Rollout {
    let count_now = |seen: &[Seen<'_>]| count(&moving.state, seen).counts;
    let counts = moving.counts;
    let counts = counts.unwrap_or_else(|| fleet.with_seen(moving, now_ms, count_now));
    shown(moving, counts)
}

fn shown(moving: &Moving, counts: RolloutCounts) -> Rollout {
    let State { phase, paused, .. } = &moving.state;
    Rollout {
        rollout: moving.number,
        deployment: moving.deployment.clone(),
        payload: moving.payload.clone(),
        from: moving.from_version.clone(),
        to: moving.version.clone(),
        digest: moving.digest.clone(),
        phase: *phase,
        since_ms: moving.state.since_ms,
        paused: paused.as_ref().map(|pause| pause.because.clone()),
        wave: narrow(moving.state.wave()),
        waves: narrow(moving.plan.waves.len()),
        because: because(&moving.state).to_owned(),
        counts,
        created_ms: moving.created_ms,
        created_by: moving.created_by.clone(),
        changed_ms: moving.changed_ms,
        revision: moving.revision,
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// All of one. `told` is what nodes told of it, by name.
pub(crate) fn detail(
    fleet: &Fleet,
    moving: &Moving,
    told: &BTreeMap<String, Marks>,
    timeline: Vec<Transition>,
    now_ms: u64,
) -> RolloutDetail {
    let kernels = fleet.kernels();
    let kernel = |node: &str| kernels.get(node).cloned().unwrap_or_default();
    let (rollout, waves, compared, silent) = fleet.with_seen(moving, now_ms, |seen| {
        let counts = moving.counts;
        let counts = counts.unwrap_or_else(|| count(&moving.state, seen).counts);
        let waves = count_by_wave(&moving.state, &moving.plan, seen);
        let silent = seen
            .iter()
            .filter(|one| one.staged == rollout::Staged::NotYet);
        let silent: Vec<String> = silent.map(|one| one.node.to_owned()).collect();
        (shown(moving, counts), waves, figures(moving, seen), silent)
    });
    let mut matrix = Matrix::new();
    let mut enter = |node: &str, kind: Option<OutcomeKind>| {
        let row = (kernel(node), kind.map(OutcomeKind::word));
        if matrix.contains_key(&row) || matrix.len() < KERNELS_MAX {
            matrix.entry(row).or_insert((kind, 0)).1 += 1;
        }
    };
    for (node, marks) in told {
        if let Some(mark) = &marks.staged {
            enter(node, Some(mark.kind));
        }
    }
    if moving.stages() {
        for node in silent.iter().filter(|node| !told.contains_key(*node)) {
            enter(node, None);
        }
    }
    let preflight = matrix
        .into_iter()
        .map(|((kernel, _), (outcome, nodes))| KernelOutcome {
            kernel,
            outcome,
            nodes,
        });
    RolloutDetail {
        rollout,
        plan: moving.plan.clone(),
        salt: moving.salt.clone(),
        waves,
        preflight: preflight.collect(),
        failures: failures(told, kernel),
        compared,
        timeline,
    }
}

fn figures(moving: &Moving, seen: &[Seen<'_>]) -> Vec<Compared> {
    let (new, others) = sides(&moving.state, seen);
    compare(new, others, &moving.plan.compare)
}

fn failures(told: &BTreeMap<String, Marks>, kernel: impl Fn(&str) -> String) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<(&str, &str, bool), FailureGroup> = BTreeMap::new();
    for (node, marks) in told {
        for (mark, staging) in [(&marks.staged, true), (&marks.ran, false)] {
            let Some(mark) = mark.as_ref().filter(|mark| is_failure(mark)) else {
                continue;
            };
            let row = (mark.kind.word(), mark.because.as_str(), staging);
            if !groups.contains_key(&row) && groups.len() >= GROUPS_MAX {
                continue;
            }
            let group = groups.entry(row).or_insert_with(|| FailureGroup {
                kind: mark.kind,
                because: mark.because.clone(),
                log: mark.log.clone(),
                staging,
                kernels: BTreeMap::new(),
                nodes: Vec::new(),
            });
            *group.kernels.entry(kernel(node)).or_default() += 1;
            if group.nodes.len() < NAMED_MAX {
                group.nodes.push(node.clone());
            }
        }
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.kernels.values().sum::<u64>()));
    groups
}

fn is_failure(mark: &Mark) -> bool {
    let is_tried_again = matches!(mark.kind, OutcomeKind::FetchFailed | OutcomeKind::Failed);
    is_tried_again || is_refusal(mark.kind)
}

/// Its nodes behind `after`, by name, at most `limit`.
pub(crate) fn nodes(
    fleet: &Fleet,
    moving: &Moving,
    told: &BTreeMap<String, Marks>,
    (after, limit): (&str, u32),
    now_ms: u64,
) -> Vec<RolloutNode> {
    let kernels = fleet.kernels();
    let bounds = moving.state.bounds_of(&moving.plan);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let because = |node: &str| {
        let marks = told.get(node)?;
        let ran = marks.ran.as_ref().filter(|mark| is_failure(mark));
        let mark = ran.or(marks.staged.as_ref().filter(|mark| is_failure(mark)))?;
        Some(mark.because.clone())
    };
    let row = |one: &Seen<'_>| RolloutNode {
        node: one.node.to_owned(),
        wave: one.place.wave(&bounds).map(|index| narrow(index + 1)),
        stands: one.stands(moving.state.bound).word().to_owned(),
        online: one.online,
        kernel: kernels.get(one.node).cloned().unwrap_or_default(),
        because: because(one.node).unwrap_or_default(),
    };
    fleet.with_seen(moving, now_ms, |seen| {
        let behind = seen.iter().filter(|one| one.node > after);
        behind.take(limit).map(row).collect()
    })
}
