//! The walk over the records of a span, and the windows that rings are read in.

use super::stage::record;
use super::steps::{What, step, ways};

const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;

fn number(of: u64) -> Vec<u8> {
    of.to_le_bytes().to_vec()
}

#[test]
fn a_ring_is_mapped_where_it_fills_pages_of_webassembly() {
    for way in ways() {
        let driven = way.begun();
        assert_eq!(driven.is_mapped("steps"), way.reads_in_place(), "{way:?}");
        assert!(!driven.is_mapped("spans"), "{way:?}");
    }
}

#[test]
fn records_are_handled_up_to_one_that_is_still_written() {
    for way in ways() {
        let mut driven = way.begun();
        let whole = [
            record(&number(1), 0),
            record(&number(50), DISCARD),
            record(b"short", 0),
            record(&[number(2), number(70)].concat(), 0),
        ]
        .concat();
        let busy = [record(&number(9), BUSY), record(&number(4), 0)].concat();
        let span = [whole.clone(), busy].concat();
        let handled = driven.try_events("spans", &span).unwrap();
        assert_eq!(handled as usize, whole.len(), "{way:?}");
        let told = driven.told().of("span");
        let expected = serde_json::json!({"sum": 3, "records": 2, "short": 1});
        assert_eq!(told, [expected], "{way:?}");
    }
}

#[test]
fn a_guest_that_reads_its_window_by_itself_stops_at_what_is_busy_or_cut() {
    let mut walk = 0;
    for way in ways() {
        let mut driven = way.begun();
        let whole = [
            record(&step(What::Count, 1, 1, b"x"), 0),
            record(&step(What::Count, 1, 1, b"x"), DISCARD),
            // Enough of them that what comes soon is fetched.
            record(&step(What::Count, 1, 1, b"x"), 0).repeat(40),
        ]
        .concat();
        let next = record(&step(What::Count, 1, 1, b"x"), 0);
        let busy = record(&step(What::Count, 1, 1, b"x"), BUSY);
        let given_up = record(&step(What::Count, 1, 1, b"x"), BUSY | DISCARD);
        for end in [&busy, &given_up, &[busy.clone(), next.clone()].concat()] {
            let span = [whole.as_slice(), end].concat();
            let Some(handled) = driven.window("steps", &span) else {
                assert!(!way.reads_in_place(), "{way:?}");
                continue;
            };
            assert_eq!(handled as usize, whole.len(), "{way:?}");
            assert_eq!(driven.window("steps", end), Some(0), "{way:?}");
            assert_eq!(driven.told().added("sdk_steps_total", &[]), 41, "{way:?}");
            walk += 1;
        }
        for left in (0..next.len()).step_by(8) {
            let cut = &next[..left];
            let Some(handled) = driven.window("steps", &[&whole, cut].concat()) else {
                continue;
            };
            assert_eq!(handled as usize, whole.len(), "{way:?}: {left} bytes");
            // It reads a record that was given up nowhere beyond its end.
            let cut = [&record(&next, DISCARD)[..8], cut].concat();
            assert_eq!(
                driven.window("steps", &cut),
                Some(0),
                "{way:?}: {left} bytes"
            );
        }
    }
    assert!(walk >= 6, "guests of C and Rust do");
}

#[test]
fn a_ring_that_nobody_reads_is_passed_over_up_to_what_is_busy_or_cut() {
    for way in ways() {
        let mut driven = way.begun();
        let whole = [
            record(b"any", 0),
            record(b"", 0),
            record(b"at all", DISCARD),
        ]
        .concat();
        for end in [record(b"busy", BUSY), record(b"cut", 0)[..8].to_vec()] {
            let span = [whole.as_slice(), &end].concat();
            if let Some(handled) = driven.window("unread", &span) {
                assert_eq!(handled as usize, whole.len(), "{way:?}");
            }
            let handled = driven.try_events("unread", &whole).unwrap();
            assert_eq!(handled as usize, whole.len(), "{way:?}");
        }
        assert!(driven.told().outputs.is_empty(), "{way:?}");
    }
}

#[test]
fn records_that_are_too_short_are_told_of_once_a_tick() {
    for way in ways() {
        let mut driven = way.begun();
        driven.events(
            "steps",
            &[vec![1; 8], vec![2; 79], step(What::Clocks, 0, 0, b"")],
        );
        assert_eq!(driven.told().of("answer").len(), 1, "{way:?}");
        driven.tick(1);
        let told = driven.told();
        assert_eq!(told.log.len(), 1, "{way:?}: {told:?}");
        assert!(told.log[0].1.starts_with("2 records"), "{told:?}");
        driven.tick(2);
        assert!(driven.told().log.is_empty(), "{way:?}");
    }
}

#[test]
fn each_record_of_a_full_ring_is_seen_wherever_it_wraps() {
    for way in ways() {
        let mut driven = way.begun();
        let steps = vec![step(What::Count, 1, 1, b"x"); 500];
        for _ in 0..20 {
            driven.events("steps", &steps);
        }
        let told = driven.told();
        assert_eq!(told.added("sdk_steps_total", &[]), 10_000, "{way:?}");
        assert_eq!(told.added("sdk_values_total", &["text", "x"]), 10_000);
    }
}
