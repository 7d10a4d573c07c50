//! Maps of a payload's object: by name, with the rights that its manifest gives.
//! Must never pass where a guest writes to what it may only read.

use std::sync::Arc;

use handler::effects::Level;
use handler::maps::Maps;
use handler::{Guest, Lane, World};

use super::stand::{
    TestMaps, grant, guest, in_both_lanes, made_with, text, tick, wasm, words, world,
};

const ALL: [&str; 5] = [
    "map-open",
    "map-lookup",
    "map-update",
    "map-delete",
    "map-scan",
];

/// Opens the map of this name as the first one, then does this. Its key is `key1` at 3100, the value
/// `value001` at 3200.
fn opened(name: &str, then: &str) -> String {
    format!(
        r#"(data (i32.const 3000) {}) (data (i32.const 3100) "key1") (data (i32.const 3200) "value001")
        (func (export "on-tick") (param i64)
          (call $map-open (i32.const 3000) (i32.const {}) (i32.const 2048))
          {then})"#,
        text(name),
        name.len()
    )
}

const UPDATE: &str = "(call $map-update (i32.const 0) (i32.const 3100) (i32.const 4)
    (i32.const 3200) (i32.const 8) (i32.const 2056))";
const DELETE: &str = "(call $map-delete (i32.const 0) (i32.const 3100) (i32.const 4)
    (i32.const 2056))";
const LOOKUP: &str = "(call $map-lookup (i32.const 0) (i32.const 3100) (i32.const 4)
    (i32.const 2056))";

/// A guest on maps that the test sees too.
fn on_maps(lane: Lane, body: &str) -> (Guest, Arc<TestMaps>) {
    let maps = Arc::new(TestMaps::default());
    let world = World {
        maps: maps.clone(),
        ..world()
    };
    let guest = made_with(lane, &wasm(lane, &ALL, body), &grant(), world).unwrap();
    (guest, maps)
}

/// The bytes of a result.
fn result(guest: &mut Guest, at: usize, bytes: usize) -> Vec<u8> {
    guest.snapshot().unwrap().bytes[at..at + bytes].to_vec()
}

in_both_lanes! {
    fn a_map_is_opened_by_its_name(lane: Lane) {
        let again = "(call $map-open (i32.const 3000) (i32.const 6) (i32.const 2056))";
        let mut guest = guest(lane, &ALL, &opened("counts", again));
        tick(&mut guest).unwrap();
        assert_eq!(words(&mut guest), [0, 0, 0, 0]);
        assert!(guest.effects().is_empty());
    }

    fn a_map_without_a_right_to_it_is_denied_and_told(lane: Lane) {
        let long = "m".repeat(100);
        for name in ["other", "", long.as_str()] {
            let mut guest = guest(lane, &ALL, &opened(name, ""));
            tick(&mut guest).unwrap();
            tick(&mut guest).unwrap();
            assert_eq!(result(&mut guest, 0, 5), [1, 0, 0, 0, 0]);
            assert_eq!(guest.effects().denied, [name.chars().take(64).collect::<String>()]);
        }
        let mut guest = guest(lane, &ALL, &opened("gone", ""));
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 0, 5), [1, 0, 0, 0, 1]);
    }

    fn entries_are_set_found_and_removed(lane: Lane) {
        let (mut guest, maps) = on_maps(lane, &opened("counts", UPDATE));
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 8, 2), [0, 0]);
        assert_eq!(maps.lookup("counts", b"key1"), Ok(Some(b"value001".to_vec())));
        // What was found is copied behind the result.
        let found = "(i64.store (i32.const 2072) (i64.load (i32.load (i32.const 2064))))";
        let (mut guest, maps) = on_maps(lane, &opened("counts", &format!("{LOOKUP} {found}")));
        maps.update("counts", b"key1", b"value002").unwrap();
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 8, 8), [0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(result(&mut guest, 20, 12), [b"\x08\0\0\0", b"value002".as_slice()].concat());
        let (mut guest, maps) = on_maps(lane, &opened("counts", DELETE));
        maps.update("counts", b"key1", b"value003").unwrap();
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 8, 2), [0, 1]);
        assert_eq!(maps.lookup("counts", b"key1"), Ok(None));
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 8, 2), [0, 0]);
        let (mut guest, _) = on_maps(lane, &opened("counts", LOOKUP));
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 8, 8), [0; 8]);
    }

    fn entries_come_behind_a_key_and_no_more_than_asked(lane: Lane) {
        for (after, entries_max, bytes) in [(0, 100, 36), (0, 2, 24), (1, 100, 24), (1, 1, 12)] {
            let scan = format!(
                "(call $map-scan (i32.const 0) (i32.const {after}) (i32.const 3100) (i32.const 4)
                   (i32.const {entries_max}) (i32.const 2056))
                 (i64.store (i32.const 2072) (i64.load (i32.load (i32.const 2060))))"
            );
            let (mut guest, maps) = on_maps(lane, &opened("limits", &scan));
            for key in [b"key1", b"key2", b"key3"] {
                maps.update("limits", key, b"a value!").unwrap();
            }
            tick(&mut guest).unwrap();
            let [.., case, _, length, _, _, _] = words::<8>(&mut guest);
            assert_eq!((case & 0xff, length), (0, bytes));
            let first = if after == 0 { b"key1a va" } else { b"key2a va" };
            assert_eq!(result(&mut guest, 24, 8), first);
        }
    }

    fn what_may_be_read_may_not_be_written(lane: Lane) {
        for write in [UPDATE, DELETE] {
            let (mut guest, maps) = on_maps(lane, &opened("limits", write));
            maps.update("limits", b"key1", b"as it is").unwrap();
            tick(&mut guest).unwrap();
            assert_eq!(result(&mut guest, 8, 2), [1, 0]);
            assert_eq!(maps.lookup("limits", b"key1"), Ok(Some(b"as it is".to_vec())));
            assert_eq!(guest.effects().denied, ["limits"]);
        }
    }

    fn keys_and_values_have_the_size_of_the_map(lane: Lane) {
        for (call, at, expected) in [
            (UPDATE.replace("(i32.const 4)", "(i32.const 5)"), 9, 3),
            (UPDATE.replace("(i32.const 8)", "(i32.const 7)"), 9, 3),
            (DELETE.replace("(i32.const 4)", "(i32.const 0)"), 9, 3),
            (LOOKUP.replace("(i32.const 4)", "(i32.const 3)"), 12, 3),
            // A map that was not opened.
            (DELETE.replace("(i32.const 0)", "(i32.const 1)"), 9, 1),
        ] {
            let mut guest = guest(lane, &ALL, &opened("counts", &call));
            tick(&mut guest).unwrap();
            assert_eq!(result(&mut guest, 8, 1), [1], "{call}");
            assert_eq!(result(&mut guest, at, 1), [expected], "{call}");
        }
    }

    fn what_the_kernel_says_is_in_the_log(lane: Lane) {
        let body = opened("counts", UPDATE).replace("\"key1\"", "\"\\ff\\ff\\ff\\ff\"");
        let (mut guest, _) = on_maps(lane, &body);
        tick(&mut guest).unwrap();
        assert_eq!(result(&mut guest, 8, 2), [1, 5]);
        let said = "map \"counts\": the kernel is tired\\n".to_owned();
        assert_eq!(guest.effects().log, [(Level::Warn, said)]);
    }

    fn what_is_shown_again_changes_no_map(lane: Lane) {
        for (write, result_of_it) in [(UPDATE, [0, 0]), (DELETE, [0, 1])] {
            let (mut guest, maps) = on_maps(lane, &opened("counts", write));
            maps.update("counts", b"key1", b"as it is").unwrap();
            guest.suppress(true);
            tick(&mut guest).unwrap();
            assert_eq!(result(&mut guest, 8, 2), result_of_it);
            assert_eq!(maps.lookup("counts", b"key1"), Ok(Some(b"as it is".to_vec())));
        }
    }
}
