//! Whether a hook's target is there: asked before anything is attached, and again while it is.
//! Must never take one thing for another that has its name by now.

use std::io;
use std::os::fd::OwnedFd;

use super::rules::{Place, place as place_of};
use super::target::{Key, split_path, split_usdt};
use super::{Hook, HookError, needs, place};

/// What comes before the words of a place in the name of a pin.
const BEGINS: &str = "_w";

/// What a target's name stands for.
pub(super) enum Whereabouts {
    /// Something that does not go away.
    Fixed,
    /// Nothing.
    Absent,
    /// It could not be looked up.
    Unknown,
    /// This.
    At(Spot),
}

/// An interface, a cgroup or a network namespace.
pub(super) struct Spot {
    /// The number of an interface, else 0.
    number: u64,
    /// The inode of `held`, 0 without.
    inode: u64,
    /// Keeps the kernel from giving its inode to another one while this is compared with.
    _held: Option<OwnedFd>,
}

impl Spot {
    fn of(number: u64, held: Option<OwnedFd>) -> io::Result<Self> {
        let inode = held.as_ref().map(place::inode).transpose()?.unwrap_or(0);
        Ok(Self {
            number,
            inode,
            _held: held,
        })
    }
}

impl Whereabouts {
    /// Whether what was here is there no more: nothing is, or another one.
    pub(super) fn has_left_for(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::At(before), Self::At(now)) => {
                (before.number, before.inode) != (now.number, now.inode)
            }
            (Self::At(_), Self::Absent) => true,
            // It was not there, or could not be seen: then what is attached says more.
            _ => false,
        }
    }

    /// Its words, for the name of a pin.
    pub(super) fn words(&self) -> String {
        match self {
            Self::At(spot) => format!("{BEGINS}{}_{}", spot.number, spot.inode),
            _ => String::new(),
        }
    }

    /// Whether the name of a pin tells another place than this one.
    pub(super) fn is_not_told(&self, name: &str) -> bool {
        let told = name.split_once(BEGINS).and_then(|(_, words)| {
            let mut numbers = words.split('_').map_while(|word| word.parse().ok());
            Some((numbers.next()?, numbers.next()?))
        });
        match (told, self) {
            (Some(told), Self::At(spot)) => told != (spot.number, spot.inode),
            (Some(_), Self::Absent) => true,
            _ => false,
        }
    }

    /// Whether there is nothing of that name.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

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
            Place::Netfilter => {
                let path = netns.unwrap_or("self");
                (
                    format!("network namespace {path}"),
                    place::netns(path).map(drop),
                )
            }
            Place::UserFunction | Place::UserFunctions | Place::Usdt => {
                let path = self.program_path().unwrap_or_default();
                (format!("file {path}"), self.check_file())
            }
            _ => (String::new(), Ok(())),
        };
        looked_up.map_err(|error| absent(format!("{what} ({error})")))?;
        match self.target.number::<u32>(Key::Pid) {
            Some(pid) if !process_lives(pid) => Err(absent(format!("process {pid}"))),
            _ => Ok(()),
        }
    }

    /// What its target's name stands for now.
    pub(super) fn whereabouts(&self) -> Whereabouts {
        match self.looked_up() {
            Ok(Some(place)) => Whereabouts::At(place),
            Ok(None) => Whereabouts::Fixed,
            Err(error) if place::is_absence(&error) => Whereabouts::Absent,
            Err(_) => Whereabouts::Unknown,
        }
    }

    fn looked_up(&self) -> io::Result<Option<Spot>> {
        let main = self.target.main.as_str();
        let netns = self.target.option(Key::Netns);
        let netns = || netns.map(place::netns).transpose();
        Ok(Some(match place_of(self.kind) {
            Place::Interface | Place::XdpInterface | Place::TcInterface => {
                let held = netns()?;
                let number = match &held {
                    Some(namespace) => place::in_namespace(namespace, || place::interface(main))?,
                    None => place::interface(main)?,
                };
                Spot::of(u64::from(number.unsigned_abs()), held)?
            }
            Place::Cgroup => Spot::of(0, Some(place::cgroup(main)?))?,
            Place::CgroupFunction => {
                let path = self.target.option(Key::Cgroup).unwrap_or("/");
                Spot::of(0, Some(place::cgroup(path)?))?
            }
            Place::Netns => Spot::of(0, Some(place::netns(main)?))?,
            Place::Netfilter => match netns()? {
                Some(namespace) => Spot::of(0, Some(namespace))?,
                None => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    /// The file of a user-space hook's functions.
    fn program_path(&self) -> Option<&str> {
        let main = self.target.main.as_str();
        match place_of(self.kind) {
            Place::UserFunction | Place::UserFunctions => split_path(main).map(|(path, _)| path),
            Place::Usdt => split_usdt(main).map(|(path, ..)| path),
            _ => None,
        }
    }

    /// That libbpf may open the file of a user-space hook: one that waits for a writer would hold
    /// it up.
    pub(super) fn check_file(&self) -> io::Result<()> {
        self.program_path().map_or(Ok(()), place::program_file)
    }

    /// Whether its target is known not to be there.
    pub(crate) fn is_absent(&self) -> bool {
        self.process_ended() || self.whereabouts().is_absent()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_tells_whether_its_target_is_still_the_one_of_that_name() {
        let at = |number, inode| {
            Whereabouts::At(Spot {
                number,
                inode,
                _held: None,
            })
        };
        let name = format!("s1_l7_0_1{}_f5_1_1_in_", at(5, 7).words());
        assert!(!at(5, 7).is_not_told(&name));
        for other in [at(6, 7), at(5, 8), Whereabouts::Absent] {
            assert!(other.is_not_told(&name));
        }
        // What could not be looked up may be anything.
        assert!(!Whereabouts::Unknown.is_not_told(&name));
        assert_eq!(Whereabouts::Fixed.words(), "");
        assert!(!Whereabouts::Fixed.is_not_told("s1_l7_0_1"));
    }
}
