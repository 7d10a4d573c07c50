//! Looks again and again whether what hooks are attached to has gone away, and attaches them again
//! when it is back. Started with the engine.
//! Must never hold up a start, an update or a stop: an instance that is busy is looked at next time.

use std::sync::{Arc, TryLockError, Weak};
use std::time::Duration;

use super::{Shared, Slot, locked};

/// How long a hook may have missed its target's return.
const EVERY: Duration = Duration::from_millis(500);

/// Watches the instances of an engine from a thread of its own, as long as the engine lives.
pub(super) fn watch(engine: Weak<Shared>) {
    let watching = std::thread::Builder::new().name("marrow-targets".to_owned());
    // Without the thread all goes on, but for hooks whose target goes away and comes back.
    let _watching = watching.spawn(move || {
        loop {
            std::thread::park_timeout(EVERY);
            let Some(engine) = engine.upgrade() else {
                break;
            };
            let slots: Vec<Arc<Slot>> = locked(&engine.slots).values().cloned().collect();
            drop(engine);
            for slot in &slots {
                mend(slot);
            }
        }
    });
}

fn mend(slot: &Slot) {
    let place = match slot.running.try_lock() {
        Ok(place) => place,
        Err(TryLockError::Poisoned(place)) => place.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    if let Some(running) = place.as_ref() {
        running.mend();
    }
}
