//! Windows: the pages of a ring in a guest's memory. The guest reads them; nobody writes to them, and
//! a guest that tries ends alone. Must never map a test's file where the process keeps anything.
#![expect(unsafe_code, reason = "spans of a ring are the caller's word")]

use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;

use handler::fault::Fault;
use handler::grant::Ring;
use handler::{Guest, GuestRing, Records};

use super::stand::{RING_WINDOW, RingFile, engine, grant, module, ring, tick, words, world};

const SIZE: u32 = 64 << 10;
/// Where the first window of a guest of two pages is.
const AT: u32 = 128 << 10;
const END: u32 = AT + 2 * SIZE;

/// A guest with a window for each of these rings.
fn with_rings(imports: &[&str], body: &str, fds: &[BorrowedFd<'_>]) -> Result<Guest, Fault> {
    let compiled = engine().compile(&module(imports, body), &grant()).unwrap();
    let ring = ring();
    let given: Vec<GuestRing<'_>> = fds
        .iter()
        .map(|fd| GuestRing {
            ring: &ring,
            memory: Some(*fd),
        })
        .collect();
    compiled.guest(&given, world())
}

/// A guest with one window that does this in a tick.
fn ticking(imports: &[&str], then: &str) -> (Guest, RingFile) {
    let file = RingFile::new(SIZE);
    let body = format!(r#"{RING_WINDOW} (func (export "on-tick") (param i64) {then})"#);
    let mut guest = with_rings(imports, &body, &[file.fd()]).unwrap();
    assert!(guest.is_mapped(0));
    guest.init(None).unwrap().unwrap();
    (guest, file)
}

/// What a guest whose `ring-window` gives this ends with.
fn placed(window: &str) -> Result<Guest, Fault> {
    let file = RingFile::new(SIZE);
    let body = format!(
        r#"(memory (export "memory") 8)
        (data (i32.const 1040) "\07\00\00\00\00\08\00\00\40\00\00\00")
        (data (i32.const 65536) "filled")
        (func (export "ring-window") (param $ring i32) (param $bytes i32) (result i32) {window})"#
    );
    with_rings(&[], &body, &[file.fd(), file.fd()])
}

#[test]
fn a_store_into_a_window_is_a_trap() {
    for store in [
        format!("(i32.store (i32.const {AT}) (i32.const 1))"),
        format!("(i32.store8 (i32.const {}) (i32.const 1))", END - 1),
        // One half of it lies before the window.
        format!("(i64.store (i32.const {}) (i64.const -1))", AT - 4),
        format!("(v128.store (i32.const {AT}) (v128.const i64x2 1 1))"),
    ] {
        let (mut guest, file) = ticking(&[], &store);
        let said = tick(&mut guest).unwrap_err().to_string();
        assert!(
            said.starts_with("on-tick trapped: memory fault at wasm address 0x"),
            "{said}"
        );
        assert_eq!(file.read(0, 16), [0; 16]);
    }
}

#[test]
fn a_window_is_read_to_its_end_and_no_further() {
    let read = |at: u32| {
        let then = format!("(i32.store (i32.const 2048) (i32.load (i32.const {at})))");
        let (mut guest, file) = ticking(&[], &then);
        file.write(u64::from(SIZE) - 4, &[1, 2, 3, 4]);
        tick(&mut guest).map(|()| words::<1>(&mut guest))
    };
    let written = u32::from_le_bytes([1, 2, 3, 4]);
    assert_eq!(read(AT + SIZE - 4), Ok([written]));
    assert_eq!(read(END - 4), Ok([written]));
    let said = read(END - 3).unwrap_err().to_string();
    assert!(said.contains("out of bounds memory access"), "{said}");
    let said = read(0xffff_fff0).unwrap_err().to_string();
    assert!(said.contains("out of bounds memory access"), "{said}");
}

#[test]
fn the_host_reads_from_a_window() {
    // A part of the event lies in the ring, over its end.
    let call = format!(
        "(call $emit (i32.const {AT}) (i32.const 4) (i32.const {}) (i32.const 7) (i32.const 2048))",
        AT + SIZE - 4
    );
    let (mut guest, file) = ticking(&["emit"], &call);
    file.write(0, b"exec");
    file.write(u64::from(SIZE) - 4, b"{\"a\"");
    // The beginning of the ring follows its end.
    file.write(0, b":1}x");
    tick(&mut guest).unwrap();
    assert_eq!(
        guest.effects().emits_refused,
        1,
        "the stream's name is no name"
    );
    file.write(0, b"exec");
    let call = format!(
        "(call $emit (i32.const {AT}) (i32.const 4) (i32.const {}) (i32.const 7) (i32.const 2048))",
        AT + 8
    );
    let (mut guest, file) = ticking(&["emit"], &call);
    file.write(0, b"exec    {\"a\":1}");
    tick(&mut guest).unwrap();
    assert_eq!(guest.effects().text, b"exec{\"a\":1}");
}

#[test]
fn the_host_does_not_write_into_a_window() {
    for (at, bytes) in [(AT, 12), (END - 12, 12), (AT - 4, 12), (END - 4, 12)] {
        let call = format!("(call $config (i32.const 0) (i32.const 0) (i32.const {at}))");
        let (mut guest, _file) = ticking(&["config"], &call);
        let fault = tick(&mut guest).unwrap_err();
        let said = format!(
            "config: room for the result at {at} with {bytes} bytes \
             lies in a ring's window, which nobody writes to"
        );
        // Behind the last window the memory ends.
        let beyond = format!(
            "config: room for the result at {at} with {bytes} bytes is outside of the memory"
        );
        assert!([said, beyond].contains(&fault.to_string()), "{fault}");
    }
}

#[test]
fn room_that_a_guest_gives_is_not_in_a_window() {
    let body = format!(
        r#"{RING_WINDOW}
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const {AT}))"#
    );
    let file = RingFile::new(SIZE);
    let mut guest = with_rings(&[], &body, &[file.fd()]).unwrap();
    let said = guest.init(None).unwrap_err().to_string();
    assert!(
        said.contains("the room that it gave at 131072 with 20 bytes lies in a ring's window"),
        "{said}"
    );
}

#[test]
fn pointers_beyond_the_memory_are_faults() {
    for (call, what) in [
        (
            "(call $log (i32.const 0) (i32.const 262144) (i32.const 1))",
            "log: the message at 262144",
        ),
        (
            "(call $log (i32.const 0) (i32.const -1) (i32.const -1))",
            "log: the message at 4294967295",
        ),
        (
            "(call $emit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))",
            "emit: the event at 0 with 4294967295 bytes",
        ),
        (
            "(call $config (i32.const 0) (i32.const 0) (i32.const 262140))",
            "config: room for the result at 262140 with 12 bytes",
        ),
    ] {
        let (mut guest, _file) = ticking(&["log", "emit", "config"], call);
        let said = tick(&mut guest).unwrap_err().to_string();
        assert!(
            said.starts_with(what) && said.ends_with("is outside of the memory"),
            "{said}"
        );
    }
    let unaligned = "(call $config (i32.const 0) (i32.const 0) (i32.const 2049))";
    let (mut guest, _file) = ticking(&["config"], unaligned);
    let said = tick(&mut guest).unwrap_err().to_string();
    assert!(said.ends_with("is not aligned"), "{said}");
}

#[test]
fn a_window_lies_in_room_of_its_own() {
    for (window, rule) in [
        (
            "(i32.const 4096)",
            "at 4096 with 131072 bytes is not at a multiple of 65536",
        ),
        (
            "(i32.const -65536)",
            "at 4294901760 with 131072 bytes is outside of the memory",
        ),
        (
            "(i32.const 458752)",
            "at 458752 with 131072 bytes is outside of the memory",
        ),
        (
            "(i32.const 65536)",
            "at 65536 with 131072 bytes lies over data of the module",
        ),
        (
            "(i32.const 131072)",
            "at 131072 with 131072 bytes lies over another window",
        ),
        (
            "(i32.add (i32.const 131072) (i32.mul (local.get $ring) (i32.const 65536)))",
            "at 196608 with 131072 bytes lies over another window",
        ),
    ] {
        let said = placed(window).unwrap_err().to_string();
        assert_eq!(said, format!("ring-window: the window {rule}"));
    }
    let beside = "(i32.add (i32.const 131072) (i32.mul (local.get $ring) (i32.const 131072)))";
    let guest = placed(beside).unwrap();
    assert!(guest.is_mapped(0) && guest.is_mapped(1));
}

#[test]
fn a_guest_without_room_gets_copies() {
    let guest = placed("(i32.const 0)").unwrap();
    assert!(!guest.is_mapped(0) && !guest.is_mapped(1));
    // Its double is no multiple of a page of WebAssembly: the guest is not even asked.
    let small = Ring {
        size_bytes: 4096,
        ..ring()
    };
    let asked = r#"(func (export "ring-window") (param i32 i32) (result i32) unreachable)"#;
    let compiled = engine().compile(&module(&[], asked), &grant()).unwrap();
    let file = RingFile::new(4096);
    let given = GuestRing {
        ring: &small,
        memory: Some(file.fd()),
    };
    let mut guest = compiled.guest(&[given], world()).unwrap();
    assert!(!guest.is_mapped(0));
    assert_eq!(guest.on_events(0, Records::Owned(&[0; 8])), Ok(8));
}

#[test]
fn where_a_ring_can_not_be_mapped_the_room_is_as_before() {
    // A pipe can't be mapped; the guest writes all over the room that it gave.
    let (pipe, _other) = std::io::pipe().unwrap();
    let fill = format!(
        r#"{RING_WINDOW}
        (func (export "on-tick") (param i64)
          (local $at i32)
          (local.set $at (i32.const {AT}))
          (loop $next
            (i32.store (local.get $at) (i32.const 7))
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096)))
              (i32.const {END}))))
          (i32.store (i32.const 2048) (i32.load (i32.const {AT}))))"#
    );
    let mut guest = with_rings(&[], &fill, &[pipe.as_fd()]).unwrap();
    assert!(!guest.is_mapped(0));
    tick(&mut guest).unwrap();
    assert_eq!(words(&mut guest), [7]);
}

#[test]
fn memory_grows_behind_windows_as_far_as_without_them() {
    let grow = r"
        (loop $next (br_if $next (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (i32.store (i32.const 2048) (memory.size))
        (i32.store (i32.const 2052) (i32.load (i32.const 131072)))";
    let (mut guest, file) = ticking(&[], grow);
    file.write(0, &[5]);
    tick(&mut guest).unwrap();
    assert_eq!(words(&mut guest), [256 + 2, 5]);
    let said = ticking(
        &[],
        "(i32.store (i32.const 131072) (memory.grow (i32.const 1)))",
    );
    let (mut guest, _file) = said;
    assert!(
        tick(&mut guest).is_err(),
        "the window is still not written to"
    );
}

#[test]
fn two_guests_read_one_ring() {
    let file = RingFile::new(SIZE);
    let body = format!(
        r#"{RING_WINDOW}
        (func (export "on-events") (param i32 i32 i32) (result i32)
          (i32.store (i32.const 2048) (i32.load (local.get 1)))
          (local.get 2))"#
    );
    let made = || with_rings(&[], &body, &[file.fd()]).unwrap();
    let (mut first, mut second) = (made(), made());
    file.write(8, &[9, 0, 0, 0]);
    let mut own = vec![0_u8; 2 * SIZE as usize];
    let data = NonNull::new(own.as_mut_ptr()).unwrap();
    // SAFETY: the bytes live until the end of the test, twice the ring's size.
    let records = unsafe { Records::ring(data, 8, 8) };
    assert_eq!(first.on_events(0, records), Ok(8));
    drop(first.snapshot().unwrap());
    drop(first);
    assert_eq!(second.on_events(0, records), Ok(8));
    assert_eq!(words(&mut second), [9]);
}
