//! The preflight as a matrix of kernel × outcome. Called by the view of its page.
//! Must never leave out a node that is in the list it is made of.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use api::registry::{KernelOutcome, OutcomeKind};

use super::one::outcome;
use crate::page::format::grouped;
use crate::page::visible::visible;

/// In the order of the columns: what is well, what is waited for, what is not well.
const ORDER: [Option<OutcomeKind>; 9] = [
    Some(OutcomeKind::Staged),
    None,
    Some(OutcomeKind::FetchFailed),
    Some(OutcomeKind::Failed),
    Some(OutcomeKind::Incompatible),
    Some(OutcomeKind::LoadRejected),
    Some(OutcomeKind::PolicyRefused),
    Some(OutcomeKind::BelowFloor),
    Some(OutcomeKind::SignatureRejected),
];

/// The matrix.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sums: Vec<String>,
    pub(crate) sum: String,
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) word: String,
    /// `good`, `quiet`, `bad`.
    pub(crate) tone: &'static str,
}

/// A kernel.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kernel: String,
    /// One a column; none where no node has it.
    pub(crate) cells: Vec<Option<String>>,
    pub(crate) sum: String,
}

impl Matrix {
    /// Of the list that the API tells.
    pub(crate) fn of(list: &[KernelOutcome]) -> Self {
        let told: BTreeSet<Option<&'static str>> =
            list.iter().map(|one| word(one.outcome)).collect();
        let known = ORDER.iter().map(|kind| word(*kind));
        let mut columns: Vec<Option<&'static str>> =
            known.filter(|word| told.contains(word)).collect();
        let others = told.iter().filter(|word| !columns.contains(word));
        let others: Vec<Option<&'static str>> = others.copied().collect();
        columns.extend(others);
        let mut counted: BTreeMap<(&str, Option<&'static str>), u64> = BTreeMap::new();
        for one in list {
            *counted.entry((&one.kernel, word(one.outcome))).or_default() += one.nodes;
        }
        let mut kernels: Vec<&str> = list.iter().map(|one| one.kernel.as_str()).collect();
        kernels.sort_unstable_by(|one, other| by_numbers(one, other));
        kernels.dedup();
        let count = |kernel: &str, column: Option<&'static str>| {
            counted.get(&(kernel, column)).copied().unwrap_or(0)
        };
        let rows = kernels.iter().map(|kernel| {
            let counts: Vec<u64> = columns.iter().map(|one| count(kernel, *one)).collect();
            Row {
                kernel: named(kernel),
                sum: grouped(counts.iter().sum()),
                cells: counts
                    .into_iter()
                    .map(|count| (count > 0).then(|| grouped(count)))
                    .collect(),
            }
        });
        let sum_of = |column: Option<&'static str>| -> u64 {
            kernels.iter().map(|kernel| count(kernel, column)).sum()
        };
        Self {
            rows: rows.collect(),
            sums: columns
                .iter()
                .map(|column| grouped(sum_of(*column)))
                .collect(),
            sum: grouped(list.iter().map(|one| one.nodes).sum()),
            columns: columns.into_iter().map(column).collect(),
        }
    }
}

fn named(kernel: &str) -> String {
    match kernel {
        "" => "of nodes that are gone".to_owned(),
        kernel => visible(kernel),
    }
}

fn word(kind: Option<OutcomeKind>) -> Option<&'static str> {
    kind.map(OutcomeKind::word)
}

fn column(word: Option<&str>) -> Column {
    let tone = match word {
        Some("staged") => "good",
        None => "quiet",
        Some(_) => "bad",
    };
    let kind = ORDER
        .iter()
        .flatten()
        .find(|kind| Some(kind.word()) == word);
    let word = match (kind, word) {
        (Some(kind), _) => outcome(*kind),
        (None, Some(word)) => word.replace('_', " "),
        (None, None) => "no answer yet".to_owned(),
    };
    Column { word, tone }
}

/// 5.4 before 5.15.
fn by_numbers(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> Vec<u64> {
        let parts = text.split(|letter: char| !letter.is_ascii_digit());
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    parts(one).cmp(&parts(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kernel: &str, outcome: Option<OutcomeKind>, nodes: u64) -> KernelOutcome {
        KernelOutcome {
            kernel: kernel.to_owned(),
            outcome,
            nodes,
        }
    }

    #[test]
    fn kernels_are_rows_and_outcomes_columns_and_every_node_is_in_a_sum() {
        let matrix = Matrix::of(&[
            one("5.15.0", Some(OutcomeKind::LoadRejected), 2),
            one("5.15.0", Some(OutcomeKind::Staged), 7),
            one("5.4.0", None, 3),
            one("", Some(OutcomeKind::RolledBack), 1),
        ]);
        let columns: Vec<(&str, &str)> = matrix
            .columns
            .iter()
            .map(|column| (column.word.as_str(), column.tone))
            .collect();
        assert_eq!(
            columns,
            [
                ("staged", "good"),
                ("no answer yet", "quiet"),
                ("load rejected", "bad"),
                ("rolled back", "bad")
            ]
        );
        let kernels: Vec<&str> = matrix.rows.iter().map(|row| row.kernel.as_str()).collect();
        assert_eq!(kernels, ["of nodes that are gone", "5.4.0", "5.15.0"]);
        assert_eq!(
            matrix.rows[2].cells,
            [Some("7".to_owned()), None, Some("2".to_owned()), None]
        );
        assert_eq!(
            (matrix.sums, matrix.sum.as_str()),
            (
                vec![
                    "7".to_owned(),
                    "3".to_owned(),
                    "2".to_owned(),
                    "1".to_owned()
                ],
                "13"
            )
        );
    }
}
