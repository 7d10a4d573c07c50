//! Attaches one program at one hook: the stub of a switch, or a program that can't go behind one.
//! Used by `switch` and `direct`.
//! Must never leave anything attached when it fails.
#![expect(
    unsafe_code,
    reason = "libbpf's functions for kinds that libbpf-rs does not wrap"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;

use libbpf_rs::{
    AsRawLibbpf, IterOpts, Link, MapCore, Object, ProgramMut, TracepointCategory, UprobeOpts,
    UsdtOpts,
};
use libbpf_sys as sys;
use payload::object::Kind;

use super::attachment::{Attached, Attachment};
use super::filter::Filter;
use super::rules::{Place, netfilter_hook, place as place_of};
use super::target::{Key, Target, split_offset, split_path, split_tracepoint, split_usdt};
use super::{Hook, HookError, perf_event, place};

/// `enum bpf_attach_type` of the ways a packet goes through tcx.
const TCX_INGRESS: u32 = 46;
const TCX_EGRESS: u32 = 47;

/// Attaches `program` of `object` at `hook`; of a map of operations the map of that name.
///
/// # Errors
/// Where the target does not exist or the kernel refuses.
pub(crate) fn attach(hook: &Hook, object: &Object, program: &str) -> Result<Attached, HookError> {
    let refused = |error: io::Error| HookError::attach(hook, &error);
    let whereabouts = hook.whereabouts();
    hook.check_file().map_err(refused)?;
    let attachments = if place_of(hook.kind) == Place::Operations {
        operations(object, &hook.target.main).map_err(refused)?
    } else {
        let found = object.progs_mut().find(|found| found.name() == program);
        let lost = || HookError::attach(hook, &format!("libbpf holds no program {program}"));
        attached(hook, object, &found.ok_or_else(lost)?).map_err(refused)?
    };
    Ok(Attached::new(attachments, whereabouts))
}

fn attached(hook: &Hook, object: &Object, program: &ProgramMut<'_>) -> io::Result<Vec<Attachment>> {
    let target = &hook.target;
    let main = target.main.as_str();
    let link = match place_of(hook.kind) {
        Place::Tracepoint => {
            let (group, event) = split_tracepoint(main).unwrap_or_default();
            let group = TracepointCategory::Custom(group.to_owned());
            program.attach_tracepoint(group, event)
        }
        Place::RawTracepoint => program.attach_raw_tracepoint(main),
        Place::KernelType if hook.kind == Kind::Lsm => program.attach_lsm(),
        Place::KernelType => program.attach_trace(),
        Place::KernelFunction => return Ok(one(kernel_function(hook, program)?)),
        Place::Syscall => program.attach_ksyscall(hook.kind == Kind::Kretsyscall, main),
        Place::KernelFunctions => return Ok(one(kernel_functions(hook, program)?)),
        Place::UserFunction => user_function(hook, program),
        Place::UserFunctions => return Ok(one(user_functions(hook, program)?)),
        Place::Usdt => {
            let (path, provider, name) = split_usdt(main).unwrap_or_default();
            let pid = pid(target);
            program.attach_usdt_with_opts(pid, Path::new(path), provider, name, UsdtOpts::default())
        }
        Place::PerfEvent => return perf_events(target, program),
        Place::XdpInterface | Place::Interface | Place::TcInterface => {
            return Ok(vec![interface(hook, program.as_fd())?]);
        }
        Place::Cgroup => return cgroup(hook, raw(program), main),
        Place::CgroupFunction => {
            let path = target.option(Key::Cgroup).unwrap_or("/");
            return cgroup(hook, raw(program), path);
        }
        Place::Netns => {
            let netns = place::netns(main)?;
            let made = link_create(raw(program), netns.as_raw_fd(), hook.attach_type, None)?;
            return Ok(vec![Attachment::Descriptor(made)]);
        }
        Place::Netfilter => return Ok(vec![netfilter(hook, raw(program))?]),
        Place::Iterator => iterator(target, object, program)?,
        Place::Operations | Place::Nowhere => return Err(io::ErrorKind::Unsupported.into()),
    };
    Ok(one(link.map_err(io::Error::other)?))
}

fn one(link: Link) -> Vec<Attachment> {
    vec![Attachment::Link(link)]
}

fn raw(program: &ProgramMut<'_>) -> i32 {
    program.as_fd().as_raw_fd()
}

/// The process of a target as libbpf's functions take it.
fn pid(target: &Target) -> i32 {
    let everyone = -1;
    target.number(Key::Pid).unwrap_or(everyone)
}

/// What libbpf made, or its `errno`.
fn link_of(made: *mut sys::bpf_link) -> io::Result<Link> {
    let made = NonNull::new(made).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: libbpf has just made it, and nobody else holds it.
    Ok(unsafe { Link::from_ptr(made) })
}

fn kernel_function(hook: &Hook, program: &ProgramMut<'_>) -> io::Result<Link> {
    let (function, offset) = split_offset(&hook.target.main).unwrap_or_default();
    let function = CString::new(function)?;
    let options = sys::bpf_kprobe_opts {
        sz: size_of::<sys::bpf_kprobe_opts>() as sys::size_t,
        offset: offset as sys::size_t,
        retprobe: hook.kind == Kind::Kretprobe,
        ..Default::default()
    };
    // SAFETY: the program is loaded; function and options live over the call.
    link_of(unsafe {
        sys::bpf_program__attach_kprobe_opts(
            program.as_libbpf_object().as_ptr(),
            function.as_ptr(),
            &raw const options,
        )
    })
}

fn kernel_functions(hook: &Hook, program: &ProgramMut<'_>) -> io::Result<Link> {
    let pattern = CString::new(hook.target.main.as_str())?;
    let options = sys::bpf_kprobe_multi_opts {
        sz: size_of::<sys::bpf_kprobe_multi_opts>() as sys::size_t,
        retprobe: hook.kind == Kind::KretprobeMulti,
        session: hook.kind == Kind::KprobeSession,
        ..Default::default()
    };
    // SAFETY: the program is loaded; pattern and options live over the call.
    link_of(unsafe {
        sys::bpf_program__attach_kprobe_multi_opts(
            program.as_libbpf_object().as_ptr(),
            pattern.as_ptr(),
            &raw const options,
        )
    })
}

fn user_function(hook: &Hook, program: &ProgramMut<'_>) -> libbpf_rs::Result<Link> {
    let (path, function) = split_path(&hook.target.main).unwrap_or_default();
    let (function, offset) = split_offset(function).unwrap_or_default();
    let options = UprobeOpts {
        retprobe: hook.kind == Kind::Uretprobe,
        func_name: Some(function.to_owned()),
        ..UprobeOpts::default()
    };
    program.attach_uprobe_with_opts(pid(&hook.target), Path::new(path), offset, options)
}

fn user_functions(hook: &Hook, program: &ProgramMut<'_>) -> io::Result<Link> {
    let (path, pattern) = split_path(&hook.target.main).unwrap_or_default();
    let (path, pattern) = (CString::new(path)?, CString::new(pattern)?);
    let options = sys::bpf_uprobe_multi_opts {
        sz: size_of::<sys::bpf_uprobe_multi_opts>() as sys::size_t,
        retprobe: hook.kind == Kind::UretprobeMulti,
        session: hook.kind == Kind::UprobeSession,
        ..Default::default()
    };
    // SAFETY: the program is loaded; texts and options live over the call.
    link_of(unsafe {
        sys::bpf_program__attach_uprobe_multi(
            program.as_libbpf_object().as_ptr(),
            pid(&hook.target),
            path.as_ptr(),
            pattern.as_ptr(),
            &raw const options,
        )
    })
}

fn iterator(
    target: &Target,
    object: &Object,
    program: &ProgramMut<'_>,
) -> io::Result<libbpf_rs::Result<Link>> {
    let Some(name) = target.option(Key::Map) else {
        return Ok(program.attach_iter_with_opts(IterOpts::None));
    };
    let map = object.maps().find(|map| map.name() == name);
    let map = map.ok_or_else(|| io::Error::other(format!("the object has no map {name}")))?;
    Ok(program.attach_iter(map.as_fd()))
}

fn operations(object: &Object, name: &str) -> io::Result<Vec<Attachment>> {
    let map = object.maps().find(|map| map.name() == name);
    let map = map.ok_or_else(|| io::Error::other(format!("libbpf made no map {name}")))?;
    // SAFETY: the map belongs to `object`, which is loaded.
    let link =
        link_of(unsafe { sys::bpf_map__attach_struct_ops(map.as_libbpf_object().as_ptr()) })?;
    Ok(one(link))
}

fn perf_events(target: &Target, program: &ProgramMut<'_>) -> io::Result<Vec<Attachment>> {
    let mut links = Vec::new();
    for event in perf_event::open(target)? {
        let link = program
            .attach_perf_event(event.as_raw_fd())
            .map_err(io::Error::other)?;
        // libbpf closes the event together with the link (`bpf_link_perf_detach`).
        let _owned_by_the_link = event.into_raw_fd();
        links.push(Attachment::Link(link));
    }
    Ok(links)
}

/// Makes a link by the kernel's own call.
fn link_create(
    program: i32,
    target: i32,
    attach_type: u32,
    options: Option<sys::bpf_link_create_opts>,
) -> io::Result<OwnedFd> {
    let options = options.map(|options| sys::bpf_link_create_opts {
        sz: size_of::<sys::bpf_link_create_opts>() as sys::size_t,
        ..options
    });
    let pointer = options
        .as_ref()
        .map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both descriptors are open, or `target` is the number of an interface; the options
    // live over the call and tell their own size.
    let made = unsafe { sys::bpf_link_create(program, target, attach_type, pointer) };
    if made < 0 {
        return Err(io::Error::from_raw_os_error(-made));
    }
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

fn interface(hook: &Hook, program: BorrowedFd<'_>) -> io::Result<Attachment> {
    let (name, netns) = (hook.target.main.as_str(), hook.target.option(Key::Netns));
    let egress = match hook.kind {
        Kind::Tc => hook.target.option(Key::Direction) == Some("egress"),
        _ => hook.attach_type == TCX_EGRESS,
    };
    let attach_type = match (hook.kind, egress) {
        (Kind::Tc, false) => TCX_INGRESS,
        (Kind::Tc, true) => TCX_EGRESS,
        _ => hook.attach_type,
    };
    if hook.kind == Kind::SocketFilter {
        return socket_filter(program.as_raw_fd(), name, netns).map(Attachment::Socket);
    }
    let flags = xdp_flags(&hook.target);
    let link = place::in_netns(netns, || {
        let number = place::interface(name)?;
        let options = sys::bpf_link_create_opts {
            flags,
            ..Default::default()
        };
        link_create(program.as_raw_fd(), number, attach_type, Some(options))
    });
    match link {
        // Kernels before 6.6 have classifiers instead of tcx.
        Err(error)
            if matches!(hook.kind, Kind::Tc | Kind::Tcx)
                && error.raw_os_error() == Some(libc::EINVAL) =>
        {
            let filter = Filter::attach(program, name, netns, egress);
            filter.map(|filter| Attachment::Filter(Box::new(filter)))
        }
        link => link.map(Attachment::Descriptor),
    }
}

/// `XDP_FLAGS_*` of `uapi/linux/if_link.h`.
fn xdp_flags(target: &Target) -> u32 {
    match target.option(Key::Mode) {
        Some("generic") => 1 << 1,
        Some("driver") => 1 << 2,
        _ => 0,
    }
}

fn cgroup(hook: &Hook, program: i32, path: &str) -> io::Result<Vec<Attachment>> {
    let cgroup = place::cgroup(path)?;
    let link = link_create(program, cgroup.as_raw_fd(), hook.attach_type, None)?;
    Ok(vec![Attachment::Descriptor(link)])
}

fn netfilter(hook: &Hook, program: i32) -> io::Result<Attachment> {
    let (family, number) = netfilter_hook(&hook.target.main).unwrap_or_default();
    let priority = hook.target.number(Key::Priority).unwrap_or(0);
    let attach_type = hook.attach_type;
    let link = place::in_netns(hook.target.option(Key::Netns), || {
        let mut options = sys::bpf_link_create_opts::default();
        options.__bindgen_anon_1.netfilter =
            sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_5 {
                pf: family,
                hooknum: number,
                priority,
                flags: 0,
            };
        let no_target = 0;
        link_create(program, no_target, attach_type, Some(options))
    });
    link.map(Attachment::Descriptor)
}

/// A packet socket that sees what its filter lets through and throws it away.
fn socket_filter(program: i32, name: &str, netns: Option<&str>) -> io::Result<OwnedFd> {
    place::in_netns(netns, || {
        let number = place::interface(name)?;
        let every_protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or(0).to_be();
        // Of no protocol, and so of no packet, until it is bound to its interface.
        let no_protocol = 0;
        // SAFETY: takes three integers.
        let socket = unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                no_protocol,
            )
        };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given this descriptor to us alone.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        option(&socket, libc::SO_ATTACH_BPF, program)?;
        // Nobody reads it: as few packets as the kernel lets us keep.
        option(&socket, libc::SO_RCVBUF, 1)?;
        // SAFETY: all zeros is a value of this plain struct.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or(0);
        address.sll_protocol = every_protocol;
        address.sll_ifindex = number;
        let bytes = bytes_of::<libc::sockaddr_ll>();
        // SAFETY: `address` lives over the call and has `bytes` bytes.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), bytes) };
        if bound < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(socket)
    })
}

fn bytes_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

fn option(socket: &OwnedFd, name: libc::c_int, value: i32) -> io::Result<()> {
    let bytes = bytes_of::<i32>();
    // SAFETY: `value` lives over the call and has `bytes` bytes.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw const value).cast(),
            bytes,
        )
    };
    if set < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
