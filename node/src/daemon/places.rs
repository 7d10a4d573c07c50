//! How many connections are served, and how many are told no, at a time.
//! Used by the listeners.
//! Must never let callers who may not come in use up the places of those who may.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{CONNECTIONS_MAX, REFUSALS_MAX};

/// The places of both kinds.
#[derive(Debug, Clone)]
pub(super) struct Places {
    connections: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

impl Places {
    /// All free.
    pub(super) fn new() -> Self {
        Self {
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        }
    }

    /// A place for a caller who may come in, if one is free.
    pub(super) fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).try_acquire_owned().ok()
    }

    /// A place for a caller who is told no, if one is free.
    pub(super) fn refusal(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.refusals).try_acquire_owned().ok()
    }

    /// Waits until nobody is served any more.
    pub(super) async fn all_free(&self) {
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        // Fails only on a closed semaphore, and nobody closes it.
        let _ = self.connections.acquire_many(all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_callers_never_take_a_place_of_served_ones() {
        let places = Places::new();
        let refused: Vec<_> = std::iter::from_fn(|| places.refusal()).collect();
        assert_eq!(refused.len(), REFUSALS_MAX);
        let served: Vec<_> = std::iter::from_fn(|| places.connection()).collect();
        assert_eq!(served.len(), CONNECTIONS_MAX);
        drop(refused);
        assert!(places.refusal().is_some() && places.connection().is_none());
    }
}
