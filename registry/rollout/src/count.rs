//! Nodes of a rollout, counted by where they stand and by what is waited for. Called by the machine
//! for each step. Must never count a node twice.

use api::registry::{RolloutCounts, RolloutPlan};

use crate::compare::Sample;
use crate::machine::State;
use crate::seen::{Runs, Seen, Staged, Stands};

/// Names of nodes that a sentence holds.
const NAMED_MAX: usize = 8;

/// Some nodes, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// How many.
    pub count: u64,
    named: Vec<String>,
}

impl Names {
    fn add(&mut self, node: &str) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(node.to_owned());
        }
    }
}

impl Names {
    /// `1 node`, `2 nodes`.
    pub(crate) fn nodes(&self) -> String {
        match self.count {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        }
    }

    /// One of two words, by how many they are.
    pub(crate) fn verb(&self, of_one: &'static str, of_more: &'static str) -> &'static str {
        if self.count == 1 { of_one } else { of_more }
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.named.join(", "))?;
        let named = u64::try_from(self.named.len()).unwrap_or(u64::MAX);
        match self.count.saturating_sub(named) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// What a step decides by.
#[derive(Debug, Clone, Default)]
pub struct Census {
    /// Nodes by where they stand.
    pub counts: RolloutCounts,
    /// Those whose own keys do not vouch for the release.
    pub untrusted: Names,
    /// Those that refused it, or went back from it.
    pub failed: Names,
    /// They run it and should not any more; those of them that are offline are counted too.
    pub to_go_back: Names,
    /// Those that loaded and verified it, and did not fail since.
    pub able: u64,
    /// Online, may run it, and do, and their watch went well.
    pub proven: u64,
}

/// Counts nodes.
#[must_use]
pub fn count(state: &State, seen: &[Seen<'_>]) -> Census {
    let mut census = Census::default();
    for one in seen {
        let stands = one.stands(state);
        tally(&mut census.counts, stands, one.online);
        if one.runs == Runs::Untrusted || one.staged == Staged::Untrusted {
            census.untrusted.add(one.node);
        }
        if stands == Stands::Failed {
            census.failed.add(one.node);
        }
        if one.is_running() && !one.keeps && !one.place.is_below(state.bound) {
            census.to_go_back.add(one.node);
        }
        census.able += u64::from(one.staged == Staged::Passed && stands != Stands::Failed);
        let is_proven = one.online && one.runs == Runs::Committed && one.is_offered(state.bound);
        census.proven += u64::from(is_proven);
    }
    census
}

/// What the nodes measured that are compared: those that run the release and may, and those that
/// could and may not yet.
pub fn sides<'a>(
    state: &State,
    seen: &'a [Seen<'_>],
) -> (
    impl Iterator<Item = &'a Sample>,
    impl Iterator<Item = &'a Sample>,
) {
    let bound = state.bound;
    let measured = |one: &'a Seen<'_>| one.sample.as_ref().filter(|_| one.online);
    let new = seen
        .iter()
        .filter(move |one| one.is_running() && one.is_offered(bound));
    let others = seen.iter().filter(move |one| {
        one.runs == Runs::Other && one.staged == Staged::Passed && !one.is_offered(bound)
    });
    (new.filter_map(measured), others.filter_map(measured))
}

/// What nodes are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// To say whether they can run it.
    Staging,
    /// To run it.
    Running,
    /// To run it and to have watched it.
    Committing,
}

/// Who has not done what is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// How many still have time, of those that were there from the beginning.
    pub(crate) awaited: u64,
    /// Those whose time is over.
    pub(crate) silent: Names,
}

/// Who has not done what is due within `allowed_ms` since `begun_ms`, or since they came.
pub(crate) fn waiting(
    state: &State,
    seen: &[Seen<'_>],
    due: Due,
    (begun_ms, allowed_ms): (u64, u64),
    now_ms: u64,
) -> Waiting {
    let mut waiting = Waiting::default();
    for one in seen {
        // One that was not heard since the wave began knows nothing of it, and joins later.
        let is_in = one.online || one.heard_ms >= state.wave_since_ms;
        let is_open = match (due, one.runs) {
            (Due::Staging, _) => one.online && one.staged == Staged::NotYet,
            (Due::Running, Runs::Other) | (Due::Committing, Runs::Other | Runs::Watched) => {
                is_in && one.is_offered(state.bound)
            }
            (Due::Running, Runs::Watched)
            | (_, Runs::Committed | Runs::Failed | Runs::Untrusted) => false,
        };
        if !is_open {
            continue;
        }
        let since_ms = begun_ms.max(one.joined_ms.unwrap_or(begun_ms));
        if now_ms >= since_ms.saturating_add(allowed_ms) {
            waiting.silent.add(one.node);
        } else if one.joined_ms.is_none() {
            waiting.awaited += 1;
        }
    }
    waiting
}

fn tally(counts: &mut RolloutCounts, stands: Stands, online: bool) {
    counts.nodes += 1;
    counts.online += u64::from(online);
    let place = match stands {
        Stands::Outside => &mut counts.outside,
        Stands::Staged => &mut counts.staged,
        Stands::Offered => &mut counts.offered,
        Stands::Live => &mut counts.live,
        Stands::Committed => &mut counts.committed,
        Stands::Incompatible => &mut counts.incompatible,
        Stands::Failed => &mut counts.failed,
    };
    *place += 1;
}

/// Nodes of each wave that are not of the one before, by the bounds that waves had or, in percent,
/// will have.
#[must_use]
pub fn count_by_wave(state: &State, plan: &RolloutPlan, seen: &[Seen<'_>]) -> Vec<RolloutCounts> {
    let bounds = state.bounds_of(plan);
    let mut waves = vec![RolloutCounts::default(); bounds.len()];
    for one in seen {
        if let Some(wave) = one.place.wave(&bounds).and_then(|wave| waves.get_mut(wave)) {
            tally(wave, one.stands(state), one.online);
        }
    }
    waves
}
