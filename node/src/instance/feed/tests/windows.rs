//! Handlers that go through their window by themselves, and don't tell what they did there.

use super::*;

#[test]
fn what_a_handler_does_not_tell_of_is_shown_to_it() {
    let version = Version { tells: 0, ..FIRST };
    let Some(mut bench) = Bench::new(version) else {
        return;
    };
    bench.submit(100, |_| 0);
    bench.read();
    assert_eq!(bench.numbers(), (0..100).collect::<Vec<_>>());
    assert_eq!(bench.told.shown().faults, 0);
}

#[test]
fn a_claim_that_ends_within_a_record_is_a_fault_and_each_record_comes_out_once() {
    // 24 bytes a record: of one, it tells 16.
    let version = Version { tells: !8, ..FIRST };
    let Some(mut bench) = Bench::new(version) else {
        return;
    };
    let mut wanted = 0;
    while bench.told.shown().stand == api::node::HandlerStand::Works {
        bench.submit(1, |_| 0);
        bench.read();
        wanted += 1;
        assert_eq!(bench.lines.len(), wanted);
    }
    let last = bench.told.shown().last_fault.unwrap();
    assert!(last.contains("it must end where a record does"), "{last}");
    assert_eq!(bench.told.shown().stand, api::node::HandlerStand::Rests);
}
