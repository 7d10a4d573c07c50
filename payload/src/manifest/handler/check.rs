//! The rules of a manifest's `handler` that span more than one field, or that a type cannot say.
//! Called when a manifest is read. Must never repair: what breaks a rule is refused by its name.

use std::collections::{BTreeMap, BTreeSet};

use super::{Handler, Metric, MetricKind};
use crate::limits::{
    HANDLER_CALL_MS_MAX, HANDLER_EMIT_BYTES_PER_S_MAX, HANDLER_EMITS_PER_S_MAX,
    HANDLER_LOG_LINES_PER_S_MAX, HANDLER_MEMORY_BYTES_MAX, HANDLER_MEMORY_BYTES_MIN,
    HANDLER_STATE_BYTES_MAX, HANDLER_STATE_MS_MAX, METRIC_SERIES_MAX,
};

/// The label that a node puts on every series.
const LABEL_OF_NODES: &str = "instance";
/// The label that a histogram's buckets have.
const LABEL_OF_BUCKETS: &str = "le";
/// What labels of Prometheus itself begin with.
const LABEL_PREFIX: &str = "__";
/// What a histogram is shown as beside its name.
const HISTOGRAM_SUFFIXES: [&str; 3] = ["_bucket", "_count", "_sum"];

/// Why a manifest's word about its handler is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerFieldError {
    /// A world that is not this project's, or without a version.
    #[error("manifest field handler.world: {world:?} is not marrow:handler@ with a version")]
    World {
        /// What was given.
        world: String,
    },
    /// A list that is not in ascending order, or has something twice.
    #[error(
        "manifest field handler.{list}: {second:?} after {first:?}, the order is ascending and \
         each stands once"
    )]
    Order {
        /// Name of the list.
        list: &'static str,
        /// What comes first.
        first: String,
        /// What follows it.
        second: String,
    },
    /// A map that is not there.
    #[error("manifest field handler.maps: map {map:?} is none of the maps")]
    Map {
        /// Its name.
        map: String,
    },
    /// A name of another form.
    #[error("manifest field handler.{field}: {name:?} is not of the form [a-z_][a-z0-9_]*")]
    Name {
        /// Where.
        field: String,
        /// The name.
        name: String,
    },
    /// Two metrics that would be shown under one name.
    #[error("manifest field handler.metrics: {metric} and {other} are both shown as {shown}")]
    MetricNames {
        /// One of them.
        metric: String,
        /// The other.
        other: String,
        /// The name.
        shown: String,
    },
    /// A label with the name of another, or with one that is not the handler's to give.
    #[error("manifest field handler.metrics: label {label:?} of {metric} {rule}")]
    Label {
        /// The metric.
        metric: String,
        /// The label.
        label: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// Buckets that are missing, in another order, or of what is no histogram.
    #[error("manifest field handler.metrics: buckets of {metric}: {rule}")]
    Buckets {
        /// The metric.
        metric: String,
        /// What is wrong with them.
        rule: &'static str,
    },
    /// A limit beyond what may be asked for.
    #[error("manifest field handler.{field}: {found} is not from {min} to {max}")]
    Limit {
        /// Its name.
        field: String,
        /// What is asked for.
        found: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

/// Whether `text` is a name as metrics, labels and settings have them: `[a-z_][a-z0-9_]*`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl Handler {
    /// Checks the rules; `maps` has the names of the manifest's maps.
    pub(in crate::manifest) fn check(
        &self,
        maps: &BTreeSet<&str>,
    ) -> Result<(), HandlerFieldError> {
        if self.world_version().is_none() {
            let world = self.world.clone();
            return Err(HandlerFieldError::World { world });
        }
        ascending("imports", &self.imports)?;
        ascending("accepts", &self.accepts)?;
        let wanted: Vec<&str> = self.maps.iter().map(|wish| wish.map.as_str()).collect();
        ascending("maps", &wanted)?;
        if let Some(map) = wanted.into_iter().find(|map| !maps.contains(map)) {
            let map = map.to_owned();
            return Err(HandlerFieldError::Map { map });
        }
        for key in self.config.keys() {
            named("config", key)?;
        }
        self.check_metrics()?;
        self.check_limits()
    }

    fn check_metrics(&self) -> Result<(), HandlerFieldError> {
        self.metrics.iter().try_for_each(Metric::check)?;
        let names: Vec<&str> = self.metrics.iter().map(|one| one.name.as_str()).collect();
        ascending("metrics", &names)?;
        let mut shown: BTreeMap<String, &str> = BTreeMap::new();
        for metric in &self.metrics {
            for name in metric.shown_as() {
                if let Some(other) = shown.insert(name.clone(), &metric.name) {
                    return Err(HandlerFieldError::MetricNames {
                        metric: metric.name.clone(),
                        other: other.to_owned(),
                        shown: name,
                    });
                }
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), HandlerFieldError> {
        let memory = (HANDLER_MEMORY_BYTES_MIN, HANDLER_MEMORY_BYTES_MAX);
        limit("memory_bytes_max", self.memory_bytes_max, memory)?;
        for (field, found, min, max) in [
            ("call_ms_max", self.call_ms_max, 1, HANDLER_CALL_MS_MAX),
            ("state_ms_max", self.state_ms_max.0, 1, HANDLER_STATE_MS_MAX),
            (
                "state_bytes_max",
                self.state_bytes_max.0,
                0,
                HANDLER_STATE_BYTES_MAX,
            ),
            (
                "emits_per_s_max",
                self.emits_per_s_max.0,
                0,
                HANDLER_EMITS_PER_S_MAX,
            ),
            (
                "emit_bytes_per_s_max",
                self.emit_bytes_per_s_max.0,
                0,
                HANDLER_EMIT_BYTES_PER_S_MAX,
            ),
            (
                "log_lines_per_s_max",
                self.log_lines_per_s_max.0,
                0,
                HANDLER_LOG_LINES_PER_S_MAX,
            ),
        ] {
            limit(field, found.into(), (min, max.into()))?;
        }
        Ok(())
    }
}

impl Metric {
    fn check(&self) -> Result<(), HandlerFieldError> {
        named("metrics", &self.name)?;
        for (index, label) in self.labels.iter().enumerate() {
            named(&format!("metrics.{}.labels", self.name), label)?;
            let earlier = self.labels.get(..index).unwrap_or_default();
            let rule = if earlier.contains(label) {
                "stands twice"
            } else if label == LABEL_OF_NODES {
                "is the node's to give"
            } else if label == LABEL_OF_BUCKETS || label.starts_with(LABEL_PREFIX) {
                "is reserved by Prometheus"
            } else {
                continue;
            };
            let (metric, label) = (self.name.clone(), label.clone());
            return Err(HandlerFieldError::Label {
                metric,
                label,
                rule,
            });
        }
        let histogram = self.kind == MetricKind::Histogram;
        let sorted = |pair: &[super::UpperBound]| pair[0].get() < pair[1].get();
        let rule = match (histogram, self.buckets.is_empty()) {
            (true, true) => Some("a histogram has at least one"),
            (false, false) => Some("only a histogram has some"),
            _ if !self.buckets.windows(2).all(sorted) => Some("they are not ascending"),
            _ => None,
        };
        if let Some(rule) = rule {
            let metric = self.name.clone();
            return Err(HandlerFieldError::Buckets { metric, rule });
        }
        let field = format!("metrics.{}.series_max", self.name);
        limit(
            &field,
            self.series_max.0.into(),
            (1, METRIC_SERIES_MAX.into()),
        )
    }

    /// The names under which Prometheus sees it.
    fn shown_as(&self) -> Vec<String> {
        let mut names = vec![self.name.clone()];
        if self.kind == MetricKind::Histogram {
            let suffixed = |suffix| format!("{}{suffix}", self.name);
            names.extend(HISTOGRAM_SUFFIXES.map(suffixed));
        }
        names
    }
}

fn named(field: &str, name: &str) -> Result<(), HandlerFieldError> {
    if is_name(name) {
        return Ok(());
    }
    let (field, name) = (field.to_owned(), name.to_owned());
    Err(HandlerFieldError::Name { field, name })
}

fn ascending<T: PartialOrd + ToString>(
    list: &'static str,
    entries: &[T],
) -> Result<(), HandlerFieldError> {
    let pair = entries.windows(2).find(|pair| pair[0] >= pair[1]);
    pair.map_or(Ok(()), |pair| {
        Err(HandlerFieldError::Order {
            list,
            first: pair[0].to_string(),
            second: pair[1].to_string(),
        })
    })
}

fn limit(field: &str, found: u64, (min, max): (u64, u64)) -> Result<(), HandlerFieldError> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    let field = field.to_owned();
    Err(HandlerFieldError::Limit {
        field,
        found,
        min,
        max,
    })
}
