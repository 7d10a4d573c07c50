//! The wave track: a bar and counts for each wave. Called by `picture`.
//! Must never hide a node that failed behind many that did not.

use api::registry::{Reach, RolloutCounts, RolloutDetail};

use super::paper::Paper;
use super::words;
use crate::plan;
use crate::table::grouped;

/// Letters of a bar where there is room, and where there is less.
const BAR_WIDE: usize = 20;
const BAR_NARROW: usize = 12;
/// From how many letters on a bar, and a wide one, has counts beside it.
const BESIDE_MIN: usize = 60;
const WIDE_MIN: usize = 80;

/// Draws a line a wave; two where the terminal is narrow.
pub(super) fn draw(paper: &mut Paper, detail: &RolloutDetail) {
    let reaches = detail.plan.waves.iter().map(|wave| plan::reach(wave.reach));
    let reaches: Vec<String> = reaches.collect();
    let width = reaches.iter().map(|reach| reach.chars().count()).max();
    let width = width.unwrap_or(0);
    let sizes = detail
        .waves
        .iter()
        .map(|counts| grouped(counts.nodes).len());
    let size_width = sizes.max().unwrap_or(0);
    let waves = reaches.iter().zip(&detail.waves).zip(&detail.plan.waves);
    for (index, ((reach, counts), wave)) in waves.enumerate() {
        let number = index + 1;
        let now = u32::try_from(number).is_ok_and(|number| number == detail.rollout.wave);
        let mark = if now && !detail.rollout.phase.is_end() {
            '>'
        } else {
            ' '
        };
        let gate = if wave.approval { "*" } else { " " };
        let head = format!("{mark}{number:>2}{gate} {reach:<width$}");
        let is_open = matches!(wave.reach, Reach::Nodes(_)) && counts.nodes == 0;
        if is_open && !detail.rollout.phase.is_end() {
            paper.line(&format!("{head}  chosen when it begins"));
            continue;
        }
        let size = format!("{:>size_width$}", grouped(counts.nodes));
        let told = words::counts(counts);
        if paper.columns() >= BESIDE_MIN {
            let cells = if paper.columns() >= WIDE_MIN {
                BAR_WIDE
            } else {
                BAR_NARROW
            };
            let first = format!("{head}  {size} [{}] ", bar(counts, cells));
            paper.prose(&first, &told);
        } else {
            paper.line(&format!("{head}  {size} [{}]", bar(counts, BAR_NARROW)));
            paper.prose("     ", &told);
        }
    }
    if detail.plan.waves.iter().any(|wave| wave.approval) {
        paper.line("   * its gate waits for `promote`");
    }
}

/// As many letters for nodes that stand somewhere as is their part, one at least.
fn bar(counts: &RolloutCounts, cells: usize) -> String {
    let standing = words::standing(counts);
    let whole: u128 = standing
        .iter()
        .map(|(_, nodes, _)| u128::from(*nodes))
        .sum();
    let mut lengths = standing.map(|(letter, nodes, _)| {
        let part = u128::from(nodes) * cells as u128;
        let length = part.checked_div(whole).unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(0);
        (letter, length.max(usize::from(nodes > 0)))
    });
    // Rounding leaves some over, or took some too many: the longest has them.
    let drawn: usize = lengths.iter().map(|(_, length)| length).sum();
    if let Some((_, longest)) = lengths.iter_mut().max_by_key(|(_, length)| *length)
        && whole > 0
    {
        *longest = (*longest + cells).saturating_sub(drawn);
    }
    let mut bar = String::with_capacity(cells);
    for (letter, length) in lengths {
        bar.extend(std::iter::repeat_n(letter, length));
    }
    format!("{bar:<cells$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_it_should_be_and_shows_every_failure() {
        let counts = RolloutCounts {
            nodes: 1000,
            committed: 998,
            live: 1,
            failed: 1,
            ..RolloutCounts::default()
        };
        assert_eq!(bar(&counts, 12), "##########+!");
        assert_eq!(bar(&RolloutCounts::default(), 12), " ".repeat(12));
        let thirds = RolloutCounts {
            nodes: 3,
            committed: 1,
            staged: 1,
            outside: 1,
            ..RolloutCounts::default()
        };
        assert_eq!(bar(&thirds, 12), "####....    ");
        let all = RolloutCounts {
            committed: 1,
            live: 1,
            offered: 1,
            staged: u64::MAX / 2,
            outside: 1,
            incompatible: 1,
            failed: 1,
            ..RolloutCounts::default()
        };
        assert_eq!(bar(&all, 12), "#+-...... x!");
    }
}
