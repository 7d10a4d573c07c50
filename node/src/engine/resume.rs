//! Going on with what another daemon left: the programs have run on meanwhile, their maps and rings
//! are pinned. A part of the engine, used when the daemon begins.
//! Must never detach what can be gone on with, nor leave a pin that no instance owns.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex};

use api::node::Owner;
use payload::name::InstanceName;

use super::apply::Brought;
use super::record::{Fate, Laid, Record, Stands};
use super::rollback::Readmit;
use super::running::Running;
use super::view::Identity;
use super::{ApplyError, Engine, NotYours, Notice, locked, prepare};
use crate::admit::Admitted;
use crate::fleet::BlobError;
use crate::intake::IntakeError;
use crate::kernel::gate::Gate;
use crate::kernel::pins::Place;

mod back;
mod beside;
mod found;

pub(crate) use back::LeftBehind;
use found::{Left, Lent};

/// The gate of an instance and where it is pinned.
type Found = (Gate, Arc<Place>);

/// How often a daemon may die while it goes on with an instance that was started here before that is
/// left as it is. A registry's are counted by the fleet.
const TRIES_MAX: u32 = 3;
/// Instances that are gone on with at a time: most of it is loading, which needs a processor.
const THREADS_MAX: usize = 4;

/// Why what was left was not gone on with.
#[derive(Debug, thiserror::Error)]
enum ResumeError {
    /// The file of a generation is not kept.
    #[error("no file of generation {generation} is kept: whoever started it has it")]
    NotKept { generation: u64 },
    /// The file is gone or altered.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The node's own rules say no by now.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The machine or the kernel says no.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// The payload of a generation that was left.
type PayloadOf<'a> = dyn Fn(&Laid) -> Result<Lent<'a>, ResumeError> + 'a;

impl Engine {
    /// Goes on with the instances that another daemon left, or starts them anew where the machine was;
    /// those of a registry wait until that wants them again, or go where it does not. Call it before
    /// anything else is asked for.
    pub(crate) fn resume(&self, readmit: &Readmit<'_>, wanted: &BTreeSet<InstanceName>) {
        let config = &self.shared.config;
        let Some(keeper) = &config.keeper else { return };
        let left = match keeper.left() {
            Ok(left) => left,
            Err(error) => {
                self.failed("the node", "what it ran last can't be read", &error);
                return;
            }
        };
        if let Some(pins) = &config.pins {
            let names: Vec<&str> = left.iter().map(|(name, _)| name.as_str()).collect();
            for name in pins.keep_only(&names) {
                let what = "what was left of it in the kernel is removed";
                self.failed(&name, what, &"there is no record of it");
            }
        }
        let threads = left.len().min(THREADS_MAX);
        let left = Mutex::new(left.into_iter());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let next = locked(&left).next();
                        let Some((name, record)) = next else { break };
                        self.resume_one(&name, record, readmit, wanted);
                    }
                });
            }
        });
    }

    fn resume_one(
        &self,
        name: &InstanceName,
        record: Result<Record, String>,
        readmit: &Readmit<'_>,
        wanted: &BTreeSet<InstanceName>,
    ) {
        let record = match record {
            Ok(record) => record,
            Err(reason) => {
                let what = "its record can't be read: it is stopped";
                self.failed(name.as_str(), what, &reason);
                self.remove(name);
                return;
            }
        };
        let record = self.leave_what_daemons_die_of(name, record);
        match &record.owner {
            Owner::Local => match self.tries_again(name, record) {
                Ok(record) => self.resume_local(name, &record, readmit),
                Err(record) => {
                    let reason = format!("{TRIES_MAX} daemons have died of that");
                    self.leave_as_it_is(name, *record, &reason);
                }
            },
            Owner::Registry { .. } if wanted.contains(name) => {
                locked(&self.shared.left).insert(name.clone(), record);
            }
            Owner::Registry { .. } => {
                self.remove(name);
            }
        }
    }

    /// Removes all that is left of an instance which does not run: first the record, and behind that the
    /// pins. A daemon that is killed between them leaves pins without a record, which the next one
    /// removes; a record without pins it would take for what ran before the machine was started anew.
    pub(super) fn remove(&self, name: &InstanceName) {
        if let Some(keeper) = &self.shared.config.keeper {
            keeper.note(name, None);
            keeper.settle();
        }
        if let Some(place) = self.place(name) {
            place.remove();
        }
    }

    pub(super) fn place(&self, name: &InstanceName) -> Option<Arc<Place>> {
        let pins = self.shared.config.pins.as_ref()?;
        Some(pins.place(name.as_str()))
    }

    /// Lets go of what was left of an instance that nobody has gone on with. Says whether anything was.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn discard(&self, name: &InstanceName, owner: &Owner) -> Result<bool, NotYours> {
        let mut left = locked(&self.shared.left);
        let Some(record) = left.get(name) else {
            return Ok(false);
        };
        Identity::check(name, &record.owner, owner)?;
        left.remove(name);
        self.remove(name);
        Ok(true)
    }

    /// Whether what was left under a name, if anything, is this owner's to go on with.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn check_left(&self, name: &InstanceName, owner: &Owner) -> Result<(), NotYours> {
        let left = locked(&self.shared.left);
        let record = left.get(name);
        record.map_or(Ok(()), |record| Identity::check(name, &record.owner, owner))
    }

    /// Lets go of all that nobody has gone on with.
    pub(super) fn discard_all(&self) {
        let left = std::mem::take(&mut *locked(&self.shared.left));
        for name in left.keys() {
            self.remove(name);
        }
    }

    fn resume_local(&self, name: &InstanceName, record: &Record, readmit: &Readmit<'_>) {
        let payload_of = |laid: &Laid| {
            let keeper = self.shared.config.keeper.as_ref();
            let original = laid.original.as_ref().zip(keeper);
            let (original, keeper) = original.ok_or(ResumeError::NotKept {
                generation: laid.id.generation,
            })?;
            let bytes = keeper.bytes(&original.digest)?;
            let payload = readmit(name, &bytes, original.settings.clone())?;
            Ok(Lent::Own(Box::new(payload)))
        };
        let resumed = match self.resume_as(name, record, &payload_of) {
            Ok(Resumed::GoesOn(running)) => {
                self.take_in(name, *running);
                Ok(())
            }
            Ok(Resumed::StartsAnew(index)) => match record.generations.get(index) {
                Some(laid) => self.start_anew(name, record, laid, &payload_of),
                None => Ok(()),
            },
            Ok(Resumed::Nothing) => Ok(()),
            Err(error) => Err(error),
        };
        match resumed {
            Ok(()) => {}
            // What the node's own rules say no to by now must not run on.
            Err(error @ ResumeError::Intake(_)) => {
                self.remove(name);
                self.failed(
                    name.as_str(),
                    "it may not run any more and is stopped",
                    &error,
                );
            }
            // What runs goes on: what another try needs is all there.
            Err(error) => self.leave_as_it_is(name, record.clone(), &error),
        }
    }

    fn leave_as_it_is(&self, name: &InstanceName, record: Record, reason: &dyn Display) {
        locked(&self.shared.left).insert(name.clone(), record);
        let what = "what the last daemon left of it can't be gone on with; its programs stay as they \
                    are until it is started or stopped";
        self.failed(name.as_str(), what, reason);
    }

    /// Writes that an instance is about to be gone on with, in case that the daemon dies of it. Gives the
    /// record back where that happened too often.
    fn tries_again(&self, name: &InstanceName, mut record: Record) -> Result<Record, Box<Record>> {
        if record.tries >= TRIES_MAX {
            return Err(Box::new(record));
        }
        record.tries += 1;
        if let Some(keeper) = &self.shared.config.keeper
            && let Err(error) = keeper.intend(name, record.clone(), None)
        {
            self.failed(
                name.as_str(),
                "that it is gone on with is not written",
                &error,
            );
        }
        Ok(record)
    }

    /// What was left of an instance that is asked for: goes on where it is this very payload.
    ///
    /// # Errors
    /// It is somebody else's.
    pub(super) fn resume_for(
        &self,
        name: &InstanceName,
        (payload, other): (&Admitted, Option<&Admitted>),
        owner: &Owner,
    ) -> Result<Option<Running>, NotYours> {
        let mut left = locked(&self.shared.left);
        let Some(record) = left.get(name) else {
            return Ok(None);
        };
        Identity::check(name, &record.owner, owner)?;
        let record = left.remove(name);
        drop(left);
        Ok(record.and_then(|record| self.go_on_with(name, (payload, other), &record)))
    }

    fn go_on_with(
        &self,
        name: &InstanceName,
        (payload, other): (&Admitted, Option<&Admitted>),
        record: &Record,
    ) -> Option<Running> {
        let in_charge = self.find(name, record).ok();
        let in_charge = in_charge.and_then(|(fate, _)| record.generations.get(fate.index()?));
        let is = |laid: &Laid, payload: &Admitted| {
            laid.id.digest == payload.digest().to_string() && laid.set == prepare::set_in(payload)
        };
        let payload_of = |laid: &Laid| {
            // What is asked for is what goes on, and nothing else.
            let is_in_charge = in_charge.is_some_and(|in_charge| in_charge == laid);
            let mut known = std::iter::once(payload).chain(other.filter(|_| !is_in_charge));
            let found = known.find(|payload| is(laid, payload));
            found.map(Lent::Of).ok_or(ResumeError::NotKept {
                generation: laid.id.generation,
            })
        };
        match self.resume_as(name, record, &payload_of) {
            Ok(Resumed::GoesOn(running)) => Some(*running),
            Ok(Resumed::StartsAnew(_) | Resumed::Nothing) => None,
            Err(error) => {
                self.failed(name.as_str(), "what was left of it is begun anew", &error);
                None
            }
        }
    }

    fn resume_as(
        &self,
        name: &InstanceName,
        record: &Record,
        payload_of: &PayloadOf<'_>,
    ) -> Result<Resumed, ResumeError> {
        let (fate, found) = self.find(name, record)?;
        match (fate, found) {
            (Fate::Remove, _) => {
                self.remove(name);
                Ok(Resumed::Nothing)
            }
            (Fate::GoOn(index) | Fate::GoBack(index), Some((gate, place))) => {
                let left = Left::of(record, index, fate, (gate, place))?;
                let place = Arc::clone(&left.place);
                // What it can't be gone on with half-way stays for another try.
                place.set_left(true);
                let running = self.go_on(name, record, left, payload_of)?;
                place.set_left(false);
                Ok(Resumed::GoesOn(Box::new(running)))
            }
            (Fate::GoOn(index) | Fate::GoBack(index) | Fate::Start(index), None)
            | (Fate::Start(index), Some(_)) => Ok(Resumed::StartsAnew(index)),
        }
    }

    /// Starts what ran last, of which nothing is left in the kernel.
    fn start_anew(
        &self,
        name: &InstanceName,
        record: &Record,
        laid: &Laid,
        payload_of: &PayloadOf<'_>,
    ) -> Result<(), ResumeError> {
        let payload = payload_of(laid)?;
        let from = (laid.original.clone(), None);
        let applied = self.apply_from(name, Brought::from(&*payload), &record.owner, 0, from)?;
        if record.stands == Stands::Paused {
            // It was started a moment ago: nobody has stopped it.
            let _paused = self.set_paused(name, true);
        }
        self.tell(&Notice::Restarted(&applied.instance));
        Ok(())
    }
}

/// What became of what was left.
enum Resumed {
    GoesOn(Box<Running>),
    /// The generation of this index is to be started: nothing of it is left in the kernel.
    StartsAnew(usize),
    Nothing,
}
