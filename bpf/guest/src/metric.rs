//! Metrics that the manifest declares. Used by handlers.
//! Must never be part of a state: a series' number means nothing to the guest that follows.

use crate::host::{self, lent, Bytes, Number, Refusal};

/// Labels that a metric may have.
const LABELS_MAX: usize = 8;

/// The number of a series for these values of its labels.
fn series(metric: &str, labels: &[&str]) -> Result<u32, Refusal> {
    let mut values: [Bytes; LABELS_MAX] = Default::default();
    let values = values.get_mut(..labels.len()).ok_or(Refusal::Invalid)?;
    for (value, label) in values.iter_mut().zip(labels) {
        *value = lent(label.as_bytes());
    }
    let mut answer = Number::default();
    let [at, length] = lent(metric.as_bytes());
    let count = labels.len() as u32;
    let values = host::address(values.as_ptr());
    // SAFETY: the texts are lent for the call, and the answer has the room of the result.
    unsafe { host::series(at, length, values, count, answer.at()) };
    answer.refusal(1, 0)?;
    Ok(answer.word(1))
}

macro_rules! metric {
    ($(#[$what:meta])* $name:ident, $(#[$does:meta])* $change:ident = $function:ident($value:ty)) => {
        $(#[$what])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(u32);

        impl $name {
            /// The series for these values of the metric's labels.
            ///
            /// # Errors
            /// The manifest declares no such metric, or there are as many series as there may be.
            pub fn open(metric: &str, labels: &[&str]) -> Result<Self, Refusal> {
                series(metric, labels).map(Self)
            }

            $(#[$does])*
            pub fn $change(self, value: $value) {
                // SAFETY: the number is one that the node gave.
                unsafe { host::$function(self.0, value) }
            }
        }
    };
}

metric! {
    /// A number that only goes up.
    Counter,
    /// By so much.
    add = add(u64)
}

metric! {
    /// Any number.
    Gauge,
    /// It is this now.
    set = set(f64)
}

metric! {
    /// Numbers that are counted by size.
    Histogram,
    /// One more.
    observe = observe(f64)
}
