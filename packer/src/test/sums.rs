//! What a handler under test has come to: its metrics and how much it put out. Must never print.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use handler::effects::{Change, Effects, Series};
use handler::grant::Grant;

/// Sums over all calls.
pub(super) struct Sums {
    outputs: u64,
    refused: u64,
    growths_refused: u64,
    log_dropped: u64,
    /// The guest's series, by number.
    series: Vec<Series>,
    values: BTreeMap<Series, Value>,
    labels: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Copy)]
enum Value {
    Count(u64),
    Number(f64),
    Observed(u64, f64),
}

impl Sums {
    pub(super) fn new(grant: &Grant) -> Self {
        let metrics = grant.metrics.iter();
        Self {
            outputs: 0,
            refused: 0,
            growths_refused: 0,
            log_dropped: 0,
            series: Vec::new(),
            values: BTreeMap::new(),
            labels: metrics
                .map(|(name, metric)| (name.clone(), metric.labels.clone()))
                .collect(),
        }
    }

    /// Adds what a call has asked for.
    pub(super) fn add(&mut self, effects: &Effects) {
        self.outputs += u64::try_from(effects.emitted.len()).unwrap_or(u64::MAX);
        self.refused += effects.emits_refused;
        self.growths_refused += effects.growths_refused;
        self.log_dropped += effects.log_dropped;
        self.series.extend(effects.series.iter().cloned());
        for change in &effects.changes {
            let Some(series) = self.series.get(change.series() as usize) else {
                continue;
            };
            let before = self.values.get(series).copied();
            let value = match (before, *change) {
                (Some(Value::Count(count)), Change::Add { by, .. }) => Value::Count(count + by),
                (_, Change::Add { by, .. }) => Value::Count(by),
                (_, Change::Set { value, .. }) => Value::Number(value),
                (Some(Value::Observed(count, sum)), Change::Observe { value, .. }) => {
                    Value::Observed(count + 1, sum + value)
                }
                (_, Change::Observe { value, .. }) => Value::Observed(1, value),
            };
            self.values.insert(series.clone(), value);
        }
    }

    /// All of it for people.
    pub(super) fn text(&self, handled: u64) -> String {
        let mut text = format!("{handled} records handled, {} outputs", self.outputs);
        for (count, what) in [
            (self.refused, "outputs refused"),
            (self.growths_refused, "times more memory refused"),
            (self.log_dropped, "lines of the log dropped"),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, ", {count} {what}");
            }
        }
        for (series, value) in &self.values {
            let names = self
                .labels
                .get(&series.metric)
                .map_or(&[][..], Vec::as_slice);
            let labels = names.iter().zip(&series.labels);
            let labels: Vec<String> = labels
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let value = match value {
                Value::Count(count) => count.to_string(),
                Value::Number(number) => number.to_string(),
                Value::Observed(count, sum) => format!("{count} observed, sum {sum}"),
            };
            let _ = write!(
                text,
                "\n  {}{{{}}} {value}",
                series.metric,
                labels.join(",")
            );
        }
        text
    }
}
