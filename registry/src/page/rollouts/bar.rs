//! Nodes of a rollout as a bar: how many stand where, as parts of a width. Called by the views of lists
//! and of one rollout; the template draws it as SVG.
//! Must never leave a node without a place in the bar, nor say by colour alone what it says.

use api::registry::RolloutCounts;

use crate::page::format::{grouped, nodes_text};

/// Units of a whole bar.
pub(crate) const WIDTH: u64 = 1000;
/// Between two waves, units.
const GAP: u64 = 8;

/// Nodes that stand alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) x: u64,
    pub(crate) width: u64,
    /// A field of [`RolloutCounts`].
    pub(crate) stands: &'static str,
    /// `12 committed`.
    pub(crate) says: String,
}

/// A bar, or all waves of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) parts: Vec<Part>,
    /// The whole in words.
    pub(crate) says: String,
}

/// Where nodes may stand, the furthest first.
pub(super) fn by_stand(counts: &RolloutCounts) -> [(&'static str, u64); 7] {
    [
        ("committed", counts.committed),
        ("live", counts.live),
        ("offered", counts.offered),
        ("staged", counts.staged),
        ("outside", counts.outside),
        ("incompatible", counts.incompatible),
        ("failed", counts.failed),
    ]
}

impl Bar {
    /// All nodes of a rollout.
    pub(crate) fn of(counts: &RolloutCounts) -> Self {
        Self {
            parts: parts(counts, 0, WIDTH),
            says: says(counts),
        }
    }

    /// Its waves beside each other, each as wide as it has nodes; one that has none can still be seen.
    pub(crate) fn track(waves: &[RolloutCounts]) -> Self {
        let count = u64::try_from(waves.len()).unwrap_or(u64::MAX).max(1);
        let least = WIDTH / (count * 6);
        let gaps = GAP * (count - 1);
        let room = WIDTH.saturating_sub(gaps + least * count);
        let nodes: u64 = waves.iter().map(|wave| wave.nodes).sum();
        let (mut all, mut x, mut told) = (Vec::new(), 0, Vec::new());
        for (index, wave) in waves.iter().enumerate() {
            let width = least + share(room, wave.nodes, nodes);
            all.extend(parts(wave, x, width));
            x += width + GAP;
            told.push(format!("wave {}: {}", index + 1, says(wave)));
        }
        Self {
            parts: all,
            says: told.join("; "),
        }
    }
}

fn share(whole: u64, part: u64, of: u64) -> u64 {
    whole.saturating_mul(part).checked_div(of).unwrap_or(0)
}

/// Each edge is a share of the whole, so that rounding neither leaves a hole nor goes beyond.
fn parts(counts: &RolloutCounts, x: u64, width: u64) -> Vec<Part> {
    let by_stand = by_stand(counts);
    let nodes: u64 = by_stand.iter().map(|(_, nodes)| nodes).sum();
    if nodes == 0 {
        return vec![Part {
            x,
            width,
            stands: "nobody",
            says: "no nodes".to_owned(),
        }];
    }
    let (mut found, mut before) = (Vec::new(), 0);
    for (stands, count) in by_stand {
        let from = share(width, before, nodes);
        before += count;
        let to = share(width, before, nodes);
        if count > 0 {
            found.push(Part {
                x: x + from,
                // One of ten thousand is seen, too.
                width: (to - from).max(1),
                stands,
                says: format!("{} {stands}", grouped(count)),
            });
        }
    }
    found
}

/// `3 nodes: 1 committed, 2 staged`.
fn says(counts: &RolloutCounts) -> String {
    let stand = by_stand(counts).into_iter().filter(|(_, count)| *count > 0);
    let stand: Vec<String> = stand
        .map(|(stands, count)| format!("{} {stands}", grouped(count)))
        .collect();
    match counts.nodes {
        0 => "no nodes".to_owned(),
        count => format!("{}: {}", nodes_text(count), stand.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(committed: u64, staged: u64, failed: u64) -> RolloutCounts {
        RolloutCounts {
            nodes: committed + staged + failed,
            committed,
            staged,
            failed,
            ..RolloutCounts::default()
        }
    }

    #[test]
    fn parts_fill_the_bar_without_a_hole() {
        let bar = Bar::of(&counts(1, 1, 1));
        let parts: Vec<(u64, u64, &str)> = bar
            .parts
            .iter()
            .map(|part| (part.x, part.width, part.stands))
            .collect();
        assert_eq!(
            parts,
            [
                (0, 333, "committed"),
                (333, 333, "staged"),
                (666, 334, "failed")
            ]
        );
        assert_eq!(bar.says, "3 nodes: 1 committed, 1 staged, 1 failed");
    }

    #[test]
    fn one_node_of_many_can_be_seen_and_none_is_said_so() {
        let bar = Bar::of(&counts(9_999, 0, 1));
        assert_eq!(bar.parts[1].width, 1);
        let bar = Bar::of(&counts(0, 0, 0));
        assert_eq!((bar.parts.len(), bar.says.as_str()), (1, "no nodes"));
    }

    #[test]
    fn a_track_has_every_wave_within_its_width() {
        for waves in [1, 4, 16] {
            let mut all = vec![counts(1, 0, 0); waves];
            all[waves - 1] = counts(0, 10_000, 0);
            let bar = Bar::track(&all);
            assert_eq!(bar.parts.len(), waves);
            let last = bar.parts.last().unwrap();
            assert!(last.x + last.width <= WIDTH, "{last:?}");
            assert!(bar.parts.iter().all(|part| part.width >= 10));
        }
    }
}
