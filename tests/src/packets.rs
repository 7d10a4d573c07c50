//! Frames on an interface, as they are: what a test sends past the kernel's own protocols, and what
//! gets through. Must never be used on an interface that the test did not make.
#![expect(unsafe_code, reason = "raw calls of the C library")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A frame is at most this long, bytes.
const FRAME_BYTES_MAX: usize = 2048;
/// How long a frame may be on its way.
const PATIENCE: Duration = Duration::from_secs(20);
/// All protocols, in network order (`ETH_P_ALL` of `linux/if_ether.h`).
const EVERYTHING: u16 = 3u16.to_be();

/// Sends and receives whole frames on one interface.
#[derive(Debug)]
pub struct Frames(OwnedFd);

impl Frames {
    /// Opens the interface; what comes from now on can be received.
    ///
    /// # Errors
    /// What the kernel says, for example that there is no such interface.
    pub fn on(interface: &str) -> io::Result<Self> {
        let name = CString::new(interface)?;
        // SAFETY: the kernel reads `name`, which ends with NUL and lives over the call.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if index == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: three integers.
        let socket =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, i32::from(EVERYTHING)) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else's.
        let frames = Self(unsafe { OwnedFd::from_raw_fd(socket) });
        frames.bind(index)?;
        frames.limit()?;
        Ok(frames)
    }

    fn bind(&self, index: u32) -> io::Result<()> {
        // SAFETY: zeros are a valid value of every field.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
        address.sll_protocol = EVERYTHING;
        address.sll_ifindex = i32::try_from(index).map_err(io::Error::other)?;
        let bytes = length(&address)?;
        // SAFETY: the kernel reads `address`, whose size is given.
        done(unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), bytes) })
    }

    fn limit(&self) -> io::Result<()> {
        let limit = libc::timeval {
            tv_sec: i64::try_from(PATIENCE.as_secs()).map_err(io::Error::other)?,
            tv_usec: 0,
        };
        let bytes = length(&limit)?;
        // SAFETY: the kernel reads `limit`, whose size is given.
        done(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const limit).cast(),
                bytes,
            )
        })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// What `send(2)` says.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the kernel reads as many bytes of `frame` as it has.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The next frame.
    ///
    /// # Errors
    /// What `recv(2)` says, also that none came in time.
    pub fn receive(&self) -> io::Result<Vec<u8>> {
        let mut frame = vec![0; FRAME_BYTES_MAX];
        // SAFETY: the kernel writes at most as many bytes as `frame` has.
        let read = unsafe {
            libc::recv(
                self.0.as_raw_fd(),
                frame.as_mut_ptr().cast(),
                frame.len(),
                0,
            )
        };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        frame.truncate(read);
        Ok(frame)
    }
}

fn length<T>(value: &T) -> io::Result<libc::socklen_t> {
    size_of_val(value).try_into().map_err(io::Error::other)
}

fn done(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
