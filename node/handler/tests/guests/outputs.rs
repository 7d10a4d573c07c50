//! What guests put out: outputs and lines of the log, within the limits of a second.
//! Must never count on the time that a test takes.

use handler::effects::{Effects, Level};
use handler::{Guest, Lane};

use super::stand::{
    grant, guest, in_both_lanes, made_with, pass_ns, text, tick, wasm, words, world,
};

const INVALID: u8 = 3;
const LIMITED: u8 = 2;

/// Puts `event` out under `stream` once a tick.
fn emits(stream: &str, event: &[u8]) -> String {
    format!(
        r#"(memory (export "memory") 4)
        (data (i32.const 1040) "\07\00\00\00\00\08\00\00\40\00\00\00")
        (data (i32.const 3000) {})
        (data (i32.const 131072) {})
        (func (export "on-tick") (param i64)
          (call $emit (i32.const 3000) (i32.const {}) (i32.const 131072) (i32.const {})
            (i32.const 2048)))"#,
        text(stream),
        text(event),
        stream.len(),
        event.len()
    )
}

/// Calls `call` as often in a tick.
fn times(count: u32, call: &str) -> String {
    format!(
        r#"(data (i32.const 3000) "out{{}}")
        (func (export "on-tick") (param i64)
          (local $left i32)
          (local.set $left (i32.const {count}))
          (loop $next
            {call}
            (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))"#
    )
}

const EMIT: &str = "(call $emit (i32.const 3000) (i32.const 3) (i32.const 3003) (i32.const 2)
    (i32.const 2048))";
const LOG: &str = "(call $log (i32.const 2) (i32.const 3000) (i32.const 3))";

fn outputs(effects: &Effects) -> Vec<(&str, &str)> {
    let part =
        |range: &std::ops::Range<usize>| std::str::from_utf8(&effects.text[range.clone()]).unwrap();
    let emitted = effects.emitted.iter();
    emitted
        .map(|one| (part(&one.stream), part(&one.event)))
        .collect()
}

/// A guest that calls often, with time for it.
fn flooding(lane: Lane, import: &str, call: &str, count: u32) -> Guest {
    let mut grant = grant();
    grant.limits.call_ms_max = 10_000;
    let wasm = wasm(lane, &[import], &times(count, call));
    let mut guest = made_with(lane, &wasm, &grant, world()).unwrap();
    guest.init(None).unwrap().unwrap();
    guest
}

in_both_lanes! {
    fn an_object_is_put_out_on_one_line(lane: Lane) {
        let mut guest = guest(lane, &["emit"], &emits("exec", b" {\"a\":\n1,\r\n\"b\\n\":2}\n"));
        tick(&mut guest).unwrap();
        assert_eq!(outputs(guest.effects()), [("exec", "{\"a\": 1,  \"b\\n\":2}")]);
        assert_eq!(words(&mut guest), [0]);
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().emitted.len(), 2);
        guest.effects().clear();
        assert!(guest.effects().is_empty());
        assert!(guest.effects().text.is_empty());
    }

    fn what_is_no_object_is_refused(lane: Lane) {
        for event in ["", "[1]", "{\"a\":", "{\"a\":1}{}", "{\"a\":\"\n\"}"] {
            let mut guest = guest(lane, &["emit"], &emits("exec", event.as_bytes()));
            tick(&mut guest).unwrap();
            assert_eq!(words(&mut guest), [u32::from_le_bytes([1, INVALID, 0, 0])], "{event}");
            let effects = guest.effects();
            assert_eq!((effects.emitted.len(), effects.text.len()), (0, 0), "{event}");
            assert_eq!(effects.emits_refused, 1, "{event}");
        }
    }

    fn names_and_lengths_are_bounded(lane: Lane) {
        let event = |bytes: usize| format!("{{\"a\":\"{}\"}}", "b".repeat(bytes - 8)).into_bytes();
        let (longest, longer) = ("s".repeat(64), "s".repeat(65));
        for (stream, event, refusal) in [
            (longest.as_str(), event(64 << 10), 0),
            (longer.as_str(), event(10), LIMITED),
            ("s", event((64 << 10) + 1), LIMITED),
            ("", event(10), INVALID),
            ("a b", event(10), INVALID),
            ("a\"b", event(10), INVALID),
            ("a\u{e4}", event(10), INVALID),
        ] {
            let mut guest = guest(lane, &["emit"], &emits(stream, &event));
            tick(&mut guest).unwrap();
            let result = [u8::from(refusal != 0), refusal, 0, 0];
            assert_eq!(words(&mut guest), [u32::from_le_bytes(result)], "{stream}");
        }
    }

    fn text_that_is_no_text_is_a_fault(lane: Lane) {
        let mut guest = guest(lane, &["emit"], &emits("exec", b"{\"a\":\"\xff\"}"));
        let said = tick(&mut guest).unwrap_err().to_string().to_lowercase();
        assert!(said.contains("utf-8"), "{said}");
    }

    fn a_flood_ends_at_the_limit_of_a_second(lane: Lane) {
        let mut guest = flooding(lane, "emit", EMIT, 20_000);
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().emitted.len(), 10_000);
        assert_eq!(guest.effects().emits_refused, 10_000);
        assert_eq!(words(&mut guest), [u32::from_le_bytes([1, LIMITED, 0, 0])]);
        guest.effects().clear();
        // A tenth of a second gives a tenth of the limit.
        pass_ns(100_000_000);
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().emitted.len(), 1_000);
    }

    fn bytes_of_a_second_are_limited_too(lane: Lane) {
        let mut grant = grant();
        grant.limits.emit_bytes_per_s_max = 99;
        let wasm = wasm(lane, &["emit"], &times(100, EMIT));
        let mut guest = made_with(lane, &wasm, &grant, world()).unwrap();
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().emitted.len(), 49);
        assert_eq!(guest.effects().emits_refused, 51);
    }

    fn what_waits_to_be_taken_is_limited_over_seconds(lane: Lane) {
        let mut guest = flooding(lane, "emit", EMIT, 10_000);
        for _ in 0..3 {
            tick(&mut guest).unwrap();
            pass_ns(1_000_000_000);
        }
        assert_eq!(guest.effects().emitted.len(), 10_000);
        assert_eq!(guest.effects().emits_refused, 20_000);
    }

    fn of_100_000_lines_the_log_gets_those_of_a_second(lane: Lane) {
        let mut guest = flooding(lane, "log", LOG, 100_000);
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().log, vec![(Level::Info, "out".to_owned()); 10]);
        assert_eq!(guest.effects().log_dropped, 99_990);
    }

    fn a_line_is_bounded_and_shows_control_characters(lane: Lane) {
        let message = format!("a\n\u{1b}[0m\u{0}{}", "\u{e4}".repeat(1_000));
        let body = format!(
            r#"(data (i32.const 3000) {})
            (func (export "on-tick") (param i64)
              (call $log (i32.const 0) (i32.const 3000) (i32.const {})))"#,
            text(&message),
            message.len()
        );
        let mut guest = guest(lane, &["log"], &body);
        tick(&mut guest).unwrap();
        let (level, line) = &guest.effects().log[0];
        assert_eq!(*level, Level::Error);
        assert!(line.starts_with("a\\n\\u{1b}[0m\\u{0}\u{e4}\u{e4}"), "{line}");
        assert!((1_020..=1_024).contains(&line.len()), "{}", line.len());
    }

    fn what_is_shown_again_counts_against_no_limit(lane: Lane) {
        let mut guest = flooding(lane, "emit", EMIT, 6_000);
        tick(&mut guest).unwrap();
        guest.suppress(true);
        guest.effects().clear();
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().emitted.len(), 6_000);
        guest.suppress(false);
        guest.effects().clear();
        tick(&mut guest).unwrap();
        assert_eq!(guest.effects().emitted.len(), 4_000);
        let mut guest = flooding(lane, "log", LOG, 20);
        guest.suppress(true);
        tick(&mut guest).unwrap();
        assert!(guest.effects().is_empty());
    }
}
