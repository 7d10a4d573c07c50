//! What others may see of the fleet: how the node stands, and counts of what it did.
//! Written by the driver, read by the routes of the local API.
//! Must never wait for the driver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use api::node::Following;

/// What was done since the daemon began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Answers to polls, those that said "as before" included.
    pub(crate) polls: u64,
    /// Polls without an answer that could be used.
    pub(crate) polls_failed: u64,
    /// Rings of the doorbell.
    pub(crate) rings: u64,
    /// Batches of reports that the registry took.
    pub(crate) reports: u64,
    /// Batches that it did not.
    pub(crate) reports_failed: u64,
    /// Floors that were not taken.
    pub(crate) floors_refused: u64,
    /// Outcomes by kind, in the words of the API.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
}

/// A view of the fleet. Clones are views of the same.
#[derive(Debug, Clone)]
pub(crate) struct Watch(Arc<Mutex<(Following, Tally)>>);

impl Watch {
    pub(super) fn new(following: Following) -> Self {
        Self(Arc::new(Mutex::new((following, Tally::default()))))
    }

    pub(super) fn show(&self, following: Following, tally: &Tally) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (following, tally.clone());
    }

    /// How the node stands now, and what it did.
    pub(crate) fn now(&self) -> (Following, Tally) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
