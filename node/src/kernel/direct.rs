//! A program that is attached itself, because no switch can stand in for it, and the ways in which
//! the next generation's takes its place. Used by the engine through `seat`.
//! Must never hold a program of a generation that was retired.
#![expect(
    unsafe_code,
    reason = "libbpf-rs does not wrap the update of operations"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libbpf_rs::{AsRawLibbpf, Link, MapCore};

use super::hook::{self, Attached, Attachment, Hook, HookError, Strategy};
use super::load::Loaded;
use super::seat_place::SeatPlace;
use super::{libbpf_log, maps};

/// A loaded program, by the object that holds it.
#[derive(Clone, Copy)]
pub(crate) struct Member<'loaded> {
    /// The object.
    pub(crate) loaded: &'loaded Loaded,
    /// The program's name; of a map of operations the map's.
    pub(crate) name: &'loaded str,
}

/// A hook whose program is attached itself.
pub(crate) struct Direct {
    hook: Hook,
    held: Mutex<Held>,
    place: Option<SeatPlace>,
    /// It was not attached when it was found: what happened until then it did not see.
    was_away: bool,
}

#[derive(Default)]
struct Held {
    current: Attached,
    /// The next generation's, beside the current one until that is confirmed.
    next: Attached,
    /// What it was attached to went away.
    gone: bool,
    /// The program in charge, to ask the kernel about.
    program: Option<OwnedFd>,
    /// Runs that the kernel skipped of programs before it.
    missed_before: u64,
}

impl Held {
    fn missed(&self) -> u64 {
        let program = self.program.as_ref();
        self.missed_before + program.map_or(0, |program| maps::missed_runs(program.as_fd()))
    }

    /// Another program is in charge, or the same one once more.
    fn succeeded_by(&mut self, next: Option<Member<'_>>) {
        let program = next.and_then(|next| next.loaded.program(next.name));
        // What it had missed before counts for nobody, or was counted then.
        let before = program.map_or(0, maps::missed_runs);
        self.missed_before = self.missed().saturating_sub(before);
        // Without a descriptor left its runs that are skipped are not told.
        self.program = program.and_then(|program| program.try_clone_to_owned().ok());
    }
}

impl Direct {
    /// A hook that nothing is attached to yet.
    pub(crate) fn new(hook: &Hook, place: Option<SeatPlace>) -> Self {
        Self {
            hook: hook.clone(),
            held: Mutex::default(),
            place,
            was_away: false,
        }
    }

    /// Takes over what another daemon left at `hook`: of two programs, one beside the other, that of the
    /// newer generation or that of the one before it.
    pub(crate) fn found(hook: &Hook, place: SeatPlace, is_newer: bool) -> Self {
        let mut left = place.left(hook);
        let current = match left.len() {
            0 => Attached::default(),
            count => left.swap_remove(if is_newer { count - 1 } else { 0 }),
        };
        left.into_iter().for_each(Attached::remove);
        let was_away = current.is_empty();
        let held = Held {
            program: current.program(),
            current,
            ..Held::default()
        };
        Self {
            hook: hook.clone(),
            held: Mutex::new(held),
            place: Some(place),
            was_away,
        }
    }

    /// Whether it was not attached when it was found.
    pub(crate) fn was_away(&self) -> bool {
        self.was_away
    }

    /// Puts the same program, loaded once more, in the place of the one that was left. Where it has to be
    /// attached again and can't, its target is gone, and the other hooks go on.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn take_up(&self, member: Member<'_>, paused: bool) -> Result<(), HookError> {
        let (detached, in_place) = (
            self.is_detached(),
            self.hook.strategy() == Strategy::LinkUpdate && !self.hook.is_operations(),
        );
        // What is attached and can't be replaced in place runs on: beside it the same program would
        // see everything twice.
        if paused {
            // The daemon may have been killed before it had detached it.
            let current = std::mem::take(&mut self.held().current);
            current.remove();
        } else if detached {
            self.held().gone = self.hook.may_go() && self.hook.is_absent();
            if self.advance(member).is_err() {
                let mut held = self.held();
                held.gone = true;
                held.succeeded_by(Some(member));
            }
        } else if in_place {
            return self.advance(member);
        }
        Ok(())
    }

    /// The number of its place.
    pub(crate) fn number(&self) -> Option<u64> {
        self.place.as_ref().map(SeatPlace::number)
    }

    /// Attaches a program at the hook, and pins what keeps it there.
    fn attach(&self, program: Member<'_>) -> Result<Attached, HookError> {
        let attached = hook::attach(&self.hook, program.loaded.object(), program.name)?;
        Ok(match &self.place {
            Some(place) => place.attached(attached),
            None => attached,
        })
    }

    /// The hook.
    pub(crate) fn hook(&self) -> &Hook {
        &self.hook
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `next` in charge: in the place of the program that is there, or beside it until
    /// `confirm`.
    ///
    /// # Errors
    /// The kernel's; what was in charge still is.
    pub(crate) fn advance(&self, next: Member<'_>) -> Result<(), HookError> {
        let (done, log) = libbpf_log::catch(|| self.advance_quietly(next));
        done.map_err(|error| error.with_log(&log))
    }

    fn advance_quietly(&self, next: Member<'_>) -> Result<(), HookError> {
        let mut held = self.held();
        let in_place = self.hook.strategy() == Strategy::LinkUpdate;
        let was_here = held.gone || !held.current.is_empty();
        let replaced = match held.current.first() {
            Some(current) if in_place => Some(replace(&self.hook, current, next)),
            _ => None,
        };
        if let Some(Ok(())) = replaced {
            held.succeeded_by(Some(next));
            return Ok(());
        }
        // Whoever asks for its state meanwhile must not wait for what libbpf opens.
        drop(held);
        let attached = match replaced {
            Some(Err(error)) => Err(HookError::attach(&self.hook, &error)),
            _ => self.attach(next),
        };
        let mut held = self.held();
        match attached {
            Ok(attached) if held.current.is_empty() => held.current = attached,
            Ok(attached) => held.next = attached,
            // As behind a switch: it goes on once its target is back.
            Err(_) if was_here && self.hook.is_absent() => {
                held.current = Attached::default();
                held.gone = true;
                held.succeeded_by(Some(next));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        held.gone = false;
        held.succeeded_by(Some(next));
        Ok(())
    }

    /// Lets go of what `advance` left beside the new program.
    pub(crate) fn confirm(&self) {
        let mut held = self.held();
        if !held.next.is_empty() {
            held.current = std::mem::take(&mut held.next);
        }
    }

    /// Undoes `advance`. `before` was in charge.
    pub(crate) fn revert(&self, before: Member<'_>) {
        let mut held = self.held();
        if self.hook.strategy() == Strategy::LinkUpdate {
            if let Some(current) = held.current.first() {
                // It was in this link a moment ago, so nothing but a lost target keeps it out.
                let _replaced = replace(&self.hook, current, before);
            }
        } else {
            held.next = Attached::default();
        }
        held.succeeded_by(Some(before));
    }

    /// Detaches it.
    pub(crate) fn detach(&self) {
        let mut held = self.held();
        held.succeeded_by(None);
        held.current = Attached::default();
        held.next = Attached::default();
        held.gone = false;
    }

    /// Whether what it was attached to has gone away.
    pub(crate) fn is_gone(&self) -> bool {
        let held = self.held();
        held.gone || (!held.current.is_empty() && held.current.is_gone(&self.hook))
    }

    /// Runs that the kernel skipped because one was going on on that CPU already.
    pub(crate) fn missed(&self) -> u64 {
        self.held().missed()
    }

    /// Whether nothing is attached.
    pub(crate) fn is_detached(&self) -> bool {
        self.held().current.is_empty()
    }

    /// Attaches `member` again, if its target is back.
    pub(crate) fn attach_again(&self, member: Member<'_>) {
        self.held().current = Attached::default();
        let (attached, _log) = libbpf_log::catch(|| self.attach(member));
        // As long as the target is away, the state says so.
        let attached = attached.ok();
        let mut held = self.held();
        held.gone = attached.is_none();
        held.current = attached.unwrap_or_default();
    }

    /// Runs an iterator and gives what it wrote, at most `bytes_max` bytes of it.
    ///
    /// # Errors
    /// The kernel's, or nothing is attached.
    pub(crate) fn read(&self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let link = {
            let held = self.held();
            let link = held.current.first().and_then(Attachment::link);
            link.ok_or(io::ErrorKind::NotConnected)?
                .try_clone_to_owned()?
        };
        super::iterator::read(link.as_fd(), bytes_max)
    }
}

/// Puts another program, or another map of operations, into a link.
fn replace(hook: &Hook, current: &Attachment, next: Member<'_>) -> io::Result<()> {
    if !hook.is_operations() {
        let program = next.loaded.program(next.name);
        let lost = || io::Error::other(format!("libbpf holds no program {}", next.name));
        return current.update(program.ok_or_else(lost)?);
    }
    let mut maps = next.loaded.object().maps();
    let map = maps.find(|map| map.name() == next.name);
    let map = map.ok_or_else(|| io::Error::other(format!("libbpf made no map {}", next.name)))?;
    let operations = map.as_libbpf_object().as_ptr();
    let result = if let Attachment::Link(link) = current {
        // SAFETY: the link is ours and alive, the map belongs to a loaded object.
        unsafe { libbpf_sys::bpf_link__update_map(link.as_libbpf_object().as_ptr(), operations) }
    } else {
        let link = current.link().ok_or(io::ErrorKind::Unsupported)?;
        // A link that another daemon made: libbpf fills a map only where it attaches it. Beside what is
        // in force the kernel refuses that, or it goes again at once.
        // SAFETY: the map belongs to a loaded object.
        let beside = NonNull::new(unsafe { libbpf_sys::bpf_map__attach_struct_ops(operations) });
        // SAFETY: libbpf has just made it, and nobody else holds it.
        drop(beside.map(|link| unsafe { Link::from_ptr(link) }));
        // SAFETY: both descriptors are open; without options the pointer may be null.
        unsafe {
            libbpf_sys::bpf_link_update(link.as_raw_fd(), map.as_fd().as_raw_fd(), std::ptr::null())
        }
    };
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(())
}
