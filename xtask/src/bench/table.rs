//! What a bench measured: a table for people, one JSON object for programs, its bounds.
//! Called by `bench`. Must never round a number before it is compared with its bound.

use serde_json::{Map, Value, json};

/// A row: the field's name in the JSON ends in its unit.
struct Row {
    field: String,
    value: f64,
    meaning: String,
}

/// Rows and what they must keep.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    missed: Vec<String>,
}

impl Table {
    /// Adds a measured number.
    pub(crate) fn row(&mut self, field: impl Into<String>, value: f64, meaning: impl Into<String>) {
        self.rows.push(Row {
            field: field.into(),
            value,
            meaning: meaning.into(),
        });
    }

    /// A bound that `value` must not exceed.
    pub(crate) fn at_most(&mut self, what: &str, value: f64, bound: f64) {
        if value.is_nan() || value > bound {
            self.missed
                .push(format!("{what} is {value:.3}, at most {bound:.3}"));
        }
    }

    /// A bound that `value` must reach.
    pub(crate) fn at_least(&mut self, what: &str, value: f64, bound: f64) {
        if value.is_nan() || value < bound {
            self.missed
                .push(format!("{what} is {value:.3}, at least {bound:.3}"));
        }
    }

    /// The bounds that were missed.
    pub(crate) fn missed(&self) -> Vec<String> {
        self.missed.clone()
    }

    /// For people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let row = |row: &Row| format!("{:<24} {:>14.3}  {}", row.field, row.value, row.meaning);
        self.rows.iter().map(row).collect()
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let field = |row: &Row| (row.field.clone(), json!(row.value));
        Value::Object(self.rows.iter().map(field).collect::<Map<_, _>>())
    }
}

/// The middle of what was measured; NaN of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What 99 of 100 do not exceed; NaN of nothing.
pub(crate) fn percentile_99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * 99).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// The least and the most of what was measured, for people.
pub(crate) fn spread(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::NAN, f64::min);
    let high = values.iter().copied().fold(f64::NAN, f64::max);
    format!("{} rounds, {low:.2} to {high:.2}", values.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_nine_of_a_hundred_are_at_most_the_percentile() {
        let values = (1..=1000).rev().map(f64::from);
        assert!((percentile_99(values.collect()) - 990.0).abs() < f64::EPSILON);
        assert!((percentile_99(vec![3.0]) - 3.0).abs() < f64::EPSILON);
        assert!(percentile_99(Vec::new()).is_nan());
    }

    #[test]
    fn a_missed_bound_is_named_and_nan_misses_every_bound() {
        let mut table = Table::default();
        table.at_most("a", 1.0, 2.0);
        table.at_least("b", 2.0, 2.0);
        assert!(table.missed().is_empty());
        table.at_most("c", 3.0, 2.0);
        table.at_least("d", f64::NAN, 2.0);
        table.at_most("e", f64::NAN, 2.0);
        assert_eq!(table.missed().len(), 3);
    }

    #[test]
    fn the_median_is_a_measured_value() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
