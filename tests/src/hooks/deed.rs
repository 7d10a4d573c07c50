//! What the test does so that a hook fires, and where the hook is, by section.
//! Must never do a thing that fires its hook more often than it says.
#![expect(
    unsafe_code,
    reason = "raw system calls, and a function with a name of its own"
)]

mod sockopt;

use std::fs::File;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use anyhow::Result;

use super::daemon::Daemon;
use super::field::Field;
use super::network::{self, Cable, FAR, NEAR};

/// Something that is done.
pub(super) type Act = fn(&mut Field, &Daemon) -> Result<()>;

/// What fires a hook.
pub(super) struct Deed {
    /// Does it once; an error says that it was refused.
    pub(super) act: Act,
    /// How often the hook fires each time; `None` where others fire it too.
    pub(super) runs: Option<u64>,
    /// Where the hook is, where its section does not say it.
    pub(super) at: At,
}

/// Where a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The section says it.
    Section,
    /// A function of this program.
    Function,
    /// A static probe of this program.
    Probe,
    /// The test's cgroup.
    Cgroup,
    /// The test's cgroup, beside what the section says.
    SectionAndCgroup,
    /// The near end of a cable.
    Near(Cable),
    /// The far end.
    Far(Cable),
    /// The namespace of the far end.
    FarNamespace,
    /// A netfilter hook in the namespace of the far end.
    Netfilter,
    /// The page faults of this process.
    Faults,
    /// The section says it; it runs when it is read.
    Iterator,
    /// The section says it; sockets ask for it by name.
    Operations,
    /// As an iterator, over the map that the program counts in.
    IteratorOfCounts,
}

impl At {
    /// Whether what fires it can't be done while it is not attached.
    pub(super) fn is_asked_for(self) -> bool {
        matches!(
            self,
            Self::Iterator | Self::IteratorOfCounts | Self::Operations
        )
    }

    /// The target in the node's words, after `section`'s own.
    pub(super) fn target(self, section: &str, field: &Field) -> Result<Option<String>> {
        let exe = std::env::current_exe()?;
        let exe = exe.display();
        let netns = |name| network::path(name).display().to_string();
        let cgroup = field.cgroup().display();
        Ok(Some(match self {
            Self::Section | Self::Iterator | Self::Operations => return Ok(None),
            Self::Function => format!("{exe}:marrow_probed"),
            Self::Probe => format!("{exe}:marrow:hit"),
            Self::Cgroup => cgroup.to_string(),
            Self::SectionAndCgroup => {
                let own = section.split_once('/').map_or("", |(_, own)| own);
                format!("{own},cgroup={cgroup}")
            }
            Self::Near(_) => format!("near0,netns={}", netns(NEAR)),
            Self::Far(_) => format!("far0,netns={}", netns(FAR)),
            Self::FarNamespace => netns(FAR),
            Self::Netfilter => format!("ipv4/local_in,netns={}", netns(FAR)),
            Self::IteratorOfCounts => {
                let own = section.split_once('/').map_or("", |(_, own)| own);
                format!("{own},map=counts")
            }
            Self::Faults => format!("page-faults,period=1,pid={}", std::process::id()),
        }))
    }
}

/// Entries of the map that a program counts in.
const COUNTS: u64 = 4;

/// What fires the hook of a section.
pub(super) fn deed(prefix: &str) -> Deed {
    let times = |runs, at, act: Act| Deed { act, runs, at };
    let at = |at, act: Act| times(Some(1), at, act);
    let twice = |at, act: Act| times(Some(2), at, act);
    match prefix {
        "kprobe.session" | "fsession" | "fsession.s" => twice(At::Section, getsid),
        "uprobe.session" | "uprobe.session.s" => twice(At::Function, probed),
        name if name.starts_with("uprobe") || name.starts_with("uretprobe") => {
            at(At::Function, probed)
        }
        "usdt" | "usdt.s" => at(At::Probe, probed),
        "lsm.s" => at(At::Section, no_prctl),
        "lsm_cgroup" => at(At::SectionAndCgroup, bind4),
        "perf_event" => times(None, At::Faults, page_fault),
        // Partitions may be looked for meanwhile.
        "raw_tracepoint.w" => times(None, At::Section, |field, _| field.nbd()?.read()),
        "struct_ops" => at(At::Operations, tcp_connect_by_it),
        "iter" => times(Some(COUNTS + 1), At::IteratorOfCounts, iterate),
        "iter.s" => times(None, At::Iterator, iterate),
        "xdp" | "xdp.frags" | "tc" | "tc/ingress" | "socket" => at(At::Far(Cable::Veth), by_veth),
        "tc/egress" => at(At::Near(Cable::Veth), by_veth),
        "netkit/primary" => at(At::Near(Cable::Netkit), |field, _| {
            Ok(field.network(Cable::Netkit)?.datagram()?)
        }),
        // The primary device is the target of both; what the peer sends meets this one.
        "netkit/peer" => at(At::Near(Cable::Netkit), |field, _| {
            Ok(field.network(Cable::Netkit)?.datagram_back()?)
        }),
        "sk_lookup" => at(At::FarNamespace, by_veth),
        "flow_dissector" => times(None, At::FarNamespace, by_veth),
        "netfilter" => at(At::Netfilter, by_veth),
        "sockops" => at(At::Cgroup, tcp_connect),
        "cgroup_skb/ingress" | "cgroup_skb/egress" => at(At::Cgroup, by_veth),
        name if name.starts_with("cgroup/") => at(At::Cgroup, in_cgroup(name)),
        _ => at(At::Section, getsid),
    }
}

fn in_cgroup(name: &str) -> Act {
    match name {
        "cgroup/sock_create" | "cgroup/sock_release" | "cgroup/post_bind4" | "cgroup/bind4" => {
            bind4
        }
        "cgroup/post_bind6" | "cgroup/bind6" => bind6,
        "cgroup/connect4" => |_, _| Ok(UdpSocket::bind("127.0.0.1:0")?.connect("127.0.0.1:9")?),
        "cgroup/connect6" => |_, _| Ok(UdpSocket::bind("[::1]:0")?.connect("[::1]:9")?),
        "cgroup/sendmsg4" => |_, _| unconnected("127.0.0.1:0", "127.0.0.1:9"),
        "cgroup/sendmsg6" => |_, _| unconnected("[::1]:0", "[::1]:9"),
        "cgroup/recvmsg4" => |_, _| to_itself("127.0.0.1:0"),
        "cgroup/recvmsg6" => |_, _| to_itself("[::1]:0"),
        "cgroup/getpeername4" => |_, _| names("127.0.0.1:0", true),
        "cgroup/getpeername6" => |_, _| names("[::1]:0", true),
        "cgroup/getsockname4" => |_, _| names("127.0.0.1:0", false),
        "cgroup/getsockname6" => |_, _| names("[::1]:0", false),
        "cgroup/connect_unix" => |field, _| unix(field, Unix::Connect),
        "cgroup/sendmsg_unix" => |field, _| unix(field, Unix::Send),
        "cgroup/recvmsg_unix" => |field, _| unix(field, Unix::Receive),
        "cgroup/getpeername_unix" => |field, _| unix(field, Unix::Peer),
        "cgroup/getsockname_unix" => |field, _| unix(field, Unix::Own),
        // One read: the hook runs at each.
        "cgroup/sysctl" => |_, _| {
            Ok(File::open("/proc/sys/kernel/ostype")?
                .read(&mut [0; 9])
                .map(drop)?)
        },
        "cgroup/getsockopt" => |_, _| sockopt::get(),
        "cgroup/setsockopt" => |_, daemon| sockopt::set(daemon),
        "cgroup/dev" => |_, _| Ok(File::open("/dev/zero").map(drop)?),
        _ => getsid,
    }
}

/// Walks the map that the program counts in; it also runs once at the end.
fn iterate(_: &mut Field, daemon: &Daemon) -> Result<()> {
    daemon.iterate()
}

/// Nobody but the test calls it, and the kernel asks its security modules.
fn getsid(_: &mut Field, _: &Daemon) -> Result<()> {
    let this = libc::pid_t::try_from(std::process::id())?;
    // SAFETY: takes a number.
    let session = unsafe { libc::getsid(this) };
    if session < 0 {
        return Err(io::Error::last_os_error().into());
    }
    Ok(())
}

/// A call that the kernel asks its security modules about and then does not know.
fn no_prctl(_: &mut Field, _: &Daemon) -> Result<()> {
    const NO_PRCTL: libc::c_int = 0x6d61_7272;
    // SAFETY: an option that no kernel has, and numbers.
    unsafe { libc::prctl(NO_PRCTL, 0, 0, 0, 0) };
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::EINVAL) {
        return Ok(());
    }
    Err(error.into())
}

/// What the user-space hooks are attached to.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn marrow_probed(number: u64) -> u64 {
    probe::probe!(marrow, hit, number);
    std::hint::black_box(number) + 1
}

fn probed(_: &mut Field, _: &Daemon) -> Result<()> {
    let answer = marrow_probed(std::hint::black_box(7));
    anyhow::ensure!(answer == 8, "7 and 1 are {answer}");
    Ok(())
}

/// Touches a page that was never touched.
fn page_fault(_: &mut Field, _: &Daemon) -> Result<()> {
    const PAGE_BYTES: usize = 4096;
    // SAFETY: a mapping of its own, wherever the kernel puts it.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    anyhow::ensure!(page != libc::MAP_FAILED, io::Error::last_os_error());
    // SAFETY: the page was just mapped for writing.
    unsafe { page.cast::<u8>().write_volatile(1) };
    // SAFETY: the same mapping, which nothing points into any more.
    unsafe { libc::munmap(page, PAGE_BYTES) };
    Ok(())
}

fn by_veth(field: &mut Field, _: &Daemon) -> Result<()> {
    Ok(field.network(Cable::Veth)?.datagram()?)
}

fn bind4(_: &mut Field, _: &Daemon) -> Result<()> {
    Ok(UdpSocket::bind("127.0.0.1:0").map(drop)?)
}

fn bind6(_: &mut Field, _: &Daemon) -> Result<()> {
    Ok(UdpSocket::bind("[::1]:0").map(drop)?)
}

fn unconnected(from: &str, to: &str) -> Result<()> {
    UdpSocket::bind(from)?.send_to(b"m", to)?;
    Ok(())
}

fn to_itself(address: &str) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    socket.send_to(b"m", socket.local_addr()?)?;
    socket.recv_from(&mut [0; 1])?;
    Ok(())
}

/// One look at the peer's name, or at its own.
fn names(address: &str, peer: bool) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    if !peer {
        socket.local_addr()?;
        return Ok(());
    }
    let other = if address.starts_with('[') {
        "[::1]:9"
    } else {
        "127.0.0.1:9"
    };
    socket.connect(other)?;
    socket.peer_addr()?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unix {
    Connect,
    Send,
    Receive,
    Peer,
    Own,
}

fn unix(field: &Field, what: Unix) -> Result<()> {
    let (near, far) = (
        field.folder.path().join("near"),
        field.folder.path().join("far"),
    );
    for path in [&near, &far] {
        let _none = std::fs::remove_file(path);
    }
    let (sender, receiver) = (UnixDatagram::bind(&near)?, UnixDatagram::bind(&far)?);
    match what {
        Unix::Connect => sender.connect(&far)?,
        Unix::Send => {
            sender.send_to(b"m", &far)?;
        }
        Unix::Receive => {
            sender.send_to(b"m", &far)?;
            receiver.recv_from(&mut [0; 1])?;
        }
        Unix::Peer => {
            sender.connect(&far)?;
            sender.peer_addr()?;
        }
        Unix::Own => {
            sender.local_addr()?;
        }
    }
    Ok(())
}

fn tcp_connect(_: &mut Field, _: &Daemon) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    drop(stream);
    Ok(())
}

/// A connection whose congestion is controlled by the program's operations.
fn tcp_connect_by_it(_: &mut Field, _: &Daemon) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // SAFETY: takes numbers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    anyhow::ensure!(socket >= 0, io::Error::last_os_error());
    // SAFETY: the kernel has just given this descriptor to us alone.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let name = b"marrow_test";
    // SAFETY: the name lives over the call and has so many bytes.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            name.as_ptr().cast(),
            libc::socklen_t::try_from(name.len())?,
        )
    };
    anyhow::ensure!(set == 0, io::Error::last_os_error());
    let address = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET)?,
        sin_port: listener.local_addr()?.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
        },
        sin_zero: [0; 8],
    };
    let bytes = libc::socklen_t::try_from(size_of_val(&address))?;
    // SAFETY: `address` lives over the call and has `bytes` bytes.
    let connected =
        unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), bytes) };
    anyhow::ensure!(connected == 0, io::Error::last_os_error());
    Ok(())
}
