//! A ring for tests of whoever reads one: a small program submits what it is given, run by
//! `BPF_PROG_TEST_RUN`. Must never be linked into the node.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};

use super::Ring;
use crate::kernel::join::code::{MAP_FD, MAP_VALUE, instruction, load_wide};
use crate::kernel::join::{load, run};

/// Most bytes of a record.
const RECORD_BYTES_MAX: usize = 4096;
/// Before the record in the input: its length.
const LENGTH_BYTES: usize = 8;
/// `BPF_FUNC_ringbuf_output`.
const OUTPUT: i32 = 130;

/// A ring and what submits to it.
pub(crate) struct Filled {
    ring: MapHandle,
    input: MapHandle,
    program: OwnedFd,
}

impl Filled {
    /// An empty ring of this size, a power of two and whole pages.
    ///
    /// # Errors
    /// What the kernel says: this process may make no maps or load no programs.
    pub(crate) fn new(ring_bytes: u32) -> io::Result<Self> {
        let options = libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
            ..Default::default()
        };
        let make = |kind, name, key_bytes, value_bytes, entries| {
            MapHandle::create(kind, Some(name), key_bytes, value_bytes, entries, &options)
                .map_err(io::Error::other)
        };
        let ring = make(MapType::RingBuf, "filled", 0, 0, ring_bytes)?;
        let input_bytes = u32::try_from(LENGTH_BYTES + RECORD_BYTES_MAX).unwrap();
        let input = make(MapType::Array, "filling", 4, input_bytes, 1)?;
        let program = load(&code(ring.as_fd().as_raw_fd(), input.as_fd().as_raw_fd()))?;
        Ok(Self {
            ring,
            input,
            program,
        })
    }

    /// Submits one record, for which there must be room.
    pub(crate) fn submit(&self, record: &[u8]) {
        let mut input = vec![0; LENGTH_BYTES + RECORD_BYTES_MAX];
        let length = u64::try_from(record.len()).unwrap();
        input[..LENGTH_BYTES].copy_from_slice(&length.to_ne_bytes());
        input[LENGTH_BYTES..][..record.len()].copy_from_slice(record);
        self.input
            .update(&0_u32.to_ne_bytes(), &input, MapFlags::ANY)
            .unwrap();
        assert_eq!(run(&self.program, None).unwrap(), 0, "the ring took it");
    }

    /// The ring as whoever begins to read it sees it.
    pub(crate) fn open(&self) -> Ring {
        Ring::open(&self.ring).unwrap()
    }
}

/// `length > max ? 1 : bpf_ringbuf_output(ring, input + 8, length, 0)`.
fn code(ring: i32, input: i32) -> Vec<u64> {
    let immediate = |bytes: usize| i32::try_from(bytes).unwrap();
    let mut code = vec![instruction(0xb7, 0, 0, 0, 1)];
    code.extend(load_wide(6, MAP_VALUE, input, 0));
    code.push(instruction(0x79, 3, 6, 0, 0));
    code.push(instruction(0x25, 3, 0, 6, immediate(RECORD_BYTES_MAX)));
    code.push(instruction(0xbf, 2, 6, 0, 0));
    code.push(instruction(0x07, 2, 0, 0, immediate(LENGTH_BYTES)));
    code.extend(load_wide(1, MAP_FD, ring, 0));
    code.push(instruction(0xb7, 4, 0, 0, 0));
    code.push(instruction(0x85, 0, 0, 0, OUTPUT));
    code.push(instruction(0x95, 0, 0, 0, 0));
    code
}
