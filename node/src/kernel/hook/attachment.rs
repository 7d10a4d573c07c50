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
use super::filter::Filter;
use super::{Hook, Whereabouts};

/// A program at its hook: several attachments where the hook is one a CPU or a thread.
pub(crate) struct Attached {
    // Dropped in this order: as long as a filter is there, its pin tells of it.
    attachments: Vec<Attachment>,
    pins: Vec<Pinned>,
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
    /// One of them is not there, or what it was attached to is not: another one may have its name.
    pub(crate) fn found(hook: &Hook, place: &Arc<Place>, names: Vec<String>) -> io::Result<Self> {
        let whereabouts = hook.whereabouts();
        if names.iter().any(|name| whereabouts.is_not_told(name)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let attachment = |name: &String| {
            let pinned = place.get(name)?;
            if !Filter::is_told(name) {
                return Ok(Attachment::Descriptor(pinned));
            }
            let filter = Filter::found(name, pinned).ok_or(io::ErrorKind::InvalidData)??;
            Ok(Attachment::Filter(Box::new(filter)))
        };
        let attachments = names.iter().map(attachment).collect::<io::Result<_>>()?;
        let mut found = Self::new(attachments, whereabouts);
        found.pins = names.into_iter().map(|name| place.owned(name)).collect();
        Ok(found)
    }

    /// Pins its links, and the programs of its filters, under the names of a set. Those that can't be
    /// pinned end with the daemon: all of a set are, or none.
    #[must_use]
    pub(crate) fn pinned(mut self, place: &Arc<Place>, set: &LinkSet) -> Self {
        let count = self.attachments.len();
        let pins = self.attachments.iter().enumerate();
        let pins: io::Result<Vec<Pinned>> = pins
            .map(|(index, attachment)| {
                let name = set.name(index, count) + &self.whereabouts.words();
                if let Attachment::Filter(filter) = attachment {
                    return place.pin(filter.program(), name + &filter.words());
                }
                let link = attachment.link().ok_or(io::ErrorKind::Unsupported)?;
                place.pin(link, name)
            })
            .collect();
        self.pins = pins.unwrap_or_default();
        self
    }

    /// The program that runs there, where the kernel tells it.
    pub(crate) fn program(&self) -> Option<OwnedFd> {
        let first = self.first()?;
        if let Attachment::Filter(filter) = first {
            return filter.program().try_clone_to_owned().ok();
        }
        let info = link_info(first.link()?)?;
        // SAFETY: takes one integer.
        let program = unsafe { sys::bpf_prog_get_fd_by_id(info.prog_id) };
        // SAFETY: a descriptor that is not negative was just given to us alone.
        (program >= 0).then(|| unsafe { OwnedFd::from_raw_fd(program) })
    }

    /// Lets go of it, also in a place that is left.
    pub(crate) fn remove(mut self) {
        std::mem::take(&mut self.pins)
            .into_iter()
            .for_each(Pinned::remove);
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
    Filter(Box<Filter>),
    /// A packet socket that a filter is attached to; closing it detaches.
    Socket(#[expect(dead_code, reason = "its drop is what it is held for")] OwnedFd),
}

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
