//! A guest's series and what it does to them. Called by the host functions.
//! Must never give a metric more series than it may have, nor change one in a way of another kind.

use std::collections::{BTreeMap, HashMap};

use super::{Host, Refusal};
use crate::effects::{Change, Series};
use crate::fault::Fault;
use crate::grant::MetricKind;

/// Bytes of a label's value.
const LABEL_BYTES_MAX: usize = 256;
/// Changes that wait to be taken: more than a span of the smallest records gives with eight each.
const CHANGES_MAX: usize = 1 << 16;

/// The series of a guest.
#[derive(Debug, Default)]
pub(super) struct Meters {
    /// By metric and labels, each with its length before it.
    numbers: HashMap<Vec<u8>, u32>,
    all: Vec<Meter>,
    of_metric: BTreeMap<String, u32>,
    /// Room for the key that is looked up.
    key: Vec<u8>,
}

#[derive(Debug)]
struct Meter {
    kind: Kind,
    /// Where its last change was among those that wait.
    last: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Meters {
    fn look_up(&mut self, metric: &str, labels: &[&str]) -> Option<u32> {
        self.key.clear();
        for part in [metric].iter().chain(labels) {
            self.key.extend(part.len().to_le_bytes());
            self.key.extend(part.as_bytes());
        }
        self.numbers.get(&self.key).copied()
    }
}

impl Host {
    /// The number of a series, which is made if it is new.
    pub(crate) fn series(&mut self, metric: &str, labels: &[&str]) -> Result<u32, Refusal> {
        let declared = self.grant.metrics.get(metric).ok_or(Refusal::Denied)?;
        if labels.len() != declared.labels.len() {
            return Err(Refusal::Invalid);
        }
        if labels.iter().any(|value| value.len() > LABEL_BYTES_MAX) {
            return Err(Refusal::Limited);
        }
        if let Some(number) = self.meters.look_up(metric, labels) {
            return Ok(number);
        }
        let made = self.meters.of_metric.entry(metric.to_owned()).or_default();
        if *made >= declared.series_max {
            return Err(Refusal::Full);
        }
        let number = u32::try_from(self.meters.all.len()).map_err(|_| Refusal::Full)?;
        *made += 1;
        let kind = match declared.kind {
            MetricKind::Counter => Kind::Counter,
            MetricKind::Gauge => Kind::Gauge,
            MetricKind::Histogram(_) => Kind::Histogram,
        };
        self.meters.all.push(Meter { kind, last: 0 });
        self.meters.numbers.insert(self.meters.key.clone(), number);
        self.effects.series.push(Series {
            metric: metric.to_owned(),
            labels: labels.iter().map(|&value| value.to_owned()).collect(),
        });
        Ok(number)
    }

    /// A counter goes up.
    pub(crate) fn add(&mut self, series: u32, by: u64) -> Result<(), Fault> {
        match self.waiting("add", series, Kind::Counter)? {
            Some(Change::Add { by: sum, .. }) => *sum = sum.saturating_add(by),
            _ => self.push("add", Change::Add { series, by })?,
        }
        Ok(())
    }

    /// A gauge is this now.
    pub(crate) fn set(&mut self, series: u32, value: f64) -> Result<(), Fault> {
        match self.waiting("set", series, Kind::Gauge)? {
            Some(Change::Set { value: last, .. }) => *last = value,
            _ => self.push("set", Change::Set { series, value })?,
        }
        Ok(())
    }

    /// A histogram counts one more.
    pub(crate) fn observe(&mut self, series: u32, value: f64) -> Result<(), Fault> {
        self.waiting("observe", series, Kind::Histogram)?;
        self.push("observe", Change::Observe { series, value })
    }

    /// The last change of the series if it was not taken yet.
    fn waiting(
        &mut self,
        call: &'static str,
        series: u32,
        kind: Kind,
    ) -> Result<Option<&mut Change>, Fault> {
        let wrong = |reason| Fault::Contract { call, reason };
        let meter = self.meters.all.get(series as usize);
        let meter = meter.ok_or_else(|| wrong(format!("there is no series {series}")))?;
        if meter.kind != kind {
            let (is, not) = (meter.kind.word(), kind.word());
            return Err(wrong(format!(
                "series {series} is of a {is}, not of a {not}"
            )));
        }
        let last = self.effects.changes.get_mut(meter.last);
        Ok(last.filter(|change| change.series() == series))
    }

    fn push(&mut self, call: &'static str, change: Change) -> Result<(), Fault> {
        let waiting = self.effects.changes.len();
        if waiting >= CHANGES_MAX {
            let reason = format!("more than {CHANGES_MAX} changes of metrics in a call");
            return Err(Fault::Contract { call, reason });
        }
        if let Some(meter) = self.meters.all.get_mut(change.series() as usize) {
            meter.last = waiting;
        }
        self.effects.changes.push(change);
        Ok(())
    }
}
