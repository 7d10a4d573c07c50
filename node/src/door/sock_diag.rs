//! One exact question to the kernel about one TCP socket, over `NETLINK_SOCK_DIAG`.
//! Called by the look-up of a socket's owner.
//! Must never ask for a dump: its cost would be in the hands of whoever opens sockets.
//! Layouts: `struct inet_diag_req_v2` and `inet_diag_msg` of `include/uapi/linux/inet_diag.h`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{FromRawFd, OwnedFd};

use super::owner::{Ends, Shown, unmapped, v6_or_v4};

/// `include/uapi/linux/sock_diag.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `include/uapi/linux/netlink.h`.
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = HEADER_BYTES + 56;
const ANSWER_BYTES: usize = HEADER_BYTES + 72;
/// Attributes may follow the answer; an error carries the request back.
const READ_BYTES: usize = 4096;

/// The socket with these ends, if there is one; or a listener on the local end, which the kernel
/// falls back to.
///
/// # Errors
/// Netlink or its inet part is not there, or the answer is not one.
pub(super) fn find(ends: Ends) -> io::Result<Option<Shown>> {
    let mut socket = open()?;
    socket.write_all(&request(ends))?;
    let mut answer = [0; READ_BYTES];
    // The kernel answers before the write returns, so nothing is waited for.
    let length = socket.read(&mut answer)?;
    parse(answer.get(..length).unwrap_or_default())
}

#[expect(unsafe_code, reason = "std has no netlink sockets")]
fn open() -> io::Result<File> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointer is passed.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor; nobody else knows it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    Ok(File::from(fd))
}

fn request(ends: Ends) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    let mut at = 0;
    let mut put = |field: &[u8]| {
        bytes[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    };
    put(&u32::try_from(REQUEST_BYTES)
        .unwrap_or_default()
        .to_ne_bytes());
    put(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(&NLM_F_REQUEST.to_ne_bytes());
    put(&[0; 8]); // sequence, port id
    let family = if ends.local.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    put(&[u8::try_from(family).unwrap_or_default(), 6, 0, 0]); // protocol 6 is TCP
    put(&u32::MAX.to_ne_bytes()); // all states
    put(&ends.local.port().to_be_bytes());
    put(&ends.remote.port().to_be_bytes());
    put(&v6_or_v4(ends.local.ip()));
    put(&v6_or_v4(ends.remote.ip()));
    put(&[0; 4]); // any interface
    put(&[0xff; 8]); // INET_DIAG_NOCOOKIE
    bytes
}

fn parse(answer: &[u8]) -> io::Result<Option<Shown>> {
    let kind = u16::from_ne_bytes(field(answer, 4)?);
    if kind == NLMSG_ERROR {
        let error = i32::from_ne_bytes(field(answer, HEADER_BYTES)?);
        return match -error {
            libc::ENOENT => Ok(None),
            error => Err(io::Error::from_raw_os_error(error)),
        };
    }
    if kind != SOCK_DIAG_BY_FAMILY || answer.len() < ANSWER_BYTES {
        return Err(short());
    }
    let [family, state] = field(answer, HEADER_BYTES)?;
    let address = |port_at: usize, ip_at: usize| -> io::Result<SocketAddr> {
        let port = u16::from_be_bytes(field(answer, HEADER_BYTES + port_at)?);
        let ip: IpAddr = if i32::from(family) == libc::AF_INET {
            Ipv4Addr::from(field::<4>(answer, HEADER_BYTES + ip_at)?).into()
        } else {
            Ipv6Addr::from(field::<16>(answer, HEADER_BYTES + ip_at)?).into()
        };
        Ok(unmapped(SocketAddr::new(ip, port)))
    };
    let ends = Ends {
        local: address(4, 8)?,
        remote: address(6, 24)?,
    };
    let uid = u32::from_ne_bytes(field(answer, HEADER_BYTES + 64)?);
    let inode = u64::from(u32::from_ne_bytes(field(answer, HEADER_BYTES + 68)?));
    Ok(Some(Shown {
        ends,
        state,
        uid,
        inode,
    }))
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    bytes
        .get(at..at + N)
        .and_then(|slice| slice.try_into().ok())
        .ok_or_else(short)
}

fn short() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "sock_diag's answer is not one about a socket",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends {
            local: "127.0.0.1:4000".parse().unwrap(),
            remote: "127.0.0.1:85".parse().unwrap(),
        }
    }

    #[test]
    fn an_answer_of_any_length_is_read_without_panic() {
        let mut answer = request(ends()).to_vec();
        answer.resize(ANSWER_BYTES + 8, 7);
        for length in 0..answer.len() {
            let found = parse(&answer[..length]);
            assert_eq!(found.is_ok(), length >= ANSWER_BYTES, "{length}");
        }
    }

    #[test]
    fn a_socket_that_is_not_there_is_not_found() {
        assert_eq!(find(ends()).unwrap(), None);
    }
}
