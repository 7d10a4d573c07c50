//! Whether a hook's target is there: asked before anything is attached, and again while it is.
//! Must never take one thing for another that has its name by now.

use super::rules::{Place, place as place_of};
use super::target::{Key, split_path, split_usdt};
use super::{Hook, HookError, needs, place};

impl Hook {
    /// Looks whether this kernel can have it and its target is there, before anything is attached.
    ///
    /// # Errors
    /// What is missing. That nothing is said is no promise.
    pub(crate) fn check(&self) -> Result<(), HookError> {
        if let Some(needs) = needs::surely_missing(self.variant()) {
            let hook = self.to_string();
            return Err(HookError::Kernel { hook, needs });
        }
        let main = self.target.main.as_str();
        let walks_a_map = ["bpf_map_elem", "bpf_sk_storage_map", "sockmap"].contains(&main);
        if self.is_iterator() && walks_a_map && self.target.option(Key::Map).is_none() {
            let hook = self.to_string();
            let needs = "it walks a map, which its target must name: map=NAME".to_owned();
            return Err(HookError::Kernel { hook, needs });
        }
        let netns = self.target.option(Key::Netns);
        let absent = |what: String| HookError::absent(self, what);
        let cgroup = self.target.option(Key::Cgroup).unwrap_or("/");
        let (what, looked_up) = match place_of(self.kind) {
            Place::Interface | Place::XdpInterface | Place::TcInterface => (
                format!("interface {main}"),
                place::in_netns(netns, || place::interface(main).map(drop)),
            ),
            Place::Cgroup => (format!("cgroup {main}"), place::cgroup(main).map(drop)),
            Place::CgroupFunction => (format!("cgroup {cgroup}"), place::cgroup(cgroup).map(drop)),
            Place::Netns => (
                format!("network namespace {main}"),
                place::netns(main).map(drop),
            ),
            Place::UserFunction | Place::UserFunctions => {
                let path = split_path(main).map_or(main, |(path, _)| path);
                (format!("file {path}"), place::program_file(path))
            }
            Place::Usdt => {
                let path = split_usdt(main).map_or(main, |(path, ..)| path);
                (format!("file {path}"), place::program_file(path))
            }
            _ => (String::new(), Ok(())),
        };
        looked_up.map_err(|error| absent(format!("{what} ({error})")))?;
        match self.target.number::<u32>(Key::Pid) {
            Some(pid) if !process_lives(pid) => Err(absent(format!("process {pid}"))),
            _ => Ok(()),
        }
    }

    /// What its target's name stands for now: the number of the interface, of the cgroup, of the
    /// network namespace. `None` where there is none, or where a target can't go away.
    pub(super) fn whereabouts(&self) -> Option<u64> {
        let main = self.target.main.as_str();
        match place_of(self.kind) {
            Place::Interface | Place::XdpInterface | Place::TcInterface => {
                let netns = self.target.option(Key::Netns);
                let number = place::in_netns(netns, || place::interface(main));
                u64::try_from(number.ok()?).ok()
            }
            Place::Cgroup => place::inode(&place::cgroup(main).ok()?),
            Place::CgroupFunction => {
                let path = self.target.option(Key::Cgroup).unwrap_or("/");
                place::inode(&place::cgroup(path).ok()?)
            }
            Place::Netns => place::inode(&place::netns(main).ok()?),
            _ => None,
        }
    }

    /// Whether the process that it is bound to has ended.
    pub(crate) fn process_ended(&self) -> bool {
        let pid = self.target.number::<u32>(Key::Pid);
        pid.is_some_and(|pid| !process_lives(pid))
    }
}

fn process_lives(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}
