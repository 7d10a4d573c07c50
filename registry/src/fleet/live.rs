//! Live events: what instances put out, passed from their nodes to whoever views. Viewed by the
//! routes of the API and of the pages; told by nodes that the doorbell asks.
//! Must never keep an event, nor wait for who reads slowly: what it misses is counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::registry::LiveEvents;
use tokio::sync::mpsc;

use super::doorbell::Doorbell;

/// Batches that wait for one who views.
const WAITING_MAX: usize = 8;

/// A node, and an instance of it.
type Place = (String, String);

/// Who views what.
#[derive(Debug)]
pub(crate) struct Live {
    doorbell: Arc<Doorbell>,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    last_id: u64,
    by_place: BTreeMap<Place, Vec<Seat>>,
}

/// One who views.
#[derive(Debug)]
struct Seat {
    id: u64,
    sender: mpsc::Sender<LiveEvents>,
    /// Events that found no room since the last batch that did.
    missed: u64,
}

/// The events of an instance, for one who views; the node is told when the last one is gone.
#[derive(Debug)]
pub(crate) struct Viewing {
    live: Arc<Live>,
    place: Place,
    id: u64,
    receiver: mpsc::Receiver<LiveEvents>,
}

impl Live {
    /// Nobody views yet; nodes are told by this doorbell.
    pub(super) fn new(doorbell: Arc<Doorbell>) -> Arc<Self> {
        let seats = Mutex::default();
        Arc::new(Self { doorbell, seats })
    }

    /// Views an instance of a node.
    pub(super) fn view(self: &Arc<Self>, node: &str, instance: &str) -> Viewing {
        let place = (node.to_owned(), instance.to_owned());
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut seats = self.seats();
        seats.last_id += 1;
        let id = seats.last_id;
        let missed = 0;
        let seat = Seat { id, sender, missed };
        let there = seats.by_place.entry(place.clone()).or_default();
        there.push(seat);
        if there.len() == 1 {
            self.ask(&seats, node);
        }
        drop(seats);
        Viewing {
            live: Arc::clone(self),
            place,
            id,
            receiver,
        }
    }

    /// Passes a batch of a node's on; whether anybody views.
    pub(super) fn pass(&self, node: &str, events: &LiveEvents) -> bool {
        let place = (node.to_owned(), events.instance.clone());
        let mut seats = self.seats();
        let Some(there) = seats.by_place.get_mut(&place) else {
            return false;
        };
        for seat in there {
            let mut batch = events.clone();
            batch.skipped = batch.skipped.saturating_add(seat.missed);
            let missed = batch.skipped.saturating_add(batch.events.len() as u64);
            seat.missed = match seat.sender.try_send(batch) {
                Ok(()) => 0,
                Err(_) => missed,
            };
        }
        true
    }

    /// Tells a node what of it is viewed.
    fn ask(&self, seats: &Seats, node: &str) {
        let from = (node.to_owned(), String::new());
        let its = seats.by_place.range(from..);
        let its = its.take_while(|((other, _), _)| other == node);
        let instances = its.map(|((_, instance), _)| instance.clone());
        self.doorbell.view(node, instances.collect());
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // Nothing that holds the lock can stop halfway.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewing {
    /// What comes next.
    pub(crate) async fn next(&mut self) -> Option<LiveEvents> {
        self.receiver.recv().await
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        let mut seats = self.live.seats();
        let Some(there) = seats.by_place.get_mut(&self.place) else {
            return;
        };
        there.retain(|seat| seat.id != self.id);
        if there.is_empty() {
            seats.by_place.remove(&self.place);
            self.live.ask(&seats, &self.place.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn batch(instance: &str, events: usize) -> LiveEvents {
        let event = || api::registry::LiveEvent {
            at_ms: 1,
            event: RawValue::from_string("{}".to_owned()).unwrap(),
        };
        LiveEvents {
            instance: instance.to_owned(),
            events: std::iter::repeat_with(event).take(events).collect(),
            skipped: 0,
        }
    }

    #[test]
    fn a_node_is_asked_for_what_is_viewed_and_no_longer() {
        let doorbell = Doorbell::new(0, 10);
        let live = Live::new(Arc::clone(&doorbell));
        let early = live.view("a", "x");
        let bell = doorbell.listen("a").unwrap();
        assert_eq!(bell.latest().viewed, ["x"]);
        let second = live.view("a", "x");
        let other = live.view("a", "y");
        let _elsewhere = live.view("b", "z");
        assert_eq!(bell.latest().viewed, ["x", "y"]);
        // What a change rings for leaves it as it is.
        doorbell.ring(["a"].into_iter());
        assert_eq!(bell.latest().viewed, ["x", "y"]);
        drop(early);
        assert_eq!(bell.latest().viewed, ["x", "y"]);
        drop((second, other));
        assert!(bell.latest().viewed.is_empty());
        assert!(!live.pass("a", &batch("x", 1)), "nobody views");
        assert!(!live.pass("b", &batch("x", 1)), "another instance");
        assert!(live.pass("b", &batch("z", 1)));
    }

    #[test]
    fn who_reads_slowly_hears_how_much_it_missed() {
        let live = Live::new(Doorbell::new(0, 10));
        let (mut slow, mut fast) = (live.view("a", "x"), live.view("a", "x"));
        let mut read = 0;
        for _ in 0..WAITING_MAX + 3 {
            assert!(live.pass("a", &batch("x", 2)));
            read += fast.receiver.try_recv().unwrap().events.len();
        }
        assert_eq!(read, 2 * (WAITING_MAX + 3));
        for _ in 0..WAITING_MAX {
            assert_eq!(slow.receiver.try_recv().unwrap().skipped, 0);
        }
        live.pass("a", &batch("x", 2));
        let next = slow.receiver.try_recv().unwrap();
        assert_eq!((next.skipped, next.events.len()), (6, 2));
        live.pass("a", &batch("x", 2));
        assert_eq!(slow.receiver.try_recv().unwrap().skipped, 0);
    }
}
