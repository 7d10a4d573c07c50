//! Reads and sets the priority of a socket's packets. A part of the deeds.
//! Must never set anything but on a socket of its own.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use anyhow::{Result, ensure};
use api::node::InstanceState;

use super::super::daemon::Daemon;

const LEVEL: libc::c_int = libc::SOL_SOCKET;
const NAME: libc::c_int = libc::SO_PRIORITY;
/// Numbers of an option that is larger than a page: the kernel looks at the first.
const NUMBERS: usize = 2048;

/// Reads it.
pub(super) fn get() -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut value: libc::c_int = 0;
    let mut bytes = libc::socklen_t::try_from(size_of::<libc::c_int>())?;
    // SAFETY: `value` has `bytes` bytes, and both live over the call.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            LEVEL,
            NAME,
            (&raw mut value).cast(),
            &raw mut bytes,
        )
    };
    ensure!(done == 0, io::Error::last_os_error());
    Ok(())
}

/// Sets it. While nothing runs by an option that is larger than a page: older kernels fail such
/// a call where a program does not say that it leaves the option alone.
pub(super) fn set(daemon: &Daemon) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let values: [libc::c_int; NUMBERS] = [0; NUMBERS];
    // It is also done where there is no instance.
    let instance = daemon.instance();
    let paused = instance.is_ok_and(|instance| instance.state == InstanceState::Paused);
    let numbers = if paused { values.len() } else { 1 };
    let bytes = libc::socklen_t::try_from(numbers * size_of::<libc::c_int>())?;
    // SAFETY: `values` has `bytes` bytes or more, and lives over the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            LEVEL,
            NAME,
            values.as_ptr().cast::<libc::c_void>(),
            bytes,
        )
    };
    ensure!(done == 0, io::Error::last_os_error());
    Ok(())
}
