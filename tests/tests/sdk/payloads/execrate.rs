//! `execrate`: users that start programs in bursts.

use handler::effects::Change;
use serde_json::json;

use super::super::stage::{Driven, Told};
use super::{SECOND_NS, built, text};

const STARTS: &str = "starts";
/// Users that are counted by their ids, of which one stands for all others.
const USERS_MAX: u32 = 64;

/// A record of `bpf/execrate/execrate.bpf.c`.
fn start(uid: u32, comm: &str) -> Vec<u8> {
    let mut record = [7, uid].map(u32::to_le_bytes).concat();
    record.extend(77_u64.to_le_bytes());
    record.extend(text::<16>(comm));
    record
}

/// What the gauge was set to.
fn busiest(told: &Told) -> f64 {
    let mut changes = told.changes.iter().map(|(_, change)| change);
    let set = changes.find_map(|change| match change {
        Change::Set { value, .. } => Some(*value),
        Change::Add { .. } | Change::Observe { .. } => None,
    });
    set.unwrap()
}

#[test]
fn execrate_tells_users_that_reach_the_rate() {
    let built = built("execrate").set(&[("burst_per_s", "10")]);
    let mut driven = Driven::begun(&built, true, None);
    for _ in 0..10 {
        driven.events(STARTS, &[start(1000, "cc"), start(1001, "ld")]);
    }
    driven.events(STARTS, &[start(1000, "make")]);
    driven.events(STARTS, &[start(1002, "ls")]);
    driven.tick(SECOND_NS);
    let told = driven.told();
    let expected = [
        json!({"uid": 1000, "starts_per_s": 11, "last_comm": "make"}),
        json!({"uid": 1001, "starts_per_s": 10, "last_comm": "ld"}),
    ];
    assert_eq!(told.of("burst"), expected);
    assert_eq!(told.added("execrate_starts_total", &[]), 22);
    assert!((busiest(&told) - 11.0).abs() < f64::EPSILON);
    // Each second begins anew.
    driven.tick(2 * SECOND_NS);
    let told = driven.told();
    assert!(told.outputs.is_empty() && busiest(&told).abs() < f64::EPSILON);
    let state = driven.snapshot();
    assert_eq!(state.bytes, 22_u64.to_le_bytes());
    let next = Driven::begun(&built, false, Some(&state)).snapshot();
    assert_eq!(next, state);
}

#[test]
fn execrate_counts_users_beyond_its_room_as_one() {
    let built = built("execrate").set(&[("burst_per_s", "2")]);
    let mut driven = Driven::begun(&built, true, None);
    let records: Vec<Vec<u8>> = (0..2 * USERS_MAX).map(|uid| start(uid, "it")).collect();
    driven.events(STARTS, &records);
    driven.tick(SECOND_NS);
    let told = driven.told().of("burst");
    let others = json!({"uid": u32::MAX, "starts_per_s": USERS_MAX + 1, "last_comm": "it"});
    assert_eq!(told, [others]);
}
