//! Rollouts in the words of the API. Called by the routes.
//! Must never show of a node what it did not tell, nor a log longer than what is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::registry::{
    Compared, FailureGroup, KernelOutcome, OutcomeKind, Rollout, RolloutCounts, RolloutDetail,
    RolloutNode, Transition,
};
use rollout::{Seen, Staged, State, compare, count, count_by_wave, sides};

use super::ended::Kept;
use super::transition::because;
use crate::fleet::moving::{Mark, Marks, Moving};
use crate::fleet::{Fleet, Sight, is_refusal};

/// Nodes of one group that are named.
const NAMED_MAX: usize = 16;
/// Groups of failures.
const GROUPS_MAX: usize = 64;
/// Rows of the matrix.
const KERNELS_MAX: usize = 256;

/// How many nodes came to an outcome, by kernel and its word.
type Matrix<'a> = BTreeMap<(&'a str, Option<&'static str>), (Option<OutcomeKind>, u64)>;

/// What nodes told of a rollout: the fleet knows it as long as that goes on.
#[derive(Debug)]
pub(crate) enum Told {
    /// It is to be looked up where it is needed: ten thousand nodes are not copied.
    ByFleet,
    /// As it was kept, by name.
    Kept(Arc<Kept>),
}

impl Told {
    fn all<'a>(&'a self, sight: &Sight<'a>, rollout: u64) -> Vec<(&'a str, &'a Marks)> {
        match self {
            Self::ByFleet => sight.all_told(rollout).collect(),
            Self::Kept(told) => {
                let told = told.iter();
                told.map(|(node, marks)| (node.as_str(), marks)).collect()
            }
        }
    }

    fn of<'a>(&'a self, sight: &Sight<'a>, rollout: u64, node: &str) -> Option<&'a Marks> {
        match self {
            Self::ByFleet => sight.told(node, rollout),
            Self::Kept(told) => told.get(node),
        }
    }
}

/// A rollout as lists show it.
pub(crate) fn summary(fleet: &Fleet, moving: &Moving, now_ms: u64) -> Rollout {
    let count_now = |seen: &[Seen<'_>]| count(&moving.state, seen).counts;
    let counts = moving.counts;
    let counts = counts.unwrap_or_else(|| fleet.with_seen(moving, now_ms, count_now));
    shown(moving, counts)
}

/// The same, where its nodes were counted a moment ago.
pub(crate) fn summary_of(moving: &Moving, counts: RolloutCounts) -> Rollout {
    shown(moving, moving.counts.unwrap_or(counts))
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

/// All of one.
pub(crate) fn detail(
    fleet: &Fleet,
    moving: &Moving,
    told: &Told,
    timeline: Vec<Transition>,
    now_ms: u64,
) -> RolloutDetail {
    fleet.with_sight(moving, now_ms, |sight| {
        let seen = sight.seen.as_slice();
        let counts = moving.counts;
        let counts = counts.unwrap_or_else(|| count(&moving.state, seen).counts);
        let all_told = told.all(sight, moving.number);
        RolloutDetail {
            rollout: shown(moving, counts),
            plan: moving.plan.clone(),
            salt: moving.salt.clone(),
            waves: count_by_wave(&moving.state, &moving.plan, seen),
            preflight: preflight(sight, moving, told, &all_told),
            failures: failures(sight, &all_told),
            compared: figures(moving, seen),
            timeline,
        }
    })
}

fn preflight(
    sight: &Sight<'_>,
    moving: &Moving,
    told: &Told,
    all_told: &[(&str, &Marks)],
) -> Vec<KernelOutcome> {
    let mut matrix = Matrix::new();
    let mut enter = |node: &str, kind: Option<OutcomeKind>| {
        let row = (sight.kernel(node), kind.map(OutcomeKind::word));
        if matrix.contains_key(&row) || matrix.len() < KERNELS_MAX {
            matrix.entry(row).or_insert((kind, 0)).1 += 1;
        }
    };
    for (node, marks) in all_told {
        if let Some(mark) = &marks.staged {
            enter(node, Some(mark.kind));
        }
    }
    if moving.stages() {
        let silent = sight.seen.iter().filter(|one| one.staged == Staged::NotYet);
        for one in silent {
            if told.of(sight, moving.number, one.node).is_none() {
                enter(one.node, None);
            }
        }
    }
    let rows = matrix.into_iter();
    rows.map(|((kernel, _), (outcome, nodes))| KernelOutcome {
        kernel: kernel.to_owned(),
        outcome,
        nodes,
    })
    .collect()
}

/// What its gate compares, as it is now.
pub(crate) fn figures(moving: &Moving, seen: &[Seen<'_>]) -> Vec<Compared> {
    let (new, others) = sides(&moving.state, seen);
    compare(new, others, &moving.plan.compare)
}

fn failures(sight: &Sight<'_>, told: &[(&str, &Marks)]) -> Vec<FailureGroup> {
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
            let kernel = sight.kernel(node);
            match group.kernels.get_mut(kernel) {
                Some(nodes) => *nodes += 1,
                None => {
                    group.kernels.insert(kernel.to_owned(), 1);
                }
            }
            if group.nodes.len() < NAMED_MAX {
                group.nodes.push((*node).to_owned());
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

/// Which of its nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Those behind this name.
    pub(crate) after: &'a str,
    /// Those that stand so.
    pub(crate) stands: Option<&'a str>,
    /// At most so many.
    pub(crate) limit: u32,
}

/// Its nodes that are asked for, by name.
pub(crate) fn nodes(
    fleet: &Fleet,
    moving: &Moving,
    told: &Told,
    rows: Rows<'_>,
    now_ms: u64,
) -> Vec<RolloutNode> {
    let bounds = moving.state.bounds_of(&moving.plan);
    let limit = usize::try_from(rows.limit).unwrap_or(usize::MAX);
    let because = |marks: &Marks| {
        let ran = marks.ran.as_ref().filter(|mark| is_failure(mark));
        let mark = ran.or(marks.staged.as_ref().filter(|mark| is_failure(mark)))?;
        Some(mark.because.clone())
    };
    fleet.with_sight(moving, now_ms, |sight| {
        let row = |one: &Seen<'_>| RolloutNode {
            node: one.node.to_owned(),
            wave: one.place.wave(&bounds).map(|index| narrow(index + 1)),
            stands: one.stands(&moving.state).word().to_owned(),
            online: one.online,
            kernel: sight.kernel(one.node).to_owned(),
            because: told
                .of(sight, moving.number, one.node)
                .and_then(because)
                .unwrap_or_default(),
        };
        let stands = |one: &&Seen<'_>| {
            let word = one.stands(&moving.state).word();
            rows.stands.is_none_or(|asked| asked == word)
        };
        let behind = sight.seen.iter().filter(|one| one.node > rows.after);
        behind.filter(stands).take(limit).map(row).collect()
    })
}
