//! What the kernel tells about a program that it has taken. Used by `node verify`, and for
//! what hooks have missed.
//! Must never fail: an older kernel tells less.
#![expect(unsafe_code, reason = "libbpf-rs does not tell these numbers")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// Numbers of `struct bpf_prog_info` (uapi/linux/bpf.h); `None` where this kernel does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Accepted {
    /// Instructions that the verifier walked through, on all paths (since 5.16).
    pub(crate) verified_instructions: Option<u32>,
    /// Machine code it became, bytes.
    pub(crate) machine_code_bytes: Option<u32>,
    /// The kernel's digest of its instructions, 16 hex digits.
    pub(crate) tag: Option<String>,
}

/// What the kernel tells about the program behind a descriptor; 0 where an older one tells nothing.
pub(super) fn told(program: BorrowedFd<'_>) -> Option<libbpf_sys::bpf_prog_info> {
    let mut told = libbpf_sys::bpf_prog_info::default();
    let mut bytes = u32::try_from(size_of_val(&told)).unwrap_or(0);
    // SAFETY: the kernel writes at most `bytes` bytes of `told`, in which no pointer is set.
    let error = unsafe {
        libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &raw mut told, &raw mut bytes)
    };
    (error == 0).then_some(told)
}

impl Accepted {
    /// What the kernel tells about the program behind a descriptor.
    pub(crate) fn of(program: BorrowedFd<'_>) -> Self {
        let Some(told) = told(program) else {
            return Self::default();
        };
        let told_above_0 = |number: u32| (number > 0).then_some(number);
        Self {
            verified_instructions: told_above_0(told.verified_insns),
            machine_code_bytes: told_above_0(told.jited_prog_len),
            tag: Some(told.tag.map(|byte| format!("{byte:02x}")).concat()),
        }
    }
}
