//! The metrics that handlers keep: those their manifests declare, with the instance as one more label.
//! A part of the metrics. Must never show two kinds under one name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use handler::grant::MetricKind;

use super::{escaped, head};
use crate::instance::metrics::{Declared, Metrics, Value};

/// A metric of one instance.
struct One {
    instance: String,
    declared: Declared,
    series: Vec<(Vec<String>, Value)>,
}

/// Adds them, under the names that their manifests give them. Of two instances that declare one
/// otherwise, the first by name is shown.
pub(super) fn add(out: &mut String, instances: &[(String, Arc<Metrics>)]) {
    let mut by_name: BTreeMap<String, Vec<One>> = BTreeMap::new();
    for (instance, metrics) in instances {
        for (name, declared, series) in metrics.shown() {
            let name = shown_name(name);
            let shown = by_name.entry(name).or_default();
            let fits = shown.first().is_none_or(|first| {
                let (one, other) = (&first.declared.metric, &declared.metric);
                one.kind == other.kind && one.labels == other.labels
            });
            if fits {
                let instance = instance.clone();
                shown.push(One {
                    instance,
                    declared,
                    series,
                });
            }
        }
    }
    for (name, shown) in &by_name {
        let Some(first) = shown.first() else { continue };
        let kind = match first.declared.metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        let help = first
            .declared
            .help
            .replace('\\', "\\\\")
            .replace('\n', "\\n");
        head(out, name, kind, &help);
        for one in shown {
            for (values, value) in &one.series {
                sample(out, name, &labels(one, values), (&one.declared, value));
            }
        }
    }
}

/// The name that the manifest gives it; what begins with `marrow_` is the node's own.
fn shown_name(metric: String) -> String {
    if metric.starts_with("marrow_") {
        format!("handler_{metric}")
    } else {
        metric
    }
}

fn labels(one: &One, values: &[String]) -> String {
    let mut labels = format!("instance=\"{}\"", one.instance);
    for (name, value) in one.declared.metric.labels.iter().zip(values) {
        // Writing to a string does not fail.
        let _ = write!(labels, ",{name}=\"{}\"", escaped(value));
    }
    labels
}

fn sample(out: &mut String, name: &str, labels: &str, (declared, value): (&Declared, &Value)) {
    match value {
        Value::Count(count) => {
            let _ = writeln!(out, "{name}{{{labels}}} {count}");
        }
        Value::Number(number) => {
            let _ = writeln!(out, "{name}{{{labels}}} {number}");
        }
        Value::Spread(counts, sum) => {
            let MetricKind::Histogram(bounds) = &declared.metric.kind else {
                return;
            };
            let bounds = bounds.iter().map(f64::to_string);
            let bounds = bounds.chain(std::iter::once("+Inf".to_owned()));
            let mut below = 0;
            for (bound, count) in bounds.zip(counts) {
                below += count;
                let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
            }
            let _ = writeln!(out, "{name}_sum{{{labels}}} {sum}");
            let _ = writeln!(out, "{name}_count{{{labels}}} {below}");
        }
    }
}

#[cfg(test)]
mod tests {
    use handler::effects::{Change, Series};
    use handler::grant::Metric;

    use super::*;

    fn metrics(kind: MetricKind) -> Arc<Metrics> {
        let metrics = Metrics::default();
        let metric = Metric {
            kind,
            labels: vec!["peer".to_owned()],
            series_max: 4,
        };
        let help = "Seconds\nof it.".to_owned();
        metrics.declare(BTreeMap::from([(
            "life_seconds".to_owned(),
            Declared { metric, help },
        )]));
        Arc::new(metrics)
    }

    fn changed(metrics: &Metrics, change: Change) {
        let place = metrics.place(&Series {
            metric: "life_seconds".to_owned(),
            labels: vec!["a\"b".to_owned()],
        });
        metrics.change(&[change], &[place]);
    }

    #[test]
    fn a_histogram_is_shown_with_sums_up_to_each_bound() {
        let metrics = metrics(MetricKind::Histogram(vec![0.5, 2.0]));
        for value in [0.1, 1.0, 9.5] {
            changed(&metrics, Change::Observe { series: 0, value });
        }
        let mut text = String::new();
        add(&mut text, &[("t".to_owned(), metrics)]);
        let expected = "# HELP life_seconds Seconds\\nof it.\n\
                        # TYPE life_seconds histogram\n\
                        life_seconds_bucket{instance=\"t\",peer=\"a\\\"b\",le=\"0.5\"} 1\n\
                        life_seconds_bucket{instance=\"t\",peer=\"a\\\"b\",le=\"2\"} 2\n\
                        life_seconds_bucket{instance=\"t\",peer=\"a\\\"b\",le=\"+Inf\"} 3\n\
                        life_seconds_sum{instance=\"t\",peer=\"a\\\"b\"} 10.6\n\
                        life_seconds_count{instance=\"t\",peer=\"a\\\"b\"} 3\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn one_name_has_one_kind() {
        let (one, other) = (metrics(MetricKind::Counter), metrics(MetricKind::Gauge));
        changed(&one, Change::Add { series: 0, by: 2 });
        changed(
            &other,
            Change::Set {
                series: 0,
                value: 1.5,
            },
        );
        let named = |instance: &str, metrics| (instance.to_owned(), metrics);
        let mut text = String::new();
        add(&mut text, &[named("one", one), named("other", other)]);
        assert!(
            text.contains("life_seconds{instance=\"one\",peer=\"a\\\"b\"} 2\n"),
            "{text}"
        );
        assert!(!text.contains("other"), "{text}");
    }
}
