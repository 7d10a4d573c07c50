//! The doorbell: tells waiting nodes that what they should run has changed, or what of
//! them is viewed, and nothing more.
//! Rung by `fleet` for the nodes that a change concerns, listened to by the doorbell route.
//! A slow reader loses only revisions that a newer one has replaced.
//! Must never wait for a node, nor let one node hold more than one place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::registry::Ring;
use tokio::sync::watch;

/// Calls that the registry answers in a millisecond with ease: the spread is this long.
const CALLS_PER_MS: u64 = 10;

/// Every node that waits.
#[derive(Debug)]
pub(crate) struct Doorbell {
    places: Mutex<Places>,
    waiting_max: usize,
}

#[derive(Debug)]
struct Places {
    /// Counts up with each change that concerned a node.
    revision: u64,
    /// Numbers the listeners, so that one that was replaced does not take its successor away.
    last_id: u64,
    waiting: HashMap<String, Place>,
    /// Instances that somebody views, by node; also of nodes that do not wait now.
    viewed: HashMap<String, Vec<String>>,
}

#[derive(Debug)]
struct Place {
    id: u64,
    sender: watch::Sender<Ring>,
}

/// Every place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting_max} nodes wait at the doorbell already, the most there may be")]
pub(crate) struct DoorbellFull {
    /// The bound.
    pub(crate) waiting_max: usize,
}

/// One node that waits; its place is free when this is gone.
#[derive(Debug)]
pub(crate) struct Listener {
    doorbell: Arc<Doorbell>,
    node: String,
    id: u64,
    receiver: watch::Receiver<Ring>,
    told: bool,
}

impl Doorbell {
    /// A doorbell with room for `waiting_max` nodes. Revisions go on from `revision`, which must
    /// not be lower than one that was told before a restart.
    pub(crate) fn new(revision: u64, waiting_max: usize) -> Arc<Self> {
        let places = Places {
            revision,
            last_id: 0,
            waiting: HashMap::new(),
            viewed: HashMap::new(),
        };
        Arc::new(Self {
            places: Mutex::new(places),
            waiting_max,
        })
    }

    /// Takes the place of `node`; a listener that holds it already hears its end. The first ring
    /// comes at once: whatever changed while nobody listened is heard of by it.
    ///
    /// # Errors
    /// [`DoorbellFull`].
    pub(crate) fn listen(self: &Arc<Self>, node: &str) -> Result<Listener, DoorbellFull> {
        let mut places = self.places();
        if !places.waiting.contains_key(node) && places.waiting.len() >= self.waiting_max {
            return Err(DoorbellFull {
                waiting_max: self.waiting_max,
            });
        }
        places.last_id += 1;
        let id = places.last_id;
        // After a restart all nodes come back at once.
        let spread_ms = spread_ms(places.waiting.len());
        let (sender, receiver) = watch::channel(Ring {
            revision: places.revision,
            spread_ms,
            viewed: places.viewed.get(node).cloned().unwrap_or_default(),
        });
        places.waiting.insert(node.to_owned(), Place { id, sender });
        drop(places);
        let (doorbell, node) = (Arc::clone(self), node.to_owned());
        Ok(Listener {
            doorbell,
            node,
            id,
            receiver,
            told: false,
        })
    }

    /// Tells those of `nodes` that wait. Returns the new revision.
    pub(crate) fn ring<'a>(&self, nodes: impl Iterator<Item = &'a str>) -> u64 {
        let mut places = self.places();
        places.revision += 1;
        let told: Vec<&Place> = nodes.filter_map(|node| places.waiting.get(node)).collect();
        let (revision, spread_ms) = (places.revision, spread_ms(told.len()));
        for place in told {
            place.sender.send_modify(|ring| {
                (ring.revision, ring.spread_ms) = (revision, spread_ms);
            });
        }
        revision
    }

    /// Tells a node which instances are viewed, now or when it waits again.
    pub(crate) fn view(&self, node: &str, instances: Vec<String>) {
        let mut places = self.places();
        if let Some(place) = places.waiting.get(node) {
            place.sender.send_modify(|ring| {
                ring.spread_ms = 0;
                ring.viewed.clone_from(&instances);
            });
        }
        if instances.is_empty() {
            places.viewed.remove(node);
        } else {
            places.viewed.insert(node.to_owned(), instances);
        }
    }

    /// Ends the wait of a node that is no more.
    pub(crate) fn dismiss(&self, node: &str) {
        self.places().waiting.remove(node);
    }

    /// How many nodes wait.
    pub(crate) fn waiting(&self) -> usize {
        self.places().waiting.len()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Nothing that holds the lock can stop halfway.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time over which `told` nodes spread their calls, milliseconds.
fn spread_ms(told: usize) -> u64 {
    u64::try_from(told).unwrap_or(u64::MAX) / CALLS_PER_MS
}

impl Listener {
    /// The next ring; `None` when another listener took the place or the node is no more.
    pub(crate) async fn next(&mut self) -> Option<Ring> {
        if self.told {
            self.receiver.changed().await.ok()?;
        }
        self.told = true;
        Some(self.receiver.borrow_and_update().clone())
    }
}

#[cfg(test)]
impl Listener {
    /// What would be heard now.
    pub(crate) fn latest(&self) -> Ring {
        self.receiver.borrow().clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut places = self.doorbell.places();
        if places
            .waiting
            .get(&self.node)
            .is_some_and(|place| place.id == self.id)
        {
            places.waiting.remove(&self.node);
        }
    }
}

#[cfg(test)]
#[path = "doorbell/tests.rs"]
mod tests;
