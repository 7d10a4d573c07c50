//! What people may ask of a rollout, as buttons that say how many nodes they touch. Called by the view
//! of one rollout.
//! Must never offer what the rollout would refuse where it stands.

use api::registry::{Reach, RolloutDetail};

use super::plan::nodes;
use crate::rollouts::Possible;

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// The end of its address.
    pub(crate) path: &'static str,
    pub(crate) says: String,
    /// What is asked before, where it can't be undone.
    pub(crate) ask: Option<String>,
    /// `plain`, `primary`, `bad`.
    pub(crate) weight: &'static str,
}

impl Action {
    /// Those that are possible.
    pub(crate) fn all(detail: &RolloutDetail, may: Possible) -> Vec<Self> {
        let (counts, to) = (&detail.rollout.counts, &detail.rollout.to);
        let running = counts.live + counts.committed;
        let to_come = counts.outside + counts.staged + counts.offered;
        let mut all = Vec::new();
        let mut add = |may, path, says: String, ask: Option<String>, weight| {
            if may {
                all.push(Self {
                    path,
                    says,
                    ask,
                    weight,
                });
            }
        };
        let resume = format!("Resume for {}", nodes(to_come));
        add(may.resume, "resume", resume, None, "primary");
        add(may.promote, "promote", promote(detail), None, "primary");
        let pause = format!("Pause, {}", they(to_come, "waits", "wait"));
        add(may.pause, "pause", pause, None, "plain");
        let back = format!("Roll back {}", nodes(running));
        let ask = format!("Take {to} back from {}?", nodes(running));
        add(may.roll_back, "rollback", back, Some(ask), "bad");
        let keep = they(running, "keeps", "keep");
        let abort = format!("Abort, {keep} {to}");
        let ask = format!(
            "End this rollout? {keep} {to}, {} not reached any more.",
            they(to_come, "is", "are")
        );
        add(may.abort, "abort", abort, Some(ask), "bad");
        all
    }
}

/// `1 node waits`, `2 nodes wait`.
fn they(count: u64, does: &str, do_so: &str) -> String {
    let verb = if count == 1 { does } else { do_so };
    format!("{} {verb}", nodes(count))
}

fn promote(detail: &RolloutDetail) -> String {
    let next = detail.rollout.wave as usize;
    let reached: u64 = detail.waves.iter().take(next).map(|one| one.nodes).sum();
    let Some(wave) = detail.plan.waves.get(next) else {
        return "Promote, it ends well".to_owned();
    };
    let more = match wave.reach {
        // Which nodes a number reaches is decided when the wave begins.
        Reach::Nodes(count) => u64::from(count).saturating_sub(reached),
        Reach::Percent(_) => detail.waves.get(next).map_or(0, |wave| wave.nodes),
    };
    format!("Promote to wave {}, {}", next + 1, nodes(more))
}
