//! Makes the rounds of all instances: hooks whose target had gone away and is back are attached again,
//! watches are looked at and end, staged generations take over at their time. Started with the engine.
//! Must never hold up a start, an update or a stop: an instance that is busy is looked at next time.

use std::sync::{Arc, TryLockError, Weak};
use std::thread::{Builder, park_timeout};
use std::time::Duration;

use api::node::Owner;
use payload::name::InstanceName;

use super::{Engine, Notice, Shared, Slot};

/// How long a hook may have missed its target's return, and a watch not been looked at.
const EVERY: Duration = Duration::from_millis(500);
/// Between two looks for an instance that was busy when its time had come.
const EVERY_MIN: Duration = Duration::from_millis(5);

/// Looks after the instances of an engine from a thread of its own, as long as the engine lives.
/// Gives what wakes it.
pub(super) fn begin(engine: Weak<Shared>) -> Option<std::thread::Thread> {
    let thread = Builder::new().name("marrow-rounds".to_owned());
    // Without the thread all goes on, but for targets that come back, watches, and times that come.
    let thread = thread.spawn(move || {
        let mut wait = EVERY;
        loop {
            park_timeout(wait);
            let Some(shared) = engine.upgrade() else {
                break;
            };
            wait = round(&Engine { shared });
        }
    });
    Some(thread.ok()?.thread().clone())
}

/// One round. Gives how long to wait before the next.
fn round(engine: &Engine) -> Duration {
    let now_ms = || (engine.shared.config.now_us)() / 1000;
    for (name, owner) in engine.due(now_ms()) {
        flip(engine, name, owner);
    }
    for (name, slot) in engine.slots() {
        look(engine, &name, &slot);
    }
    let left = engine
        .next_due_ms()
        .map(|due_ms| due_ms.saturating_sub(now_ms()));
    left.map_or(EVERY, |left_ms| {
        Duration::from_millis(left_ms).clamp(EVERY_MIN, EVERY)
    })
}

/// On a thread of its own: what is staged may have to be loaded anew, and others have their times too.
fn flip(engine: &Engine, name: InstanceName, owner: Owner) {
    let engine = engine.clone();
    let thread = Builder::new().name("marrow-flip".to_owned());
    let flipping = engine.clone();
    let told = name.clone();
    let begun = thread.spawn(move || match flipping.flip_now(&name, &owner) {
        Ok(applied) => {
            flipping.shared.stirred.notify_one();
            flipping.tell(&Notice::Flipped(&applied));
        }
        Err(error) => {
            let what = "what was staged did not take over at its time";
            flipping.failed(name.as_str(), what, &error);
        }
    });
    if let Err(reason) = begun {
        let what = "what is staged did not take over at its time";
        engine.failed(told.as_str(), what, &reason);
    }
}

fn look(engine: &Engine, name: &InstanceName, slot: &Arc<Slot>) {
    let mut place = match slot.running.try_lock() {
        Ok(place) => place,
        Err(TryLockError::Poisoned(place)) => place.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    let Some(running) = place.as_mut() else {
        return;
    };
    running.mend();
    let before = running.charge.number;
    let Some(looked) = running.look() else {
        return;
    };
    let applied = engine.publish(slot, running);
    let went_back = running.charge.number != before;
    drop(place);
    engine.shared.stirred.notify_one();
    if let Some(applied) = applied.filter(|_| went_back) {
        engine.tell(&Notice::RolledBack(&applied));
    }
    if let Err(error) = looked {
        let what = "its watch failed, and going back did not go well";
        engine.failed(name.as_str(), what, &error);
    }
}
