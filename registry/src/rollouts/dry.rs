//! What a rollout would do, by the very functions that do it. Called by the route of dry runs.
//! Must never change anything.

use std::collections::BTreeMap;

use api::registry::{DryRun, DryWave, RolloutPlan};
use rollout::{Runs, Seen, Staged, preview};

use crate::fleet::Fleet;
use crate::fleet::desired::Standing;
use crate::fleet::moving::Moving;

/// Nodes of a wave that are named.
const NAMED_MAX: usize = 1_000;
/// Nodes that are left out and named.
const LEFT_OUT_MAX: usize = 1_000;

/// The nodes of each wave, if all of those that are online can run it.
pub(crate) fn dry_run(
    fleet: &Fleet,
    standing: &Standing,
    version: &str,
    plan: &RolloutPlan,
    now_ms: u64,
) -> DryRun {
    let salt = Moving::salt(&standing.deployment, version);
    let mut left_out = BTreeMap::new();
    let waves = fleet.with_meant(standing, now_ms, |nodes| {
        let mut seen = Vec::new();
        for one in nodes {
            if let Some(because) = one.left_out {
                if left_out.len() < LEFT_OUT_MAX {
                    left_out.insert(one.node.to_owned(), because);
                }
                continue;
            }
            seen.push(Seen {
                node: one.node,
                place: rollout::Place::of(&salt, one.node),
                online: one.online,
                heard_ms: now_ms,
                joined_ms: None,
                staged: Staged::Passed,
                runs: Runs::Other,
                keeps: false,
                sample: None,
            });
        }
        waves(plan, seen)
    });
    let from = standing.given.as_ref().ok();
    DryRun {
        from: from.map(|offer| offer.version.to_string()),
        to: version.to_owned(),
        salt,
        waves,
        left_out,
    }
}

fn waves(plan: &RolloutPlan, mut seen: Vec<Seen<'_>>) -> Vec<DryWave> {
    let bounds = preview(plan, &seen);
    seen.sort_by_key(|one| one.place);
    let mut nodes = seen.iter().peekable();
    let wave = |bound: &u64| {
        let mut wave = DryWave {
            count: 0,
            online: 0,
            nodes: Vec::new(),
        };
        while let Some(one) = nodes.next_if(|one| one.place.is_below(*bound)) {
            wave.count += 1;
            wave.online += u64::from(one.online);
            if wave.nodes.len() < NAMED_MAX {
                wave.nodes.push(one.node.to_owned());
            }
        }
        wave
    };
    bounds.iter().map(wave).collect()
}
