//! What guests are told: the time, settings, the layout of records, processes.
//! Must never tell of this machine where the world is not this machine's.

use handler::{Guest, Lane, World};

use super::stand::{
    grant, guest, in_both_lanes, made_with, pass_ns, text, tick, wasm, words, world,
};

/// Copies bytes from the address at one place to another.
const COPY: &str = r"
    (func $copy (param $from i32) (param $to i32) (param $bytes i32)
      (loop $next
        (if (local.get $bytes) (then
          (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
          (i32.store8 (i32.add (local.get $to) (local.get $bytes))
            (i32.load8_u (i32.add (local.get $from) (local.get $bytes))))
          (br $next)))))";

fn ticks(then: &str) -> String {
    format!(r#"{COPY} (func (export "on-tick") (param $now i64) {then})"#)
}

fn state(guest: &mut Guest) -> Vec<u8> {
    guest.snapshot().unwrap().bytes
}

in_both_lanes! {
    fn clocks_are_those_of_the_world(lane: Lane) {
        let body = ticks(
            "(i64.store (i32.const 2048) (call $now-mono))
             (i64.store (i32.const 2056) (call $now-wall))
             (i64.store (i32.const 2064) (local.get $now))",
        );
        let mut guest = guest(lane, &["now-mono", "now-wall"], &body);
        pass_ns(77);
        guest.on_tick(u64::MAX - 1).unwrap();
        let expected = [5_000_000_077_u64, 1_700_000_000_000_000_000, u64::MAX - 1];
        let expected: Vec<u8> = expected.iter().flat_map(|ns| ns.to_le_bytes()).collect();
        assert_eq!(state(&mut guest)[..24], expected);
    }

    fn a_setting_is_found_by_its_key(lane: Lane) {
        let ask = |key: &str| {
            let data = format!("(data (i32.const 3000) {})", text(key));
            let call = format!(
                "(call $config (i32.const 3000) (i32.const {}) (i32.const 2048))
                 (call $copy (i32.load (i32.const 2052)) (i32.const 2064) (i32.load (i32.const 2056)))",
                key.len()
            );
            let mut guest = guest(lane, &["config"], &(data + &ticks(&call)));
            tick(&mut guest).unwrap();
            let state = state(&mut guest);
            (state[0], state[16..20].to_vec())
        };
        assert_eq!(ask("prefix"), (1, b"/etc".to_vec()));
        assert_eq!(ask("suffix"), (0, vec![0; 4]));
    }

    fn the_layout_of_a_ring_is_told(lane: Lane) {
        let ask = |ring: u32| {
            // Address and count, then two fields, then the name of the second.
            let call = format!(
                "(call $layout (i32.const {ring}) (i32.const 2048))
                 (call $copy (i32.load (i32.const 2048)) (i32.const 2056)
                   (i32.shl (i32.load (i32.const 2052)) (i32.const 4)))
                 (if (i32.load (i32.const 2052)) (then
                   (call $copy (i32.load (i32.const 2072)) (i32.const 2088) (i32.const 11))))"
            );
            let mut guest = guest(lane, &["layout"], &ticks(&call));
            tick(&mut guest).unwrap();
            (words::<10>(&mut guest), state(&mut guest)[40..51].to_vec())
        };
        let ([_, count, _, first_bytes, at, bits, _, second_bytes, at_2, bits_2], name) = ask(0);
        assert_eq!((count, first_bytes, at, bits), (2, 3, 0, 32));
        assert_eq!((second_bytes, at_2, bits_2), (11, 64, 64));
        assert_eq!(name, b"place.inode");
        assert_eq!(ask(1).0[1], 0);
    }

    fn a_process_of_this_machine_is_told_where_events_are_of_it(lane: Lane) {
        let call = format!(
            "(call $process (i32.const {}) (i32.const 2048))",
            std::process::id()
        );
        let wasm = wasm(lane, &["process"], &ticks(&call));
        let ask = |processes| {
            let world = World { processes, ..world() };
            let mut guest = made_with(lane, &wasm, &grant(), world).unwrap();
            tick(&mut guest).unwrap();
            words::<12>(&mut guest)
        };
        let [is_there, _, parent, ..] = ask(true);
        assert_eq!((is_there & 0xff, parent), (1, std::os::unix::process::parent_id()));
        let [is_there, _, parent, ..] = ask(false);
        assert_eq!((is_there & 0xff, parent), (0, 0));
    }
}
