//! What keeps a program attached: a link, a filter, a socket. Dropping it detaches.
//! Made by `attach`, held by switches and by programs that are attached themselves.
#![expect(
    unsafe_code,
    reason = "libbpf-rs wraps neither all links nor their info"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use libbpf_rs::Link;
use libbpf_sys as sys;

use super::super::pins::{Pinned, Place};
use super::super::seat_place::LinkSet;
use super::{Hook, Whereabouts, place};

/// A program at its hook: several attachments where the hook is one a CPU or a thread.
pub(crate) struct Attached {
    pins: Vec<Pinned>,
    attachments: Vec<Attachment>,
    /// What the target's name stood for when it was attached.
    whereabouts: Whereabouts,
}

impl Default for Attached {
    fn default() -> Self {
        Self::new(Vec::new(), Whereabouts::Fixed)
    }
}

impl Attached {
    pub(super) fn new(attachments: Vec<Attachment>, whereabouts: Whereabouts) -> Self {
        Self {
            pins: Vec::new(),
            attachments,
            whereabouts,
        }
    }

    /// What another daemon left at a hook under these names.
    ///
    /// # Errors
    /// One of them is not there.
    pub(crate) fn found(hook: &Hook, place: &Arc<Place>, names: Vec<String>) -> io::Result<Self> {
        let links = names.iter().map(|name| place.get(name));
        let attachments = links.map(|link| link.map(Attachment::Descriptor));
        let attachments = attachments.collect::<io::Result<_>>()?;
        let mut found = Self::new(attachments, hook.whereabouts());
        found.pins = names.into_iter().map(|name| place.owned(name)).collect();
        Ok(found)
    }

    /// Pins its links under the names of a set. Those that can't be pinned end with the daemon: all of
    /// a set are, or none.
    #[must_use]
    pub(crate) fn pinned(mut self, place: &Arc<Place>, set: &LinkSet) -> Self {
        let count = self.attachments.len();
        let pins = self.attachments.iter().enumerate();
        let pins: io::Result<Vec<Pinned>> = pins
            .map(|(index, attachment)| {
                let link = attachment.link().ok_or(io::ErrorKind::Unsupported)?;
                place.pin(link, set.name(index, count))
            })
            .collect();
        self.pins = pins.unwrap_or_default();
        self
    }

    /// The program that runs there, where the kernel tells it.
    pub(crate) fn program(&self) -> Option<OwnedFd> {
        let link = self.first()?.link()?;
        let info = link_info(link)?;
        // SAFETY: takes one integer.
        let program = unsafe { sys::bpf_prog_get_fd_by_id(info.prog_id) };
        // SAFETY: a descriptor that is not negative was just given to us alone.
        (program >= 0).then(|| unsafe { OwnedFd::from_raw_fd(program) })
    }

    /// Whether nothing is attached.
    pub(crate) fn is_empty(&self) -> bool {
        self.attachments.is_empty()
    }

    /// Whether what it was attached to has gone away, be it that another one has its name by now.
    pub(crate) fn is_gone(&self, hook: &Hook) -> bool {
        let left = hook.may_go() && self.whereabouts.has_left_for(&hook.whereabouts());
        left || self.attachments.iter().any(Attachment::is_gone)
    }

    /// The one attachment of a hook that has a link.
    pub(crate) fn first(&self) -> Option<&Attachment> {
        self.attachments.first()
    }
}

/// What keeps one program attached.
pub(crate) enum Attachment {
    /// libbpf's link; closes what belongs to it.
    Link(Link),
    /// A link by its descriptor.
    Descriptor(OwnedFd),
    /// A classifier of traffic control; detaches when it is dropped.
    Filter(#[expect(dead_code, reason = "its drop is what it is held for")] Box<Filter>),
    /// A packet socket that a filter is attached to; closing it detaches.
    Socket(#[expect(dead_code, reason = "its drop is what it is held for")] OwnedFd),
}

/// A classifier of traffic control, which lives without a descriptor.
pub(crate) struct Filter {
    hook: sys::bpf_tc_hook,
    handle: u32,
    priority: u32,
    /// Where its interface is, by its number.
    netns: Option<OwnedFd>,
}

// SAFETY: `hook` holds numbers; its one pointer is null and is never followed.
unsafe impl Send for Filter {}
// SAFETY: as above.
unsafe impl Sync for Filter {}

impl Attachment {
    /// Whether the kernel has cleared a link's target. The link itself stays.
    fn is_gone(&self) -> bool {
        self.link().is_some_and(link_is_gone)
    }

    /// The link's descriptor, where it is one.
    pub(crate) fn link(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Link(link) => Some(link.as_fd()),
            Self::Descriptor(link) => Some(link.as_fd()),
            Self::Filter(_) | Self::Socket(_) => None,
        }
    }

    /// Puts another program into a link.
    ///
    /// # Errors
    /// The kernel's, or it is no link.
    pub(crate) fn update(&self, program: BorrowedFd<'_>) -> io::Result<()> {
        let link = self.link().ok_or(io::ErrorKind::Unsupported)?;
        // SAFETY: both descriptors are open; without options the pointer may be null.
        let result = unsafe {
            sys::bpf_link_update(link.as_raw_fd(), program.as_raw_fd(), std::ptr::null())
        };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result));
        }
        Ok(())
    }
}

fn link_info(link: BorrowedFd<'_>) -> Option<sys::bpf_link_info> {
    let mut info = sys::bpf_link_info::default();
    let mut bytes = u32::try_from(size_of::<sys::bpf_link_info>()).unwrap_or(0);
    // SAFETY: `info` has `bytes` bytes and lives over the call.
    let result =
        unsafe { sys::bpf_link_get_info_by_fd(link.as_raw_fd(), &raw mut info, &raw mut bytes) };
    (result >= 0).then_some(info)
}

fn link_is_gone(link: BorrowedFd<'_>) -> bool {
    let Some(info) = link_info(link) else {
        // Older kernels attach perf events without a link: nothing can be asked.
        return false;
    };
    let target = match info.type_ {
        // SAFETY: the kernel fills the part that belongs to the type; all parts are plain numbers.
        sys::BPF_LINK_TYPE_XDP => unsafe { info.__bindgen_anon_1.xdp.ifindex },
        // SAFETY: as above.
        sys::BPF_LINK_TYPE_TCX => unsafe { info.__bindgen_anon_1.tcx.ifindex },
        // SAFETY: as above.
        sys::BPF_LINK_TYPE_NETKIT => unsafe { info.__bindgen_anon_1.netkit.ifindex },
        // SAFETY: as above.
        sys::BPF_LINK_TYPE_NETNS => unsafe { info.__bindgen_anon_1.netns.netns_ino },
        sys::BPF_LINK_TYPE_CGROUP => {
            // SAFETY: as above.
            let id = unsafe { info.__bindgen_anon_1.cgroup.cgroup_id };
            u32::from(id != 0)
        }
        _ => 1,
    };
    target == 0
}

impl Filter {
    /// Attaches a program as a direct-action classifier.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn attach(
        program: i32,
        interface: &str,
        netns: Option<&str>,
        egress: bool,
    ) -> io::Result<Self> {
        let attach = || {
            let number = place::interface(interface)?;
            let mut hook = sys::bpf_tc_hook {
                sz: size_of::<sys::bpf_tc_hook>() as sys::size_t,
                ifindex: number,
                attach_point: if egress {
                    sys::BPF_TC_EGRESS
                } else {
                    sys::BPF_TC_INGRESS
                },
                ..Default::default()
            };
            // SAFETY: `hook` lives over the call and tells its own size.
            let made = unsafe { sys::bpf_tc_hook_create(&raw mut hook) };
            if made < 0 && made != -libc::EEXIST {
                return Err(io::Error::from_raw_os_error(-made));
            }
            let mut options = sys::bpf_tc_opts {
                sz: size_of::<sys::bpf_tc_opts>() as sys::size_t,
                prog_fd: program,
                ..Default::default()
            };
            // SAFETY: as above, for both.
            let result = unsafe { sys::bpf_tc_attach(&raw const hook, &raw mut options) };
            if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            }
            Ok::<Self, io::Error>(Self {
                hook,
                handle: options.handle,
                priority: options.priority,
                netns: None,
            })
        };
        match netns.map(place::netns).transpose()? {
            Some(namespace) => {
                let made = place::in_namespace(&namespace, attach)?;
                Ok(Self {
                    netns: Some(namespace),
                    ..made
                })
            }
            None => attach(),
        }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let options = sys::bpf_tc_opts {
            sz: size_of::<sys::bpf_tc_opts>() as sys::size_t,
            handle: self.handle,
            priority: self.priority,
            ..Default::default()
        };
        let this: &Self = self;
        let detach = || {
            // SAFETY: both live over the call and tell their own sizes.
            Ok(unsafe { sys::bpf_tc_detach(&raw const this.hook, &raw const options) })
        };
        // An error means that it went with its interface, or that somebody else has removed it.
        let _removed = match &this.netns {
            Some(namespace) => place::in_namespace(namespace, detach),
            None => detach(),
        };
    }
}
