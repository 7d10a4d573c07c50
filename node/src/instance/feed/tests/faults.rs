//! Handlers that fail again and again: they come to rest soon, whoever waits for them, and each record
//! is handled, decoded plainly, or counted as skipped.

use super::*;

/// Lines of the log that a handler may leave until it rests.
const LINES_MAX: usize = 2 * (FAULTS_MAX + 1);

/// The numbers of the records that were decoded plainly, in order.
fn plain(bench: &Bench) -> Vec<u64> {
    let number = |line: &Value| {
        let digits = line["event"]["raw"].as_str()?.get(..16)?;
        Some(u64::from_str_radix(digits, 16).unwrap().swap_bytes())
    };
    bench.lines.iter().filter_map(number).collect()
}

/// Each record is put out once, by the handler or plainly, but for those that were skipped.
fn assert_none_is_lost(bench: &Bench) {
    let mut seen = [bench.numbers(), plain(bench)].concat();
    seen.sort_unstable();
    let count = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), count, "none comes out twice");
    let count = u64::try_from(count).unwrap();
    assert_eq!(count + bench.told.shown().skipped, bench.submitted);
}

#[test]
fn one_record_that_fails_is_skipped_and_no_other() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    bench.submit(100, |_| 0);
    bench.read();
    bench.submit(900, |number| u64::from(number == 500));
    bench.read();
    let expected: Vec<u64> = (0..1000).filter(|number| *number != 500).collect();
    assert_eq!(bench.numbers(), expected);
    // The one behind it is out of order.
    assert_eq!(bench.counted(), (999, 1));
    let told = bench.told.shown();
    assert_eq!(told.skipped, 1);
    assert_eq!(told.stand, api::node::HandlerStand::Works);
    assert!(told.last_fault.unwrap().contains("on-events trapped"));
    assert!(
        bench
            .log
            .iter()
            .any(|line| line.contains("a record is skipped"))
    );
}

#[test]
fn what_fails_too_often_rests_and_is_tried_again_and_given_up() {
    let Some(mut bench) = Bench::new(FAILING) else {
        return;
    };
    bench.submit(10, |_| 0);
    bench.read();
    for _ in 0..=FAULTS_MAX {
        bench.later(CHECK_MS);
        bench.read();
    }
    assert_eq!(bench.told.shown().stand, api::node::HandlerStand::Rests);
    bench.submit(5, |_| 0);
    bench.read();
    let raw = |line: &&Value| line["event"].get("raw").is_some();
    assert_eq!(bench.lines.iter().filter(raw).count(), 5, "decoded plainly");
    assert_eq!(bench.numbers(), (0..10).collect::<Vec<_>>());
    for _ in 0..100 {
        bench.later(60_000);
        for _ in 0..=FAULTS_MAX {
            bench.later(CHECK_MS);
            bench.read();
        }
    }
    assert_eq!(
        bench.told.shown().stand,
        api::node::HandlerStand::Quarantined
    );
    bench.submit(5, |_| 0);
    bench.read();
    assert_eq!(bench.lines.len(), 20);
}

/// Gives a handler records on each of which it fails, and looks at it while it is tried again.
fn fails_on_every_record(version: Version, records: u64) {
    let Some(mut bench) = Bench::new(version) else {
        return;
    };
    bench.submit(records, |_| version.number);
    bench.read();
    assert_none_is_lost(&bench);
    let told = bench.told.shown();
    assert_eq!(told.stand, api::node::HandlerStand::Rests);
    // The one that was too much is decoded, as those behind it are.
    assert_eq!(told.skipped, u64::try_from(FAULTS_MAX).unwrap());
    assert!(bench.log.len() <= LINES_MAX, "{:?}", bench.log);
    for _ in 0..2 {
        bench.later(60_000);
        bench.submit(records, |_| version.number);
        bench.read();
        assert_none_is_lost(&bench);
        assert_eq!(bench.told.shown().stand, api::node::HandlerStand::Rests);
    }
    assert!(bench.told.shown().skipped <= 3 * u64::try_from(FAULTS_MAX).unwrap());
    assert!(bench.log.len() <= 3 * (LINES_MAX + 1), "{:?}", bench.log);
}

#[test]
fn what_traps_on_every_record_rests_at_the_fourth() {
    fails_on_every_record(FIRST, 5_000);
}

#[test]
fn what_comes_back_from_no_record_rests_at_the_fourth() {
    let endless = Version {
        fails_by: "(loop (br 0))",
        ..FIRST
    };
    fails_on_every_record(endless, 1_000);
}

#[test]
fn what_traps_on_a_record_in_seven_rests_at_the_fourth() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    bench.submit(1_000, |number| u64::from(number % 7 == 6));
    bench.read();
    assert_none_is_lost(&bench);
    assert_eq!(bench.told.shown().stand, api::node::HandlerStand::Rests);
    assert_eq!(bench.told.shown().skipped, 3);
    // Those up to the fourth that it fails on: what is behind that is decoded.
    let handled: Vec<u64> = (0..27).filter(|number| number % 7 != 6).collect();
    assert_eq!(bench.numbers(), handled);
}

#[test]
fn three_records_a_minute_that_fail_are_borne_for_ever() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    for _ in 0..20 {
        bench.later(61_000);
        bench.submit(300, |number| u64::from(number % 100 == 50));
        bench.read();
        assert_eq!(bench.told.shown().stand, api::node::HandlerStand::Works);
    }
    assert_none_is_lost(&bench);
    assert_eq!(bench.told.shown().skipped, 60);
}

#[test]
fn what_is_left_while_it_begins_again_has_put_out_nothing_twice() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    bench.submit(100, |_| 0);
    bench.read();
    bench.submit(10, |number| u64::from(number == 105));
    // One pass: it has failed and is to be given the first hundred again.
    bench.with(|feed, batch, now, out| feed.pass(|_| true, batch, now, out));
    assert_eq!(bench.told.shown().faults, 1);
    bench.replace(Version { number: 2, ..FIRST }, 2);
    bench.later(PROBATION_MS);
    bench.read();
    assert!(
        bench.numbers().into_iter().eq(0..110),
        "all, once, in order"
    );
    assert_eq!(bench.counted(), (110, 0));
}

#[test]
fn what_fails_on_every_record_can_be_left_and_ended() {
    let Some(mut bench) = Bench::new(FIRST) else {
        return;
    };
    bench.submit(3_000, |_| 1);
    // The first failure only: all wait still.
    bench.with(|feed, batch, now, out| feed.pass(|_| true, batch, now, out));
    let (next, told) = bench.handling(Version { number: 2, ..FIRST }, Carry::Offered);
    let begun = bench.with(|feed, _, now, out| feed.replace(next, 2, now, out));
    assert_eq!(begun.unwrap(), Begun::Carried);
    bench.read();
    bench.later(PROBATION_MS);
    bench.submit(3_000, |_| 2);
    bench.read();
    assert!(told.failed().unwrap().contains("on-events trapped"));
    let restored = bench.with(|feed, _, now, out| feed.restore(now, out));
    assert!(restored.is_some());
    bench.submit(3_000, |_| 1);
    bench.read();
    bench.with(|feed, batch, now, out| {
        feed.settle(now, out);
        feed.shut_down(batch, now, out);
    });
    let skipped = bench.told.shown().skipped + told.shown().skipped;
    let lines = u64::try_from(bench.lines.len()).unwrap();
    assert_eq!(lines + skipped, bench.submitted);
}
