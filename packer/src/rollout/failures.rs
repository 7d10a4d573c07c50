//! Nodes that failed, grouped by why, with the verifier's last lines. Called by `picture` and for
//! watching without a terminal.
//! Must never show text of a node unescaped: `paper` and `table` escape it.

use api::registry::{FailureGroup, RolloutDetail};

use super::paper::Paper;
use crate::outcome;
use crate::table::nodes;

/// The most groups that are shown.
const GROUPS_SHOWN_MAX: usize = 8;
/// The most nodes of one that are named.
const NODES_SHOWN_MAX: usize = 8;

/// Draws them, with so many lines of each log.
pub(super) fn draw(paper: &mut Paper, detail: &RolloutDetail, log_lines: usize) {
    let groups = &detail.failures;
    if groups.is_empty() {
        return;
    }
    paper.gap();
    for group in groups.iter().take(GROUPS_SHOWN_MAX) {
        paper.prose("! ", &head(group));
        paper.prose("    ", &group.because);
        for line in last(group.log.as_deref().unwrap_or_default(), log_lines) {
            paper.line(&format!("    | {line}"));
        }
    }
    let more = groups.len().saturating_sub(GROUPS_SHOWN_MAX);
    if more > 0 {
        paper.line(&format!("and failures of {more} more kinds"));
    }
}

/// `could not be loaded while staged, on 2 nodes: web-1, web-7 (6.1.0-18-amd64)`.
pub(super) fn head(group: &FailureGroup) -> String {
    let count: u64 = group.kernels.values().sum();
    let staged = if group.staging { " while staged" } else { "" };
    let named: Vec<&str> = group
        .nodes
        .iter()
        .take(NODES_SHOWN_MAX)
        .map(String::as_str)
        .collect();
    let more = count.saturating_sub(named.len() as u64);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let kernels: Vec<String> = match group.kernels.len() {
        0 | 1 => group.kernels.keys().cloned().collect(),
        _ => {
            let kernels = group.kernels.iter();
            kernels
                .map(|(kernel, nodes)| format!("{kernel}: {nodes}"))
                .collect()
        }
    };
    format!(
        "{}{staged}, on {}: {}{more} ({})",
        outcome::words(group.kind),
        nodes(count),
        named.join(", "),
        kernels.join(", ")
    )
}

/// The last lines of a log that say something.
fn last(log: &str, lines: usize) -> Vec<&str> {
    let all: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = all.len().saturating_sub(lines);
    all.get(from..).unwrap_or_default().to_vec()
}
