//! Records on their way to a guest: where the kernel writes them, or copied.
//! Must never take what a guest claims to have handled for true.
#![expect(unsafe_code, reason = "spans of a ring are the caller's word")]

use std::ptr::NonNull;

use handler::records::check_consumed;
use handler::{GuestRing, Lane, Records};

use super::stand::{
    RING_WINDOW, RingFile, engine, grant, guest, in_both_lanes, module, ring, words, world,
};

/// Adds up the bytes that it is given, and keeps where they were.
const SUMS: &str = r#"
    (func (export "on-events") (param $ring i32) (param $at i32) (param $bytes i32) (result i32)
      (local $end i32)
      (i32.store (i32.const 2048) (local.get $at))
      (local.set $end (i32.add (local.get $at) (local.get $bytes)))
      (loop $next
        (if (i32.lt_u (local.get $at) (local.get $end)) (then
          (i32.store (i32.const 2052)
            (i32.add (i32.load (i32.const 2052)) (i32.load8_u (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
      (local.get $bytes))"#;

#[test]
fn a_mapped_ring_is_read_where_the_kernel_writes_it() {
    let (ring, file) = (ring(), RingFile::new(64 << 10));
    let wasm = module(&[], &format!("{SUMS}{RING_WINDOW}"));
    let compiled = engine().compile(&wasm, &grant()).unwrap();
    let given = GuestRing {
        ring: &ring,
        memory: Some(file.fd()),
    };
    let mut guest = compiled.guest(&[given], world()).unwrap();
    assert!(guest.is_mapped(0));
    guest.init(None).unwrap().unwrap();
    let mut own = vec![0_u8; 128 << 10];
    // Written behind the guest's back, over the end of the ring; the caller's own bytes say otherwise.
    file.write((64 << 10) - 8, &[1; 8]);
    file.write(0, &[2; 8]);
    own[(64 << 10) - 8] = 100;
    let data = NonNull::new(own.as_mut_ptr()).unwrap();
    // SAFETY: the bytes live until the end of the test, twice the ring's size.
    let records = unsafe { Records::ring(data, (64 << 10) - 8, 16) };
    assert_eq!(guest.on_events(0, records), Ok(16));
    assert_eq!(words(&mut guest), [(128 << 10) + (64 << 10) - 8, 24]);
    // Bytes of the caller's own are copied even so.
    assert_eq!(guest.on_events(0, Records::Owned(&[1; 8])), Ok(8));
    let [at, sum] = words(&mut guest);
    assert_eq!(sum, 32);
    assert!(!(128 << 10..256 << 10).contains(&at), "{at}");
}

in_both_lanes! {
    fn other_rings_are_copied(lane: Lane) {
        let mut guest = guest(lane, &[], SUMS);
        assert!(!guest.is_mapped(0));
        assert_eq!(guest.on_events(0, Records::Owned(&[3; 24])), Ok(24));
        let mut own = vec![0_u8; 128 << 10];
        own[(64 << 10) - 8..][..16].fill(1);
        let data = NonNull::new(own.as_mut_ptr()).unwrap();
        // SAFETY: the bytes live until the end of the test, twice the ring's size.
        let records = unsafe { Records::ring(data, (64 << 10) - 8, 16) };
        assert_eq!(guest.on_events(0, records), Ok(16));
        assert_eq!(words::<2>(&mut guest)[1], 88);
        assert_eq!(guest.on_events(0, Records::Owned(&[])), Ok(0));
    }

    fn a_span_is_of_a_ring_that_there_is(lane: Lane) {
        let said = |ring, records| {
            let mut guest = guest(lane, &[], SUMS);
            guest.on_events(ring, records).unwrap_err().to_string()
        };
        assert_eq!(said(1, Records::Owned(&[])), "on-events: there is no ring 1");
        let mut own = vec![0_u8; 256 << 10];
        let data = NonNull::new(own.as_mut_ptr()).unwrap();
        for (offset, bytes) in [(64 << 10, 8), (0, (64 << 10) + 8)] {
            // SAFETY: the bytes live until the end of the test, and are more than these.
            let records = unsafe { Records::ring(data, offset, bytes) };
            let said = said(0, records);
            assert!(said.ends_with("the records are not of a ring of 65536 bytes"), "{said}");
        }
    }

    fn what_is_claimed_is_at_most_what_was_offered(lane: Lane) {
        for (claim, rule) in [
            ("(i32.const 0x80000000)", "2147483648 bytes of 24: that is more"),
            ("(i32.const 32)", "32 bytes of 24: that is more"),
            ("(i32.const 12)", "12 bytes of 24: no multiple of 8"),
        ] {
            let body = format!(
                r#"(func (export "on-events") (param i32 i32 i32) (result i32) {claim})"#
            );
            let mut guest = guest(lane, &[], &body);
            let fault = guest.on_events(0, Records::Owned(&[0; 24])).unwrap_err();
            assert!(fault.to_string().contains(rule), "{fault}");
            let again = guest.on_events(0, Records::Owned(&[0; 24])).unwrap_err();
            assert_eq!(again.to_string(), "on-events: the guest has failed before");
        }
    }

    fn half_a_record_is_not_handled(lane: Lane) {
        let half = r#"(func (export "on-events") (param i32 i32 i32) (result i32) (i32.const 16))"#;
        let mut guest = guest(lane, &[], half);
        let mut span = [0; 24];
        span[0] = 16;
        let claimed = guest.on_events(0, Records::Owned(&span)).unwrap();
        let said = check_consumed(&span, claimed).unwrap_err().to_string();
        assert!(said.contains("16 bytes of 24: no record ends there"), "{said}");
    }
}
