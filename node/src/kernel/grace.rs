//! The grace period after a flip: when it ends, no program that was running before still runs.
//! Used by the engine. Does not cover sleepable programs, timers and work queues.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};

use super::sys;

/// Waits until every program that was running when this was called has ended.
///
/// # Errors
/// Where the kernel offers neither way to wait.
pub(crate) fn wait() -> io::Result<()> {
    sys::membarrier().or_else(|_refused| replace_inner_map())
}

/// The kernel waits for an RCU grace period after it has replaced a map inside a map
/// (`maybe_wait_bpf_programs` in `kernel/bpf/syscall.c`), on machines where `membarrier` does not.
fn replace_inner_map() -> io::Result<()> {
    let mut options = libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
        ..Default::default()
    };
    let inner = MapHandle::create(MapType::Array, Some("marrow_inner"), 4, 4, 1, &options)
        .map_err(io::Error::other)?;
    options.inner_map_fd = inner.as_fd().as_raw_fd().cast_unsigned();
    let outer = MapHandle::create(
        MapType::ArrayOfMaps,
        Some("marrow_grace"),
        4,
        4,
        1,
        &options,
    )
    .map_err(io::Error::other)?;
    let value = inner.as_fd().as_raw_fd().to_ne_bytes();
    outer
        .update(&0u32.to_ne_bytes(), &value, MapFlags::ANY)
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_ways_to_wait_end() {
        super::wait().unwrap();
        if super::replace_inner_map().is_err() {
            eprintln!("not run: waiting through a map inside a map needs the right to make maps");
        }
    }
}
