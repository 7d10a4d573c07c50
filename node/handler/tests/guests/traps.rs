//! Guests that fail, run on, or want more than they may have. Each ends with a fault that says what
//! happened, and nothing else ends. Must never measure how long anything takes.

use handler::fault::Fault;
use handler::grant::Grant;
use handler::{Guest, GuestRing, Lane, Reason, Records};

use super::stand::{
    RING_WINDOW, RingFile, engine, grant, guest, in_both_lanes, made, made_with, module, ring,
    tick, wasm, words, world,
};

/// The usual part of this name, which traps.
fn traps(name: &str, kind: &str) -> String {
    format!(r#"(func $trapping (export "{name}") {kind} unreachable)"#)
}

fn is_trap_of(fault: &Fault, call: &str) {
    let said = fault.to_string();
    assert!(said.starts_with(&format!("{call} trapped: ")), "{said}");
    assert!(said.contains("unreachable"), "{said}");
    assert!(said.contains("trapping"), "{said}");
}

/// A grant that lets a call compute for a millisecond.
fn hasty() -> Grant {
    let mut grant = grant();
    grant.limits.call_ms_max = 1;
    grant.limits.state_ms_max = 1;
    grant
}

const FOR_EVER: &str = "(loop $next (br $next))";

in_both_lanes! {
    fn init_may_trap(lane: Lane) {
        let body = traps("init", "(param i32 i32 i32 i32 i32 i32) (result i32)");
        let mut guest = made(lane, &[], &body).unwrap();
        is_trap_of(&guest.init(None).unwrap_err(), "init");
        let again = guest.init(None).unwrap_err().to_string();
        assert_eq!(again, "init: the guest has failed before");
    }

    fn on_events_may_trap(lane: Lane) {
        let body = traps("on-events", "(param i32 i32 i32) (result i32)");
        let fault = guest(lane, &[], &body).on_events(0, Records::Owned(&[0; 8]));
        is_trap_of(&fault.unwrap_err(), "on-events");
    }

    fn on_tick_may_trap(lane: Lane) {
        let body = traps("on-tick", "(param i64)");
        is_trap_of(&tick(&mut guest(lane, &[], &body)).unwrap_err(), "on-tick");
    }

    fn snapshot_may_trap(lane: Lane) {
        let body = traps("snapshot", "(result i32)");
        is_trap_of(&guest(lane, &[], &body).snapshot().unwrap_err(), "snapshot");
    }

    fn shutdown_may_trap(lane: Lane) {
        let body = traps("shutdown", "(param i32)");
        let fault = guest(lane, &[], &body).shutdown(Reason::Stop).unwrap_err();
        is_trap_of(&fault, "shutdown");
    }

    fn cabi_realloc_may_trap(lane: Lane) {
        let body = traps("cabi_realloc", "(param i32 i32 i32 i32) (result i32)");
        let fault = made(lane, &[], &body).unwrap().init(None).unwrap_err();
        // The engine calls it itself in the component lane.
        is_trap_of(&fault, if lane == Lane::Core { "cabi_realloc" } else { "init" });
    }

    fn a_start_function_may_trap(lane: Lane) {
        let body = "(func $trapping unreachable) (start $trapping)";
        is_trap_of(&made(lane, &[], body).unwrap_err(), "start");
        let body = traps("_initialize", "");
        is_trap_of(&made(lane, &[], &body).unwrap_err(), "start");
    }

    fn what_takes_results_back_may_trap(lane: Lane) {
        let body = traps("cabi_post_snapshot", "(param i32)");
        is_trap_of(&guest(lane, &[], &body).snapshot().unwrap_err(), "snapshot");
    }

    fn an_endless_loop_ends_with_its_time(lane: Lane) {
        let body = format!(r#"(func (export "on-tick") (param i64) {FOR_EVER})"#);
        let wasm = wasm(lane, &[], &body);
        let mut guest = made_with(lane, &wasm, &hasty(), world()).unwrap();
        let deadline = Fault::Deadline { call: "on-tick", ms_max: 1 };
        assert_eq!(tick(&mut guest), Err(deadline));
        assert!(matches!(tick(&mut guest), Err(Fault::Contract { .. })));
    }

    fn calls_without_an_end_end_with_their_time(lane: Lane) {
        // No loop: a function that calls itself twice, far too often.
        let body = r#"
            (func $many (param $left i32)
              (if (local.get $left) (then
                (call $many (i32.sub (local.get $left) (i32.const 1)))
                (call $many (i32.sub (local.get $left) (i32.const 1))))))
            (func (export "on-tick") (param i64) (call $many (i32.const 100)))"#;
        let mut guest = made_with(lane, &wasm(lane, &[], body), &hasty(), world()).unwrap();
        let said = tick(&mut guest).unwrap_err().to_string();
        assert_eq!(said, "on-tick took longer than 1 ms");
    }

    fn init_and_snapshot_have_an_end(lane: Lane) {
        let body = format!(
            r#"(func (export "init") (param i32 i32 i32 i32 i32 i32) (result i32)
                 {FOR_EVER} unreachable)
               (func (export "snapshot") (result i32) {FOR_EVER} unreachable)"#
        );
        let wasm = wasm(lane, &[], &body);
        let ended = |call| Fault::Deadline { call, ms_max: 1 };
        let made = || made_with(lane, &wasm, &hasty(), world()).unwrap();
        assert_eq!(made().init(None), Err(ended("init")));
        assert_eq!(made().snapshot(), Err(ended("snapshot")));
    }

    fn a_start_function_has_an_end(lane: Lane) {
        let body = format!("(func $begin {FOR_EVER}) (start $begin)");
        let made = made_with(lane, &wasm(lane, &[], &body), &hasty(), world());
        let said = made.unwrap_err().to_string();
        assert_eq!(said, "start took longer than 1 ms");
    }

    fn a_flood_of_host_calls_has_an_end(lane: Lane) {
        let call = r"(loop $next
            (call $log (i32.const 0) (i32.const 0) (i32.const 65536)) (br $next))";
        let body = format!(r#"(func (export "on-tick") (param i64) {call})"#);
        let mut guest = made_with(lane, &wasm(lane, &["log"], &body), &hasty(), world()).unwrap();
        assert!(matches!(tick(&mut guest), Err(Fault::Deadline { .. })));
        assert_eq!(guest.effects().log.len(), 10);
    }

    fn endless_recursion_is_a_trap(lane: Lane) {
        let body = r#"
            (func $down (param i64) (result i64)
              (i64.add (call $down (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
            (func (export "on-tick") (param i64) (drop (call $down (i64.const 0))))"#;
        let mut grant = grant();
        grant.limits.call_ms_max = 10_000;
        let mut guest = made_with(lane, &wasm(lane, &[], body), &grant, world()).unwrap();
        let said = tick(&mut guest).unwrap_err().to_string();
        assert!(said.starts_with("on-tick trapped: "), "{said}");
        assert!(said.contains("call stack exhausted, in down < down"), "{said}");
    }

    fn ten_gibibytes_are_not_given(lane: Lane) {
        let body = r#"(func (export "on-tick") (param i64)
            (i32.store (i32.const 2048) (memory.grow (i32.const 163840)))
            (i32.store (i32.const 2052) (memory.grow (i32.const 65000))))"#;
        let mut guest = guest(lane, &[], body);
        tick(&mut guest).unwrap();
        assert_eq!(words(&mut guest), [u32::MAX, u32::MAX]);
        assert_eq!(guest.effects().growths_refused, 2);
    }

    fn memory_grows_up_to_its_limit(lane: Lane) {
        let body = r#"(func (export "on-tick") (param i64)
            (loop $next (br_if $next (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (i32.store (i32.const 2048) (memory.size)))"#;
        let mut guest = guest(lane, &[], body);
        tick(&mut guest).unwrap();
        assert_eq!(words(&mut guest), [256]);
        assert_eq!(guest.effects().growths_refused, 1);
    }

    fn memory_begins_within_its_limit(lane: Lane) {
        let said = made(lane, &[], r#"(memory (export "memory") 257)"#).unwrap_err().to_string();
        assert_eq!(
            said,
            "start: its memory begins with 16842752 bytes, at most 16777216 are allowed"
        );
        made(lane, &[], r#"(memory (export "memory") 256)"#).unwrap();
    }

    fn tables_are_bounded(lane: Lane) {
        let said = made(lane, &[], "(table 70000 funcref)").unwrap_err().to_string();
        assert!(said.starts_with("start: ") && said.contains("table"), "{said}");
    }

    fn the_host_is_not_called_while_memory_is_given(lane: Lane) {
        let body = r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (call $log (i32.const 0) (i32.const 0) (i32.const 0))
            (i32.const 65536))"#;
        let said = made(lane, &["log"], body).unwrap().init(None).unwrap_err().to_string();
        let expected = match lane {
            Lane::Core => "log: was called while the guest gave or took back memory",
            Lane::Component => "cannot leave component instance",
        };
        assert!(said.contains(expected), "{said}");
    }

    fn others_go_on_when_one_has_failed(lane: Lane) {
        let mut failing = guest(lane, &[], &traps("on-tick", "(param i64)"));
        let mut other = guest(lane, &[], "");
        let threads = std::thread::scope(|scope| {
            let failed = scope.spawn(move || tick(&mut failing).is_err());
            let works = scope.spawn(move || (0..1000).all(|_| tick(&mut other).is_ok()));
            (failed.join().unwrap(), works.join().unwrap())
        });
        assert_eq!(threads, (true, true));
    }
}

#[test]
fn a_start_function_may_call_the_host() {
    let body = r#"(data (i32.const 3000) "begun")
        (func $begin (call $log (i32.const 2) (i32.const 3000) (i32.const 5)))
        (start $begin)"#;
    let mut guest = made(Lane::Core, &["log"], body).unwrap();
    assert_eq!(guest.effects().log.len(), 1);
}

/// A hasty guest with this in it, of one ring, which may be mapped.
fn reading(body: &str, may_map: bool) -> Result<Guest, Fault> {
    let (ring, file) = (ring(), RingFile::new(64 << 10));
    let given = [GuestRing {
        ring: &ring,
        memory: may_map.then(|| file.fd()),
    }];
    let compiled = engine().compile(&module(&[], body), &hasty()).unwrap();
    compiled.guest(&given, world())
}

#[test]
fn on_window_may_trap_or_run_on_or_claim_more_than_there_is() {
    let called = |does: &str, offset| {
        let body = format!(
            r#"{RING_WINDOW}
            (func $trapping (export "on-window") (param i32 i32 i32) (result i32) {does})"#
        );
        let mut guest = reading(&body, true).unwrap();
        guest.init(None).unwrap().unwrap();
        assert!(guest.walks(0) && !guest.walks(1));
        guest.on_window(0, offset, 64)
    };
    is_trap_of(&called("unreachable", 0).unwrap_err(), "on-window");
    let said = called(&format!("{FOR_EVER} unreachable"), 0).unwrap_err();
    assert_eq!(said.to_string(), "on-window took longer than 1 ms");
    // Where the span begins in the window, which is behind the guest's own pages.
    assert_eq!(
        called("(i32.sub (local.get 1) (i32.const 131072))", 48),
        Ok(48)
    );
    for claimed in ["-8", "72", "12"] {
        let said = called(&format!("(i32.const {claimed})"), 0).unwrap_err();
        assert!(matches!(said, Fault::Consumed { .. }), "{claimed}: {said}");
    }
    let said = called("(local.get 2)", 64 << 10).unwrap_err().to_string();
    assert!(said.contains("not of a ring of 65536 bytes"), "{said}");
}

#[test]
fn on_window_is_called_of_nobody_that_has_none() {
    let on_window = r#"(func (export "on-window") (param i32 i32 i32) (result i32) unreachable)"#;
    for (body, may_map) in [
        (format!("{RING_WINDOW} {on_window}"), false),
        (RING_WINDOW.to_owned(), true),
        (on_window.to_owned(), true),
    ] {
        let mut guest = reading(&body, may_map).unwrap();
        guest.init(None).unwrap().unwrap();
        assert!(!guest.walks(0));
        let said = guest.on_window(0, 0, 64).unwrap_err().to_string();
        assert!(said.contains("no window of the ring"), "{said}");
    }
}

#[test]
fn ring_window_may_trap_or_run_on() {
    let made = |body: &str| reading(body, true);
    made(RING_WINDOW).unwrap();
    let trapping = traps("ring-window", "(param i32 i32) (result i32)");
    is_trap_of(&made(&trapping).unwrap_err(), "ring-window");
    let endless = format!(
        r#"(func (export "ring-window") (param i32 i32) (result i32) {FOR_EVER} unreachable)"#
    );
    let said = made(&endless).unwrap_err().to_string();
    assert_eq!(said, "ring-window took longer than 1 ms");
}
