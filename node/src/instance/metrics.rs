//! The metrics of an instance's handlers: series that go on from generation to generation. Changed by
//! the reader, read by `GET /metrics`.
//! Must never hold more series than the manifest allows, nor go on with one whose kind has changed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use handler::effects::{Change, Effects, Series};
use handler::grant::{Metric, MetricKind};

/// The metrics of one instance.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    declared: BTreeMap<String, Declared>,
    places: BTreeMap<Series, usize>,
    /// By place. Places of series that went are used again by none.
    values: Vec<Option<(Series, Value)>>,
}

/// A metric that the handler in charge declares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    /// Its kind, labels and bounds.
    pub(crate) metric: Metric,
    /// What it counts.
    pub(crate) help: String,
}

/// What a series has come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Of a counter.
    Count(u64),
    /// Of a gauge.
    Number(f64),
    /// Of a histogram: how many up to each bound and above the last, each for itself, and their sum.
    Spread(Vec<u64>, f64),
}

/// A place in the table, for changes without looking a series up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat(Option<usize>);

/// A metric with its series.
pub(crate) type Shown = (String, Declared, Vec<(Vec<String>, Value)>);

impl Metrics {
    /// From now on these are declared. What is not any more, or of another form, begins anew.
    pub(crate) fn declare(&self, declared: BTreeMap<String, Declared>) {
        let mut table = self.locked();
        let Table {
            declared: before,
            places,
            values,
        } = &mut *table;
        let form =
            |declared: &Declared| (declared.metric.kind.clone(), declared.metric.labels.clone());
        let goes_on = |name: &String| {
            let (before, now) = (before.get(name), declared.get(name));
            before.map(form) == now.map(form)
        };
        places.retain(|series, place| {
            let stays = goes_on(&series.metric);
            if !stays && let Some(value) = values.get_mut(*place) {
                *value = None;
            }
            stays
        });
        *before = declared;
    }

    /// Finds places for the series that a guest has asked for since the last time.
    pub(super) fn seat(
        &self,
        effects: &mut Effects,
        (series, seats): (&mut Vec<Series>, &mut Vec<Seat>),
    ) {
        for asked in effects.series.drain(..) {
            seats.push(self.place(&asked));
            series.push(asked);
        }
    }

    /// The place of a series of a metric that is declared.
    pub(crate) fn place(&self, series: &Series) -> Seat {
        let mut table = self.locked();
        if let Some(place) = table.places.get(series) {
            return Seat(Some(*place));
        }
        let Some(declared) = table.declared.get(&series.metric) else {
            return Seat(None);
        };
        let max = usize::try_from(declared.metric.series_max).unwrap_or(usize::MAX);
        let begin = match &declared.metric.kind {
            MetricKind::Counter => Value::Count(0),
            MetricKind::Gauge => Value::Number(0.0),
            MetricKind::Histogram(bounds) => Value::Spread(vec![0; bounds.len() + 1], 0.0),
        };
        let of_metric = |other: &&Series| other.metric == series.metric;
        if table.places.keys().filter(of_metric).count() >= max {
            return Seat(None);
        }
        let place = table.values.len();
        table.values.push(Some((series.clone(), begin)));
        table.places.insert(series.clone(), place);
        Seat(Some(place))
    }

    /// Makes the changes; `seats` are the places of the guest's series.
    pub(crate) fn change(&self, changes: &[Change], seats: &[Seat]) {
        if changes.is_empty() {
            return;
        }
        let mut table = self.locked();
        for change in changes {
            let seat = usize::try_from(change.series())
                .ok()
                .and_then(|at| seats.get(at));
            if let Some(Seat(Some(place))) = seat {
                table.change(*place, *change);
            }
        }
    }

    /// Every metric that is declared, with its series.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let table = self.locked();
        let shown = table.declared.iter().map(|(name, declared)| {
            let series = table
                .places
                .iter()
                .filter(|(series, _)| series.metric == *name);
            let series = series.filter_map(|(series, place)| {
                let (_, value) = table.values.get(*place)?.as_ref()?;
                Some((series.labels.clone(), value.clone()))
            });
            (name.clone(), declared.clone(), series.collect())
        });
        shown.collect()
    }

    fn locked(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn change(&mut self, place: usize, change: Change) {
        let Some(Some((series, value))) = self.values.get_mut(place) else {
            return;
        };
        match (value, change) {
            (Value::Count(count), Change::Add { by, .. }) => *count = count.saturating_add(by),
            (Value::Number(number), Change::Set { value, .. }) => *number = value,
            (Value::Spread(counts, sum), Change::Observe { value, .. }) => {
                let declared = self.declared.get(&series.metric);
                let Some(MetricKind::Histogram(bounds)) = declared.map(|one| &one.metric.kind)
                else {
                    return;
                };
                let at = bounds.partition_point(|bound| *bound < value);
                if let Some(count) = counts.get_mut(at) {
                    *count += 1;
                }
                *sum += value;
            }
            // A change of another kind than the metric's: the guest's host refuses it.
            (Value::Count(_) | Value::Number(_) | Value::Spread(..), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(kind: MetricKind, series_max: u32) -> Declared {
        let labels = vec!["command".to_owned()];
        Declared {
            metric: Metric {
                kind,
                labels,
                series_max,
            },
            help: "Help.".to_owned(),
        }
    }

    fn series(metric: &str, label: &str) -> Series {
        Series {
            metric: metric.to_owned(),
            labels: vec![label.to_owned()],
        }
    }

    fn of(one: (&str, Declared)) -> BTreeMap<String, Declared> {
        BTreeMap::from([(one.0.to_owned(), one.1)])
    }

    #[test]
    fn series_go_on_while_their_metric_stays_as_it_is() {
        let metrics = Metrics::default();
        metrics.declare(of(("n", declared(MetricKind::Counter, 8))));
        let add = |by| {
            let seat = metrics.place(&series("n", "a"));
            metrics.change(&[Change::Add { series: 0, by }], &[seat]);
        };
        add(2);
        metrics.declare(of(("n", declared(MetricKind::Counter, 9))));
        add(3);
        assert_eq!(
            metrics.shown()[0].2,
            [(vec!["a".to_owned()], Value::Count(5))]
        );
        metrics.declare(of(("n", declared(MetricKind::Gauge, 9))));
        assert_eq!(metrics.shown()[0].2, []);
    }

    #[test]
    fn there_are_no_more_series_than_allowed() {
        let metrics = Metrics::default();
        metrics.declare(of(("n", declared(MetricKind::Counter, 2))));
        let places: Vec<Seat> = ["a", "b", "c", "a"]
            .iter()
            .map(|label| metrics.place(&series("n", label)))
            .collect();
        assert_eq!(places[2], Seat(None));
        assert_eq!(places[0], places[3]);
        assert_eq!(metrics.place(&series("other", "a")), Seat(None));
    }

    #[test]
    fn a_histogram_counts_up_to_its_bounds() {
        let metrics = Metrics::default();
        let kind = MetricKind::Histogram(vec![1.0, 2.0]);
        metrics.declare(of(("h", declared(kind, 1))));
        let seat = metrics.place(&series("h", "a"));
        let observe = |value| Change::Observe { series: 0, value };
        metrics.change(&[1.0, 1.5, 9.0].map(observe), &[seat]);
        let expected = Value::Spread(vec![1, 1, 1], 11.5);
        assert_eq!(metrics.shown()[0].2[0].1, expected);
    }
}
