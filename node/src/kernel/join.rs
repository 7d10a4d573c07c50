//! Joins what the generation before wrote into an entry that the new one may be writing to: a small
//! program that adds and compares within the kernel, run by `BPF_PROG_TEST_RUN`. Used by the engine
//! behind a flip. Must never overwrite what the new generation wrote.
#![expect(unsafe_code, reason = "libbpf-rs does not load bare instructions")]

pub(super) mod code;

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};

use super::carried::CarriedMap;
pub(crate) use code::{NUMBERS_MAX, Shape};

/// What is to be joined into one value.
pub(crate) struct Change<'a> {
    /// The entry's key.
    pub(crate) key: &'a [u8],
    /// What is added to each number of the shape.
    pub(crate) added: &'a [u64],
    /// The value as it was written for the new generation.
    pub(crate) expected: &'a [u8],
    /// The value that the bytes which are no numbers get, where they are still as expected.
    pub(crate) last: &'a [u8],
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was joined.
    Joined,
    /// There is no such entry.
    Absent,
    /// Numbers were added; the other bytes were written by the new generation and stay.
    Written,
}

/// Joins into one map.
pub(crate) struct Joiner {
    program: OwnedFd,
    /// One value: what the program works with.
    input: MapHandle,
    shape: Shape,
}

impl Joiner {
    /// A joiner into values of this shape, run once without a change. No program writes to the map.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn new(map: &CarriedMap, shape: Shape) -> io::Result<Self> {
        let bytes = u32::try_from(shape.input_bytes()).map_err(io::Error::other)?;
        let options = libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
            ..Default::default()
        };
        let input = MapHandle::create(MapType::Array, Some("marrow_join"), 4, bytes, 1, &options)
            .map_err(io::Error::other)?;
        let code = shape.code(map.handle().as_fd().as_raw_fd(), input.as_fd().as_raw_fd());
        let program = load(&code)?;
        // Behind the flip it would be too late to find that this kernel does not run it. Nothing is
        // added, and zeroes are stored over zeroes.
        run(&program, None)?;
        Ok(Self {
            program,
            input,
            shape,
        })
    }

    /// Joins into the entry's value; `cpu` picks the one of a per-CPU map, and runs there.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn join(&self, change: &Change<'_>, cpu: Option<u32>) -> io::Result<Outcome> {
        let input = self.shape.input(change);
        self.input
            .update(&0_u32.to_ne_bytes(), &input, MapFlags::ANY)
            .map_err(io::Error::other)?;
        match run(&self.program, cpu)? {
            code::JOINED => Ok(Outcome::Joined),
            code::ABSENT => Ok(Outcome::Absent),
            _ => Ok(Outcome::Written),
        }
    }
}

/// Raw tracepoint programs run by request since 5.10, on a CPU of the caller's choice.
pub(super) fn load(code: &[u64]) -> io::Result<OwnedFd> {
    // SAFETY: `code` holds as many instructions of eight bytes as the call is told, and the texts
    // are NUL-terminated; all live over the call.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_RAW_TRACEPOINT,
            c"marrow_join".as_ptr(),
            c"Dual BSD/GPL".as_ptr(),
            code.as_ptr().cast(),
            code.len() as libbpf_sys::size_t,
            std::ptr::null_mut(),
        )
    };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn run(program: &OwnedFd, cpu: Option<u32>) -> io::Result<u32> {
    let mut options = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as libbpf_sys::size_t,
        flags: cpu.map_or(0, |_| libbpf_sys::BPF_F_TEST_RUN_ON_CPU),
        cpu: cpu.unwrap_or(0),
        ..Default::default()
    };
    // SAFETY: `options` has the size that it says, and the program is open.
    let result =
        unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &raw mut options) };
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(options.retval)
}
