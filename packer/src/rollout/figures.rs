//! What a gate compares: the figure on new nodes against others. Called by `picture`.
//! Must never call a figure good that has too few samples.

use api::registry::{Compared, RolloutDetail};

use super::paper::Paper;
use crate::table::grouped;

/// Draws them; nothing where nothing was compared.
pub(super) fn draw(paper: &mut Paper, detail: &RolloutDetail) {
    if detail.compared.is_empty() {
        return;
    }
    paper.gap();
    let least = detail.plan.compare.samples_min;
    let rows = detail.compared.iter().map(|one| row(one, least));
    let rows: Vec<Vec<String>> = rows.collect();
    paper.table(&["gate", "new", "others", "says"], &rows);
}

fn row(one: &Compared, least: u64) -> Vec<String> {
    let says = match one.passes {
        Some(true) => "passes".to_owned(),
        Some(false) => "fails".to_owned(),
        None => {
            let (new, others) = (grouped(one.new_samples), grouped(one.others_samples));
            format!("open: {new} and {others} of {} samples", grouped(least))
        }
    };
    let number = |value: f64| format!("{value:.1}");
    vec![
        one.figure.clone(),
        number(one.new),
        number(one.others),
        says,
    ]
}
