//! Metrics: series by labels, and what is done to them.
//! Must never pass where a guest has more series than its manifest says.

use std::fmt::Write;

use handler::Lane;
use handler::effects::{Change, Series};

use super::stand::{grant, guest, in_both_lanes, made_with, text, tick, wasm, words, world};

const ALL: [&str; 4] = ["series", "add", "set", "observe"];
/// A result that is a refusal: word of the case, word of the refusal.
const DENIED: [u32; 2] = [1, 0];
const LIMITED: [u32; 2] = [1, 2];
const INVALID: [u32; 2] = [1, 3];
const FULL: [u32; 2] = [1, 4];

/// Asks for a series a call, the results one behind the other at 2048. The names and labels are put
/// down from 3000 on.
fn asks(series: &[(&str, &[&str])], then: &str) -> String {
    let (mut strings, mut lists, mut calls) = (Vec::new(), Vec::new(), String::new());
    let mut put = |part: &str| {
        let at = 3000 + strings.len();
        strings.extend(part.as_bytes());
        (at, part.len())
    };
    for (number, (metric, labels)) in series.iter().enumerate() {
        let (at, bytes) = put(metric);
        let list = 8000 + lists.len();
        for label in *labels {
            let (at, bytes) = put(label);
            lists.extend(u32::try_from(at).unwrap().to_le_bytes());
            lists.extend(u32::try_from(bytes).unwrap().to_le_bytes());
        }
        write!(
            calls,
            "(call $series (i32.const {at}) (i32.const {bytes}) (i32.const {list})
               (i32.const {}) (i32.const {}))",
            labels.len(),
            2048 + number * 8
        )
        .unwrap();
    }
    format!(
        r#"(data (i32.const 3000) {}) (data (i32.const 8000) {})
        (func (export "on-tick") (param i64) {calls} {then})"#,
        text(strings),
        text(lists)
    )
}

fn one(metric: &str, labels: &[&str]) -> Series {
    Series {
        metric: metric.to_owned(),
        labels: labels.iter().map(ToString::to_string).collect(),
    }
}

in_both_lanes! {
    fn a_series_has_one_number(lane: Lane) {
        let asked: [(&str, &[&str]); 5] = [
            ("runs", &["sh"]), ("runs", &["ls"]), ("level", &[]), ("runs", &["sh"]), ("took", &[]),
        ];
        let mut guest = guest(lane, &ALL, &asks(&asked, ""));
        tick(&mut guest).unwrap();
        assert_eq!(words(&mut guest), [0, 0, 0, 1, 0, 2, 0, 0, 0, 3]);
        let told = [one("runs", &["sh"]), one("runs", &["ls"]), one("level", &[]), one("took", &[])];
        assert_eq!(guest.effects().series, told);
        // They are told once.
        guest.effects().clear();
        tick(&mut guest).unwrap();
        assert!(guest.effects().is_empty());
    }

    fn labels_are_told_apart_by_where_they_end(lane: Lane) {
        let mut grant = grant();
        let runs = grant.metrics.get_mut("runs").unwrap();
        runs.labels = vec!["a".to_owned(), "b".to_owned()];
        let asked: [(&str, &[&str]); 2] = [("runs", &["ab", "c"]), ("runs", &["a", "bc"])];
        let wasm = wasm(lane, &ALL, &asks(&asked, ""));
        let mut guest = made_with(lane, &wasm, &grant, world()).unwrap();
        tick(&mut guest).unwrap();
        assert_eq!(words(&mut guest), [0, 0, 0, 1]);
    }

    fn what_the_manifest_does_not_say_is_refused(lane: Lane) {
        let long = "l".repeat(257);
        let asked: [(&str, &[&str]); 7] = [
            ("other", &[]), ("runs", &[]), ("runs", &["a", "b"]), ("runs", &[&long]),
            ("runs", &["1"]), ("runs", &["2"]), ("runs", &["3"]),
        ];
        let mut guest = guest(lane, &ALL, &asks(&asked, ""));
        tick(&mut guest).unwrap();
        // What is behind a case's own bytes is padding, or left from before.
        let results: [u32; 14] = words(&mut guest);
        let results: Vec<[u32; 2]> = results.as_chunks::<2>().0.to_vec();
        let masked: Vec<[u32; 2]> = results.iter().map(|[a, b]| [a & 0xff, b & 0xff]).collect();
        assert_eq!(masked, [DENIED, INVALID, INVALID, LIMITED, [0, 0], [0, 1], FULL]);
        assert_eq!(guest.effects().series.len(), 2);
    }

    fn what_is_done_to_a_series_is_told_once_where_it_adds_up(lane: Lane) {
        let asked: [(&str, &[&str]); 3] = [("runs", &["sh"]), ("level", &[]), ("took", &[])];
        let done = "
            (call $add (i32.const 0) (i64.const 5))
            (call $set (i32.const 1) (f64.const 1.5))
            (call $observe (i32.const 2) (f64.const 0.25))
            (call $add (i32.const 0) (i64.const -1))
            (call $set (i32.const 1) (f64.const 2.5))
            (call $observe (i32.const 2) (f64.const 0.25))";
        let mut guest = guest(lane, &ALL, &asks(&asked, done));
        let told = [
            Change::Add { series: 0, by: u64::MAX },
            Change::Set { series: 1, value: 2.5 },
            Change::Observe { series: 2, value: 0.25 },
            Change::Observe { series: 2, value: 0.25 },
        ];
        for _ in 0..2 {
            tick(&mut guest).unwrap();
            assert_eq!(guest.effects().changes, told);
            guest.effects().clear();
        }
    }

    fn a_series_of_another_kind_is_a_fault(lane: Lane) {
        for (call, said) in [
            ("(call $add (i32.const 0) (i64.const 1))", "add: series 0 is of a gauge, not of a counter"),
            ("(call $observe (i32.const 0) (f64.const 1))", "observe: series 0 is of a gauge"),
            ("(call $set (i32.const 1) (f64.const 1))", "set: there is no series 1"),
        ] {
            let mut guest = guest(lane, &ALL, &asks(&[("level", &[])], call));
            let fault = tick(&mut guest).unwrap_err().to_string();
            assert!(fault.contains(said), "{fault}");
        }
    }

    fn changes_of_a_call_have_an_end(lane: Lane) {
        let flood = "(loop $next (call $observe (i32.const 0) (f64.const 1)) (br $next))";
        let mut grant = grant();
        grant.limits.call_ms_max = 60_000;
        let wasm = wasm(lane, &ALL, &asks(&[("took", &[])], flood));
        let mut guest = made_with(lane, &wasm, &grant, world()).unwrap();
        let fault = tick(&mut guest).unwrap_err().to_string();
        assert!(fault.contains("observe: more than 65536 changes of metrics in a call"), "{fault}");
        assert_eq!(guest.effects().changes.len(), 65536);
    }

    fn one_text_as_many_labels_is_no_way_to_fill_the_machine(lane: Lane) {
        // A thousand labels of a megabyte each, all of them the same one.
        let body = r#"(memory (export "memory") 32)
            (func (export "on-tick") (param i64)
              (local $at i32)
              (local.set $at (i32.const 8000))
              (loop $next
                (i32.store (local.get $at) (i32.const 65536))
                (i32.store offset=4 (local.get $at) (i32.const 1048576))
                (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8)))
                  (i32.const 16000))))
              (call $series (i32.const 65536) (i32.const 0) (i32.const 8000) (i32.const 1000)
                (i32.const 2048)))"#;
        let mut guest = guest(lane, &["series"], body);
        let fault = tick(&mut guest).unwrap_err().to_string();
        let said = match lane {
            Lane::Core => "series: the labels at 65536 with 1048576 bytes is too long",
            Lane::Component => "too much data is being copied",
        };
        assert!(fault.contains(said), "{fault}");
    }
}
