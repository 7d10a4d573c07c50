//! Who is told, how often, and who gives way.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::{Doorbell, DoorbellFull, Listener};

/// What is heard without waiting.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Ring(u64),
    Silence,
    End,
}
use Heard::{End, Ring, Silence};

fn heard(listener: &mut Listener) -> Heard {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(listener.next()).poll(&mut context) {
        Poll::Ready(Some(ring)) => Ring(ring.revision),
        Poll::Ready(None) => End,
        Poll::Pending => Silence,
    }
}

#[test]
fn a_listener_hears_at_once_and_then_only_what_concerns_it() {
    let doorbell = Doorbell::new(7, 10);
    let (mut a, mut b) = (doorbell.listen("a").unwrap(), doorbell.listen("b").unwrap());
    assert_eq!((heard(&mut a), heard(&mut b)), (Ring(7), Ring(7)));
    assert_eq!(doorbell.ring(["a", "elsewhere"].into_iter()), 8);
    assert_eq!((heard(&mut a), heard(&mut b)), (Ring(8), Silence));
    assert_eq!(heard(&mut a), Silence);
}

#[test]
fn a_slow_listener_hears_the_newest_revision_once() {
    let doorbell = Doorbell::new(0, 10);
    let mut a = doorbell.listen("a").unwrap();
    for _ in 0..100 {
        doorbell.ring(["a"].into_iter());
    }
    assert_eq!(heard(&mut a), Ring(100));
    assert_eq!(heard(&mut a), Silence);
}

#[test]
fn a_second_listener_of_a_node_takes_the_place_of_the_first() {
    let doorbell = Doorbell::new(0, 1);
    let mut first = doorbell.listen("a").unwrap();
    let mut second = doorbell.listen("a").unwrap();
    assert_eq!(heard(&mut first), Ring(0));
    assert_eq!(heard(&mut first), End);
    drop(first);
    assert_eq!(doorbell.waiting(), 1);
    assert_eq!(heard(&mut second), Ring(0));
    doorbell.ring(["a"].into_iter());
    assert_eq!(heard(&mut second), Ring(1));
}

#[test]
fn places_are_bounded_and_come_free() {
    let doorbell = Doorbell::new(0, 2);
    let (a, _b) = (doorbell.listen("a").unwrap(), doorbell.listen("b").unwrap());
    assert_eq!(
        doorbell.listen("c").unwrap_err(),
        DoorbellFull { waiting_max: 2 }
    );
    drop(a);
    assert!(doorbell.listen("c").is_ok());
}

#[test]
fn a_dismissed_node_hears_the_end() {
    let doorbell = Doorbell::new(0, 2);
    let mut a = doorbell.listen("a").unwrap();
    assert_eq!(heard(&mut a), Ring(0));
    doorbell.dismiss("a");
    assert_eq!(heard(&mut a), End);
}

#[test]
fn the_spread_grows_with_those_who_are_told() {
    let doorbell = Doorbell::new(0, 5000);
    let names: Vec<String> = (0..5000).map(|index| format!("n{index}")).collect();
    let listeners: Vec<Listener> = names.iter().map(|n| doorbell.listen(n).unwrap()).collect();
    doorbell.ring(names.iter().map(String::as_str));
    assert_eq!(listeners[0].receiver.borrow().spread_ms, 500);
    doorbell.ring(["n1"].into_iter());
    assert_eq!(listeners[0].receiver.borrow().spread_ms, 500);
    assert_eq!(listeners[1].receiver.borrow().spread_ms, 0);
}
