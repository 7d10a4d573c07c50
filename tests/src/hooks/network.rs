//! Two network namespaces with a cable between them, made by `ip`, and sockets in them.
//! Must never touch an interface that the test did not make.
#![expect(
    unsafe_code,
    reason = "a thread enters a network namespace by its own call"
)]

use std::fs::File;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ip::ip;

/// Bytes of a datagram's content: with the headers of IP and UDP the length that programs know.
const CONTENT_BYTES: usize = 1000;
/// How long a datagram may be on its way before it counts as refused.
const ARRIVES_WITHIN: Duration = Duration::from_millis(400);

/// Where datagrams come from.
pub(super) const NEAR: &str = "marrow-near";
/// Where they go.
pub(super) const FAR: &str = "marrow-far";

/// What joins the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cable {
    /// A pair of virtual Ethernet devices.
    Veth,
    /// A pair of netkit devices; the near one is the primary.
    Netkit,
}

/// A cable between two namespaces.
pub(super) struct Network {
    cable: Cable,
    near: UdpSocket,
    far: UdpSocket,
}

/// The file that names a namespace.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

impl Network {
    /// Makes both namespaces and the cable: `near0` with 10.77.0.1, `far0` with 10.77.0.2.
    pub(super) fn new(cable: Cable) -> Result<Self> {
        remove();
        for name in [NEAR, FAR] {
            ip(&["netns", "add", name])?;
        }
        lay(cable)?;
        let near = within(NEAR, || UdpSocket::bind("10.77.0.1:7777"))?;
        let far = within(FAR, || UdpSocket::bind("10.77.0.2:7777"))?;
        for socket in [&near, &far] {
            socket.set_read_timeout(Some(ARRIVES_WITHIN))?;
        }
        Ok(Self { cable, near, far })
    }

    /// Lays the cable again.
    pub(super) fn mend(&self) -> Result<()> {
        lay(self.cable)
    }

    /// Sends a datagram from the near end to the far one, and waits until it has arrived.
    pub(super) fn datagram(&self) -> io::Result<()> {
        send(&self.near, &self.far)
    }

    /// The same from the far end to the near one.
    pub(super) fn datagram_back(&self) -> io::Result<()> {
        send(&self.far, &self.near)
    }
}

/// Takes the cable away.
pub(super) fn cut() -> Result<()> {
    ip(&["-n", NEAR, "link", "delete", "near0"]).map(drop)
}

fn send(from: &UdpSocket, to: &UdpSocket) -> io::Result<()> {
    from.send_to(&[b'm'; CONTENT_BYTES], to.local_addr()?)?;
    to.recv(&mut [0; CONTENT_BYTES]).map(drop)
}

fn lay(cable: Cable) -> Result<()> {
    match cable {
        Cable::Veth => {
            ip(&[
                "link", "add", "near0", "netns", NEAR, "type", "veth", "peer", "name", "far0",
                "netns", FAR,
            ])?;
        }
        Cable::Netkit => {
            // Older `ip` does not know the type's own options: both ends are made here and moved.
            ip(&["link", "add", "near0", "type", "netkit"])?;
            let peer = other_end("near0")?;
            ip(&["link", "set", "near0", "netns", NEAR])?;
            ip(&["link", "set", &peer, "netns", FAR, "name", "far0"])?;
        }
    }
    for (name, device, address) in [
        (NEAR, "near0", "10.77.0.1/24"),
        (FAR, "far0", "10.77.0.2/24"),
    ] {
        ip(&["-n", name, "address", "add", address, "dev", device])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "link", "set", device, "up"])?;
    }
    // Which CPU takes a packet is told by its flow, so that it is dissected.
    let steer = "echo 3 > /sys/class/net/far0/queues/rx-0/rps_cpus";
    ip(&["netns", "exec", FAR, "sh", "-c", steer])?;
    // Once over it and back, so that no later datagram waits for an address.
    let neighbours = |name, device, address| -> Result<()> {
        let text = ip(&["-n", name, "-o", "link", "show", device])?;
        let mac = text
            .split_whitespace()
            .skip_while(|word| *word != "link/ether");
        if let Some(mac) = mac.clone().nth(1) {
            let other = if name == NEAR { FAR } else { NEAR };
            let device = if name == NEAR { "far0" } else { "near0" };
            ip(&[
                "-n",
                other,
                "neigh",
                "replace",
                address,
                "lladdr",
                mac,
                "dev",
                device,
                "nud",
                "permanent",
            ])?;
        }
        Ok(())
    };
    neighbours(NEAR, "near0", "10.77.0.1")?;
    neighbours(FAR, "far0", "10.77.0.2")
}

/// The name of the device at the other end of a pair.
fn other_end(device: &str) -> Result<String> {
    let text = ip(&["-o", "link", "show", device])?;
    let name = text.split_whitespace().nth(1).unwrap_or_default();
    let name = name.trim_end_matches(':');
    let (_, peer) = name.split_once('@').context("the pair has one end")?;
    Ok(peer.to_owned())
}

/// Removes what a run before this one may have left.
pub(super) fn remove() {
    for name in [NEAR, FAR] {
        let mut command = Command::new("ip");
        command.args(["netns", "delete", name]);
        // Mostly there is none.
        let _none = command.stderr(Stdio::null()).status();
    }
}

/// Runs `work` in a namespace.
pub(super) fn within<T: Send>(
    name: &str,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let namespace = File::open(path(name))?;
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            // SAFETY: takes a descriptor that is open and a constant.
            let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
            if entered < 0 {
                return Err(io::Error::last_os_error());
            }
            work()
        });
        let lost = || io::Error::other("the thread in the namespace ended early");
        there.join().map_err(|_panic| lost())?
    })
}
