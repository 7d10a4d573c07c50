//! Sockets as an intruder makes them: of another user, reset, from a chosen port; and how the
//! kernel shows them.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use super::node::Node;
use super::waiting::until;

/// The user and group `nobody`, on every Linux.
pub(crate) const NOBODY: u32 = 65534;

/// Runs something in a thread whose user is `nobody`: sockets that it makes are nobody's. The raw
/// call changes the one thread, where libc's would change all of the process.
#[expect(unsafe_code, reason = "std changes the user of child processes only")]
pub(crate) fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: takes numbers only; -1 leaves the saved id, which the thread does not need.
            let changed = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
            assert_eq!(changed, 0, "{}", std::io::Error::last_os_error());
            work()
        });
        thread.join().unwrap()
    })
}

/// User and inode of the client's socket in the kernel's table, while it has one.
pub(crate) fn shown(port: u16, server: SocketAddr) -> Option<(u32, u64)> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let remote = format!(":{:04X}", server.port());
    let row = table
        .lines()
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    row.into_iter()
        .find(|row| row.len() > 9 && row[1].ends_with(&local) && row[2].ends_with(&remote))
        .map(|row| (row[7].parse().unwrap(), row[9].parse().unwrap()))
}

/// Waits until the daemon has accepted the connection from this port and is done with it: a later
/// connection is answered, and the kernel has no unaccepted or open end of the earlier one.
pub(crate) fn until_accepted(node: &Node, port: u16) {
    assert_eq!(node.ask("GET /healthz", &[], b"").status, 200);
    until("the daemon has closed the connection", || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let local = format!(":{:04X}", node.address().port());
        let remote = format!(":{port:04X}");
        let open = table.lines().any(|line| {
            let row: Vec<_> = line.split_ascii_whitespace().collect();
            // 06 is TIME_WAIT: closed by the daemon.
            row.len() > 3 && row[1].ends_with(&local) && row[2].ends_with(&remote) && row[3] != "06"
        });
        (!open).then_some(())
    });
}

/// Closing the socket resets the connection.
#[expect(unsafe_code, reason = "std has no SO_LINGER")]
pub(crate) fn linger_zero(stream: &TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let length = libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap();
    // SAFETY: the descriptor is open and the pointer is to `length` bytes that live.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            length,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// A connection from a chosen port, unless somebody holds the port.
#[expect(unsafe_code, reason = "std can't bind a socket before it connects")]
pub(crate) fn connect_from(port: u16, server: SocketAddr) -> Option<TcpStream> {
    use std::os::fd::FromRawFd;

    let SocketAddr::V4(server) = server else {
        panic!("{server} is not IPv4")
    };
    let address = |ip: std::net::Ipv4Addr, port: u16| libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap(),
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(ip.octets()),
        },
        sin_zero: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_in>()).unwrap();
    let (local, remote) = (
        address(std::net::Ipv4Addr::LOCALHOST, port),
        address(*server.ip(), server.port()),
    );
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just given us this descriptor.
    let stream = unsafe { TcpStream::from_raw_fd(fd) };
    // SAFETY: the pointer is to `length` bytes that live.
    let bound = unsafe { libc::bind(fd, (&raw const local).cast(), length) };
    if bound != 0 {
        assert_eq!(
            std::io::Error::last_os_error().raw_os_error(),
            Some(libc::EADDRINUSE)
        );
        return None;
    }
    // SAFETY: as above.
    let connected = unsafe { libc::connect(fd, (&raw const remote).cast(), length) };
    assert_eq!(connected, 0, "{}", std::io::Error::last_os_error());
    Some(stream)
}
