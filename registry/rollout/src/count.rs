//! Nodes of a rollout, counted by where they stand and by what is waited for. Called by the machine
//! for each step. Must never count a node twice.

use api::registry::{RolloutCounts, RolloutPlan};

use crate::compare::Side;
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
    /// Online, and silent about whether they can run it.
    pub unstaged: Names,
    /// They may run it and do not yet; or they could not be heard since.
    pub pending: Names,
    /// Those, and they that run it and whose watch is not over.
    pub uncommitted: Names,
    /// They run it and should not any more; those of them that are offline are counted too.
    pub to_go_back: Names,
    pub(crate) new: Side,
    pub(crate) others: Side,
}

/// Counts nodes.
#[must_use]
pub fn count(state: &State, seen: &[Seen<'_>]) -> Census {
    let mut census = Census::default();
    for one in seen {
        tally(&mut census.counts, one.stands(state.bound), one.online);
        if one.runs == Runs::Untrusted || one.staged == Staged::Untrusted {
            census.untrusted.add(one.node);
        }
        if one.stands(state.bound) == Stands::Failed {
            census.failed.add(one.node);
        }
        if one.online && one.staged == Staged::NotYet && !one.is_running() {
            census.unstaged.add(one.node);
        }
        if one.is_running() && !one.place.is_below(state.bound) {
            census.to_go_back.add(one.node);
        }
        // One that was not heard since the wave began knows nothing of it, and joins later.
        let is_in = one.online || one.heard_ms >= state.wave_since_ms;
        if one.is_offered(state.bound) && is_in {
            match one.runs {
                Runs::Other => {
                    census.pending.add(one.node);
                    census.uncommitted.add(one.node);
                }
                Runs::Watched => census.uncommitted.add(one.node),
                Runs::Committed | Runs::Failed | Runs::Untrusted => {}
            }
        }
        if let Some(sample) = one.sample.as_ref().filter(|_| one.online) {
            match (one.is_running(), one.is_offered(state.bound)) {
                (true, true) => census.new.add(sample),
                (false, false) => census.others.add(sample),
                (true, false) | (false, true) => {}
            }
        }
    }
    census
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
        let wave = bounds.iter().position(|bound| one.place.is_below(*bound));
        if let Some(wave) = wave.and_then(|wave| waves.get_mut(wave)) {
            tally(wave, one.stands(state.bound), one.online);
        }
    }
    waves
}
