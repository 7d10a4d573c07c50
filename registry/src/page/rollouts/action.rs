//! What people may ask of a rollout, as buttons that say how many nodes they touch. Called by the view
//! of one rollout.
//! Must never offer what the rollout would refuse where it stands.

use api::registry::{Reach, RolloutDetail};

use crate::page::format::nodes_text;
use crate::rollouts::Press;

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// The end of its address.
    pub(crate) path: &'static str,
    pub(crate) says: String,
    /// What is asked before, where it can't be undone.
    pub(crate) ask: Option<String>,
    /// `usual`, `primary`, `bad`.
    pub(crate) weight: &'static str,
}

impl Action {
    /// A button for each thing that may be asked.
    pub(crate) fn all(detail: &RolloutDetail, may: &[Press]) -> Vec<Self> {
        may.iter().map(|press| Self::of(*press, detail)).collect()
    }

    fn of(press: Press, detail: &RolloutDetail) -> Self {
        let (counts, to) = (&detail.rollout.counts, &detail.rollout.to);
        let run = counts.live + counts.committed;
        // Who was told may run it at any moment, and waits where nothing goes on.
        let given = counts.offered + run;
        let to_come = counts.outside + counts.staged + counts.offered;
        let keep = they(run, "keeps", "keep");
        let (path, says, ask, weight) = match press {
            Press::Resume => {
                let says = format!("Resume for {}", nodes_text(to_come));
                ("resume", says, None, "primary")
            }
            Press::Promote => ("promote", promote(detail), None, "primary"),
            Press::Pause => {
                let says = format!("Pause, {}", they(to_come, "waits", "wait"));
                ("pause", says, None, "usual")
            }
            Press::RollBack => {
                let says = format!("Roll back {}", nodes_text(given));
                let ask = format!("Take {to} back from {}?", nodes_text(given));
                ("rollback", says, Some(ask), "bad")
            }
            Press::Abort => {
                let ask = format!(
                    "End this rollout? {keep} {to}, {} not reached any more.",
                    they(to_come, "is", "are")
                );
                ("abort", format!("Abort, {keep} {to}"), Some(ask), "bad")
            }
        };
        Self {
            path,
            says,
            ask,
            weight,
        }
    }
}

/// `1 node waits`, `2 nodes wait`.
fn they(count: u64, does: &str, do_so: &str) -> String {
    let verb = if count == 1 { does } else { do_so };
    format!("{} {verb}", nodes_text(count))
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
    format!("Promote to wave {}, {}", next + 1, nodes_text(more))
}
