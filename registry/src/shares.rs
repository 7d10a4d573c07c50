//! Shares: of what there is a bound of, each caller or address may have a part, so that one of them
//! leaves some to the others. Used for connections, uploads and live pages.
//! Must never remember who holds nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many are remembered before those that hold nothing are looked for.
const SWEEP_MIN: usize = 64;

/// What each `K` holds of a bound.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    /// The most that one may hold.
    each_max: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    by_key: HashMap<K, Arc<Semaphore>>,
    /// How many are remembered when the next sweep begins: twice what the last one left, so that
    /// sweeping costs nothing that counts.
    sweep_at: usize,
}

impl<K: Eq + Hash> Shares<K> {
    /// Nobody holds anything yet, each may hold so many.
    pub(crate) fn new(each_max: usize) -> Self {
        let held = Held {
            by_key: HashMap::new(),
            sweep_at: SWEEP_MIN,
        };
        Self {
            each_max,
            held: Mutex::new(held),
        }
    }

    /// One of those of `key`, for the time until it is dropped; `None` where it holds all of them.
    pub(crate) fn take(&self, key: K) -> Option<OwnedSemaphorePermit> {
        self.of(key).try_acquire_owned().ok()
    }

    /// What is left of those of `key`, to wait for one.
    pub(crate) fn of(&self, key: K) -> Arc<Semaphore> {
        // Nothing that holds the lock can stop halfway.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.by_key.len() >= held.sweep_at {
            // Whoever holds one, or waits for one, holds the semaphore too.
            held.by_key.retain(|_, left| Arc::strong_count(left) > 1);
            held.sweep_at = SWEEP_MIN.max(held.by_key.len() * 2);
        }
        let left = held.by_key.entry(key);
        Arc::clone(left.or_insert_with(|| Arc::new(Semaphore::new(self.each_max))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_holds_its_share_leaves_the_rest_to_others() {
        let shares = Shares::new(2);
        let held = [shares.take('a'), shares.take('a')];
        assert!(held.iter().all(Option::is_some));
        assert!(shares.take('a').is_none());
        assert!(shares.take('b').is_some());
        drop(held);
        assert!(shares.take('a').is_some());
    }

    #[test]
    fn who_holds_nothing_is_forgotten_and_who_holds_something_is_not() {
        let shares = Shares::new(1);
        let held = shares.take(0);
        for key in 1..1000 {
            assert!(shares.take(key).is_some());
        }
        assert!(shares.held.lock().unwrap().by_key.len() <= SWEEP_MIN);
        assert!(shares.take(0).is_none());
        drop(held);
        assert!(shares.take(0).is_some());
    }
}
