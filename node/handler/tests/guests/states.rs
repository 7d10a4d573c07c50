//! How guests begin and what they leave: rings, the state of the one before, and their own.
//! Must never believe where a guest says that its state is.

use handler::{Lane, Reason, State};

use super::stand::{
    engine, grant, guest, in_both_lanes, made, made_with, module, wasm, words, world,
};

/// Keeps what `init` was given: the words of its parameters, the ring with its name, the state.
const KEEPS: &str = r#"
    (func (export "init") (param $rings i32) (param $count i32) (param $has i32) (param $schema i32)
        (param $at i32) (param $bytes i32) (result i32)
      (i32.store (i32.const 2048) (local.get $count))
      (i32.store (i32.const 2052) (local.get $has))
      (i32.store (i32.const 2056) (local.get $schema))
      (i32.store (i32.const 2060) (local.get $bytes))
      (i32.store (i32.const 2064) (i32.load offset=4 (local.get $rings)))
      (i32.store (i32.const 2068) (i32.load offset=12 (local.get $rings)))
      (i32.store (i32.const 2072) (i32.load offset=16 (local.get $rings)))
      (i64.store (i32.const 2076) (i64.load (i32.load (local.get $rings))))
      (if (local.get $has) (then (i64.store (i32.const 2084) (i64.load (local.get $at)))))
      (i32.const 1024))"#;

/// A guest whose `init` gives the result at 1024 that stands in `data`.
fn says(data: &str) -> String {
    format!("(data (i32.const 1024) {data}) (data (i32.const 3000) \"\\c3\\a4 no\")")
}

/// A guest whose `snapshot` gives this address, with these words there.
fn gives(at: u32, words: [u32; 3]) -> String {
    let [schema, start, bytes] = words;
    format!(
        r#"(memory (export "memory") 100)
        (func (export "snapshot") (result i32)
          (i32.store (i32.const {at}) (i32.const {schema}))
          (i32.store (i32.const {}) (i32.const {start}))
          (i32.store (i32.const {}) (i32.const {bytes}))
          (i32.const {at}))"#,
        at + 4,
        at + 8
    )
}

in_both_lanes! {
    fn a_guest_is_told_of_its_rings_and_the_state_before(lane: Lane) {
        let mut guest = made(lane, &[], KEEPS).unwrap();
        guest.init(None).unwrap().unwrap();
        assert_eq!(words(&mut guest), [1, 0, 0, 0, 6, 5, 64 << 10]);
        let mut guest = made(lane, &[], KEEPS).unwrap();
        let before = State {
            schema: 9,
            bytes: b"12345678".to_vec(),
        };
        guest.init(Some(&before)).unwrap().unwrap();
        assert!(guest.has_state());
        let state = guest.snapshot().unwrap();
        assert_eq!((state.schema, state.bytes.len()), (7, 64));
        assert_eq!(words(&mut guest), [1, 1, 9, 8, 6, 5, 64 << 10]);
        assert_eq!(state.bytes[28..34], *b"events");
        assert_eq!(state.bytes[36..44], *b"12345678");
    }

    fn a_state_as_large_as_it_may_be_goes_on(lane: Lane) {
        let mut guest = guest(lane, &[], &gives(1040, [3, 65536, 4 << 20]));
        let state = guest.snapshot().unwrap();
        assert_eq!((state.schema, state.bytes.len()), (3, 4 << 20));
        let mut next = made(lane, &[], KEEPS).unwrap();
        next.init(Some(&state)).unwrap().unwrap();
        assert_eq!(words(&mut next), [1, 1, 3, 4 << 20]);
    }

    fn a_guest_says_why_it_can_not_go_on(lane: Lane) {
        let mut guest = made(lane, &[], &says(r#""\01\00\00\00\b8\0b\00\00\05\00\00\00""#)).unwrap();
        assert_eq!(guest.init(None).unwrap(), Err("\u{e4} no".to_owned()));
        let long = r#"(memory (export "memory") 2) (data (i32.const 1024) "\01\00\00\00\b9\0b\00\00\11\27\00\00")
            (data (i32.const 3001) "#.to_owned()
            + &super::stand::text("!".to_owned() + &"\u{e4}".repeat(5000)) + ")";
        let mut guest = made(lane, &[], &long).unwrap();
        let said = guest.init(None).unwrap().unwrap_err();
        assert_eq!(said, format!("!{}", "\u{e4}".repeat(2047)));
    }

    fn a_bad_result_of_init_is_a_fault(lane: Lane) {
        for (data, core, component) in [
            (r#""\02""#, "init: its result is of kind 2", "invalid expected discriminant"),
            (
                r#""\01\00\00\00\f0\ff\ff\ff\05\00\00\00""#,
                "init: the error at 4294967280 with 5 bytes is outside of the memory",
                "out of bounds of memory",
            ),
            (
                r#""\01\00\00\00\b9\0b\00\00\01\00\00\00""#,
                "init: the error at 3001 with 1 bytes is not UTF-8",
                "utf-8",
            ),
        ] {
            let mut guest = made(lane, &[], &says(data)).unwrap();
            let said = guest.init(None).unwrap_err().to_string();
            let expected = if lane == Lane::Core { core } else { component };
            assert!(said.contains(expected), "{said}");
        }
    }

    fn a_bad_state_is_a_fault(lane: Lane) {
        for (at, words, core, component) in [
            (
                1040, [7, 0xffff_fff0, 64],
                "snapshot: the state at 4294967280 with 64 bytes is outside of the memory",
                "out of bounds",
            ),
            (
                1040, [7, 0, 0xffff_ffff],
                "snapshot: the state has 4294967295 bytes, at most 4194304 are allowed",
                "out of bounds",
            ),
            (
                1040, [7, 65536, (4 << 20) + 1],
                "snapshot: the state has 4194305 bytes, at most 4194304 are allowed",
                "snapshot: the state has 4194305 bytes, at most 4194304 are allowed",
            ),
            (
                1042, [7, 0, 0],
                "snapshot: the result at 1042 with 12 bytes is not aligned",
                "not aligned",
            ),
        ] {
            let mut guest = guest(lane, &[], &gives(at, words));
            let said = guest.snapshot().unwrap_err().to_string();
            let expected = if lane == Lane::Core { core } else { component };
            assert!(said.contains(expected), "{said}");
        }
        let mut guest = guest(lane, &[], r#"(func (export "snapshot") (result i32) (i32.const -4))"#);
        let said = guest.snapshot().unwrap_err().to_string();
        let expected = match lane {
            Lane::Core => "the result at 4294967292 with 12 bytes is outside of the memory",
            Lane::Component => "out of bounds",
        };
        assert!(said.contains(expected), "{said}");
    }

    fn what_results_point_to_is_given_back(lane: Lane) {
        let body = r#"
            (func $note (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))))
            (func (export "cabi_post_init") (param i32) (call $note))
            (func (export "cabi_post_snapshot") (param i32) (call $note))"#;
        let mut guest = guest(lane, &[], body);
        assert_eq!(words(&mut guest), [1]);
        assert_eq!(words(&mut guest), [2]);
    }

    fn the_last_call_says_why(lane: Lane) {
        let body = r#"(func (export "shutdown") (param i32) (i32.store (i32.const 2048) (local.get 0)))"#;
        for (reason, number) in [(Reason::Update, 0), (Reason::Stop, 1), (Reason::Fault, 2)] {
            let mut guest = guest(lane, &[], body);
            guest.shutdown(reason).unwrap();
            assert_eq!(words(&mut guest), [number]);
        }
    }

    fn a_module_may_set_itself_up(lane: Lane) {
        let body = r#"(func (export "_initialize") (i32.store (i32.const 2048) (i32.const 5)))"#;
        assert_eq!(words(&mut guest(lane, &[], body)), [5]);
    }

    fn code_is_run_as_often_as_wanted(lane: Lane) {
        let body = r#"(func (export "on-tick") (param i64)
            (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))))"#;
        let compiled = engine().compile(&wasm(lane, &[], body), &grant()).unwrap();
        for _ in 0..3 {
            let mut guest = compiled.guest(&[], world()).unwrap();
            guest.on_tick(0).unwrap();
            assert_eq!(words(&mut guest), [1]);
        }
    }
}

#[test]
fn functions_that_may_be_missing_do_nothing() {
    let body = r#";; no (export "snapshot"), (export "on-tick") or (export "shutdown")
        "#;
    let mut guest = made_with(Lane::Core, &module(&[], body), &grant(), world()).unwrap();
    guest.init(None).unwrap().unwrap();
    guest.on_tick(0).unwrap();
    assert!(!guest.has_state());
    assert_eq!(guest.snapshot(), Ok(State::default()));
    guest.shutdown(Reason::Stop).unwrap();
}
