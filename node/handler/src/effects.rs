//! What a call of a guest asked for beside its result, kept until whoever called takes or drops it.
//! Filled by the host functions; read by whoever called. Must never grow beyond the limits.

use wasmtime::component::{ComponentType, Lift};

/// What one call has put out.
#[derive(Debug, Default)]
pub struct Effects {
    /// Outputs, in order.
    pub emitted: Vec<Emitted>,
    /// Bytes that `emitted` points into: names of streams and JSON objects.
    pub text: Vec<u8>,
    /// Lines for the log that were within the limit.
    pub log: Vec<(Level, String)>,
    /// Changes of metrics, in order.
    pub changes: Vec<Change>,
    /// Series that the guest asked for first in this call; `Change::series` counts them all.
    pub series: Vec<Series>,
    /// Outputs that were refused, for the limit of a second or their form.
    pub emits_refused: u64,
    /// Lines of the log beyond the limit.
    pub log_dropped: u64,
    /// How often its memory was to grow beyond the limit.
    pub growths_refused: u64,
    /// Names of maps that were asked for without a right to them.
    pub denied: Vec<String>,
}

/// One output: ranges of [`Effects::text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The name of its stream.
    pub stream: std::ops::Range<usize>,
    /// A JSON object without white space around it and without a newline in it.
    pub event: std::ops::Range<usize>,
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    #[component(name = "error")]
    Error,
    /// Something may be wrong.
    #[component(name = "warn")]
    Warn,
    /// Worth to know.
    #[component(name = "info")]
    Info,
    /// For who looks for a mistake.
    #[component(name = "debug")]
    Debug,
}

impl Level {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The level of this number in the contract.
    pub(crate) fn of(number: u32) -> Option<Self> {
        let all = [Self::Error, Self::Warn, Self::Info, Self::Debug];
        all.get(number as usize).copied()
    }
}

/// A series of a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The metric's name.
    pub metric: String,
    /// A value for each of its labels.
    pub labels: Vec<String>,
}

/// A change of a series, by its number in this guest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// A counter goes up.
    Add {
        /// Which.
        series: u32,
        /// By how much.
        by: u64,
    },
    /// A gauge is this now.
    Set {
        /// Which.
        series: u32,
        /// The number.
        value: f64,
    },
    /// A histogram counts one more.
    Observe {
        /// Which.
        series: u32,
        /// The number.
        value: f64,
    },
}

impl Change {
    /// The number of the series that it changes.
    #[must_use]
    pub fn series(&self) -> u32 {
        match *self {
            Self::Add { series, .. } | Self::Set { series, .. } | Self::Observe { series, .. } => {
                series
            }
        }
    }
}

impl Effects {
    /// Forgets all of it, keeping the room.
    pub fn clear(&mut self) {
        self.emitted.clear();
        self.text.clear();
        self.log.clear();
        self.changes.clear();
        self.series.clear();
        self.emits_refused = 0;
        self.log_dropped = 0;
        self.growths_refused = 0;
        self.denied.clear();
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.emitted.is_empty()
            && self.log.is_empty()
            && self.changes.is_empty()
            && self.series.is_empty()
            && self.emits_refused == 0
            && self.log_dropped == 0
            && self.growths_refused == 0
            && self.denied.is_empty()
    }
}
