//! A classifier of traffic control (clsact), where kernels have no tcx: it hangs on its interface
//! without a descriptor, whoever attached it. Used by `attach` and `attachment`, and by pins.
//! Must never remove a filter whose program is another one than the one pinned with it.
#![expect(
    unsafe_code,
    reason = "libbpf-rs rebuilds no filter of another process"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use super::super::accepted;
use super::super::pins::{escaped, unescaped};
use super::place;

/// What comes before the words of a filter in the name of its pin.
const BEGINS: &str = "_f";

/// A classifier. Dropping it detaches it.
pub(crate) struct Filter {
    site: Site,
    /// Its namespace, by which its interface has its number.
    held: Option<OwnedFd>,
    program: OwnedFd,
}

/// Where a filter is: enough to find it again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Site {
    ifindex: i32,
    handle: u32,
    priority: u32,
    egress: bool,
    /// The file that names the namespace of its interface; nothing for the daemon's own.
    netns: Option<String>,
}

impl Site {
    fn hook(&self) -> sys::bpf_tc_hook {
        sys::bpf_tc_hook {
            sz: size_of::<sys::bpf_tc_hook>() as sys::size_t,
            ifindex: self.ifindex,
            attach_point: if self.egress {
                sys::BPF_TC_EGRESS
            } else {
                sys::BPF_TC_INGRESS
            },
            ..Default::default()
        }
    }

    fn options(&self) -> sys::bpf_tc_opts {
        sys::bpf_tc_opts {
            sz: size_of::<sys::bpf_tc_opts>() as sys::size_t,
            handle: self.handle,
            priority: self.priority,
            ..Default::default()
        }
    }

    /// Its words, for the name of a pin: bpffs takes neither dots nor slashes.
    fn words(&self) -> String {
        let way = if self.egress { "out" } else { "in" };
        let numbers = format!("{}_{}_{}", self.ifindex, self.handle, self.priority);
        let netns = self.netns.as_deref().map(escaped).unwrap_or_default();
        format!("{BEGINS}{numbers}_{way}_{netns}")
    }

    /// The site that the name of a pin tells.
    fn told(name: &str) -> Option<Self> {
        let (_, words) = name.split_once(BEGINS)?;
        let mut words = words.splitn(5, '_');
        let (ifindex, handle) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (priority, way, netns) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        Some(Self {
            ifindex,
            handle,
            priority,
            egress: way == "out",
            netns: match netns {
                "" => None,
                netns => Some(unescaped(netns)?),
            },
        })
    }

    /// Attaches a program here; the kernel chooses priority and handle.
    fn attach(&mut self, program: i32) -> io::Result<()> {
        let (mut hook, mut options) = (self.hook(), self.options());
        // SAFETY: `hook` lives over the call and tells its own size.
        let made = unsafe { sys::bpf_tc_hook_create(&raw mut hook) };
        if made < 0 && made != -libc::EEXIST {
            return Err(io::Error::from_raw_os_error(-made));
        }
        options.prog_fd = program;
        // SAFETY: as above, for both.
        let result = unsafe { sys::bpf_tc_attach(&raw const hook, &raw mut options) };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result));
        }
        (self.handle, self.priority) = (options.handle, options.priority);
        Ok(())
    }

    /// The number of the program of the filter that is here.
    fn program(&self) -> io::Result<u32> {
        let (hook, mut options) = (self.hook(), self.options());
        // SAFETY: both live over the call and tell their own sizes.
        let result = unsafe { sys::bpf_tc_query(&raw const hook, &raw mut options) };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result));
        }
        Ok(options.prog_id)
    }

    fn detach(&self) {
        let (hook, options) = (self.hook(), self.options());
        // An error means that it went with its interface, or that somebody else has removed it.
        // SAFETY: both live over the call and tell their own sizes.
        let _removed = unsafe { sys::bpf_tc_detach(&raw const hook, &raw const options) };
    }
}

impl Filter {
    /// Attaches a program as a direct-action classifier.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn attach(
        program: BorrowedFd<'_>,
        interface: &str,
        netns: Option<&str>,
        egress: bool,
    ) -> io::Result<Self> {
        let held = netns.map(place::netns).transpose()?;
        let program = program.try_clone_to_owned()?;
        let attach = || {
            let mut site = Site {
                ifindex: place::interface(interface)?,
                handle: 0,
                priority: 0,
                egress,
                netns: netns.map(str::to_owned),
            };
            site.attach(program.as_raw_fd())?;
            Ok(site)
        };
        let site = within(held.as_ref(), attach)?;
        Ok(Self {
            site,
            held,
            program,
        })
    }

    /// The filter that the name of its program's pin tells; nothing where the name tells none.
    ///
    /// # Errors
    /// It is not there any more, or another program is.
    pub(crate) fn found(name: &str, program: OwnedFd) -> Option<io::Result<Self>> {
        let site = Site::told(name)?;
        let find = || {
            let held = site.netns.as_deref().map(place::netns).transpose()?;
            let own = accepted::told(program.as_fd()).ok_or(io::ErrorKind::NotFound)?;
            if within(held.as_ref(), || site.program())? != own.id {
                return Err(io::ErrorKind::NotFound.into());
            }
            Ok(held)
        };
        Some(find().map(|held| Self {
            site,
            held,
            program,
        }))
    }

    /// What the name of its program's pin says of it.
    pub(super) fn words(&self) -> String {
        self.site.words()
    }

    /// Its program.
    pub(super) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// Whether the name of a pin tells one.
    pub(crate) fn is_told(name: &str) -> bool {
        name.contains(BEGINS)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let detach = || {
            self.site.detach();
            Ok(())
        };
        // Without a thread to go there it stays, and its pin tells the next daemon.
        let _detached = within(self.held.as_ref(), detach);
    }
}

fn within<T: Send>(
    namespace: Option<&OwnedFd>,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    match namespace {
        Some(namespace) => place::in_namespace(namespace, work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_read_from_the_name_that_it_gave() {
        let own = Site {
            ifindex: 5,
            handle: 1,
            priority: 49_152,
            egress: false,
            netns: None,
        };
        let other = Site {
            egress: true,
            netns: Some("/run/netns/a_b.c%d é".to_owned()),
            ..own.clone()
        };
        for site in [own, other] {
            let name = format!("s1_l7_0_1{}", site.words());
            assert!(!name.contains(['.', '/']), "{name}");
            assert_eq!(Site::told(&name), Some(site), "{name}");
        }
        for name in [
            "s1_l7_0_1",
            "s1_l7_0_1_f5_1_x_in_",
            "s1_l7_0_1_f5_1_1_in_%zz",
        ] {
            assert_eq!(Site::told(name), None, "{name}");
        }
    }
}
