//! The preflight: kernels against what became of the release there. Called by `picture`.
//! Must never leave out a kernel that rejects it for one that does not.

use std::collections::BTreeMap;

use api::registry::{KernelOutcome, OutcomeKind};

use super::paper::Paper;
use crate::outcome;
use crate::table::grouped;

/// The most kernels that are shown.
const KERNELS_SHOWN_MAX: usize = 12;
/// The column of nodes that told nothing yet.
const WAITING: &str = "waiting";

/// Draws it; nothing where there is none.
pub(super) fn draw(paper: &mut Paper, preflight: &[KernelOutcome]) {
    if preflight.is_empty() {
        return;
    }
    let mut words = vec![outcome::words(OutcomeKind::Staged)];
    let mut kernels: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for one in preflight {
        let word = one.outcome.map_or(WAITING, outcome::words);
        if !words.contains(&word) {
            words.push(word);
        }
        *kernels
            .entry(&one.kernel)
            .or_default()
            .entry(word)
            .or_default() += one.nodes;
    }
    // What waits stands last.
    words.sort_by_key(|word| *word == WAITING);
    let mut kernels: Vec<(&str, BTreeMap<&str, u64>)> = kernels.into_iter().collect();
    let well = |outcomes: &BTreeMap<&str, u64>| {
        let well = [outcome::words(OutcomeKind::Staged), WAITING];
        outcomes.keys().all(|word| well.contains(word))
    };
    kernels.sort_by_key(|(_, outcomes)| {
        (
            well(outcomes),
            std::cmp::Reverse(outcomes.values().sum::<u64>()),
        )
    });
    let more = kernels.len().saturating_sub(KERNELS_SHOWN_MAX);
    let rows = kernels
        .iter()
        .take(KERNELS_SHOWN_MAX)
        .map(|(kernel, outcomes)| {
            let nodes = |word: &&str| {
                outcomes
                    .get(word)
                    .map_or_else(String::new, |nodes| grouped(*nodes))
            };
            let cells = words.iter().map(nodes);
            std::iter::once((*kernel).to_owned()).chain(cells).collect()
        });
    let rows: Vec<Vec<String>> = rows.collect();
    let names: Vec<&str> = std::iter::once("preflight")
        .chain(words.iter().copied())
        .collect();
    paper.gap();
    paper.table(&names, &rows);
    if more > 0 {
        paper.line(&format!("and {more} more kernels"));
    }
}
