//! Which programs, maps and links the kernel holds, whoever holds them. Used where a machine is
//! nobody else's: in guests. Must never be read as what one process holds.
#![expect(unsafe_code, reason = "bpf(2) has no wrapper in the C library")]

use std::collections::BTreeSet;
use std::io;

/// Commands of `enum bpf_cmd` (uapi/linux/bpf.h) that go from one id to the next.
const PROGRAM_NEXT: libc::c_int = 11;
const MAP_NEXT: libc::c_int = 12;
const LINK_NEXT: libc::c_int = 31;

/// Everything there is, by kind and id.
pub type Ids = BTreeSet<(&'static str, u32)>;

/// What of `union bpf_attr` these commands read and write.
#[repr(C)]
struct Next {
    from: u32,
    found: u32,
    flags: u32,
}

/// All programs, maps and links of the kernel.
///
/// # Errors
/// What bpf(2) says, such as that this process may not ask.
pub fn all() -> io::Result<Ids> {
    let mut ids = Ids::new();
    for (kind, command) in [
        ("program", PROGRAM_NEXT),
        ("map", MAP_NEXT),
        ("link", LINK_NEXT),
    ] {
        let mut last = 0;
        while let Some(id) = after(command, last)? {
            ids.insert((kind, id));
            last = id;
        }
    }
    Ok(ids)
}

fn after(command: libc::c_int, id: u32) -> io::Result<Option<u32>> {
    let mut attributes = Next {
        from: id,
        found: 0,
        flags: 0,
    };
    // SAFETY: the kernel reads and writes `attributes`, whose size it is told, and nothing else.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            &raw mut attributes,
            size_of::<Next>(),
        )
    };
    if done == 0 {
        return Ok(Some(attributes.found));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOENT) => Ok(None),
        _ => Err(error),
    }
}
