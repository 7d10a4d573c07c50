//! Stopping and pausing instances, and saying whose they are. A part of the engine.
//! Must never stop what is somebody else's.

use api::node::{Instance, Owner};
use payload::name::InstanceName;

use super::running::Running;
use super::{ApplyError, Engine, NoInstance, NotYours, locked};

/// Why an instance was not stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// It is somebody else's.
    #[error(transparent)]
    NotYours(#[from] NotYours),
}

/// Why an instance was not paused or resumed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PauseError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// A hook could not be attached again; or the gate was moved, but runs that had begun could not
    /// be waited for.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// What was stopped.
pub(crate) enum Stopped {
    /// An instance, as it was then.
    Instance(Box<Instance>),
    /// What another daemon had left of one, and could not be gone on with.
    Left,
}

impl Engine {
    /// Stops an instance: its hooks are detached, its events read to their end.
    ///
    /// # Errors
    /// Where nothing runs under `name`, or what does is not the owner's.
    pub(crate) fn stop(&self, name: &InstanceName, owner: &Owner) -> Result<Stopped, StopError> {
        if self.discard(name, owner)? {
            return Ok(Stopped::Left);
        }
        let stopped = self.stop_if(name, |running| running.check_owner(owner))?;
        Ok(Stopped::Instance(Box::new(stopped)))
    }

    fn stop_if(
        &self,
        name: &InstanceName,
        may: impl Fn(&Running) -> Result<(), NotYours>,
    ) -> Result<Instance, StopError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let stopped = {
            let mut place = locked(&slot.running);
            if let Some(running) = place.as_ref() {
                may(running)?;
            }
            let view = locked(&slot.view).take();
            place.take().zip(view).map(|(running, view)| {
                running.stop();
                self.remove(name);
                view.instance()
            })
        };
        self.forget_if_idle(name, slot);
        Ok(stopped.ok_or_else(missing)?)
    }

    /// Says that an instance of the registry is now wanted by another of its deployments.
    pub(crate) fn adopt(&self, name: &InstanceName, owner: &Owner) {
        let Some(slot) = self.slot(name) else { return };
        let mut place = locked(&slot.running);
        if let Some(running) = place.as_mut()
            && running.check_owner(owner).is_ok()
        {
            running.adopt(owner);
            *locked(&slot.view) = Some(running.view());
        }
    }

    /// Leaves every instance to the next daemon: programs and hooks stay, what is not read waits.
    pub(crate) fn leave_all(&self) {
        for (_, slot) in self.slots() {
            let left = locked(&slot.running).take();
            locked(&slot.view).take();
            if let Some(running) = left {
                running.leave();
            }
        }
        if let Some(keeper) = &self.shared.config.keeper {
            keeper.settle();
        }
    }

    /// Stops every instance, and waits until their histories are on disk.
    pub(crate) fn stop_all(&self) {
        for (name, slot) in self.slots() {
            drop(slot);
            // One that somebody else has stopped meanwhile is what was wanted.
            let _stopped = self.stop_if(&name, |_| Ok(()));
        }
        self.discard_all();
        if let Some(keeper) = &self.shared.config.keeper {
            keeper.settle();
        }
        if let Some(pins) = &self.shared.config.pins {
            pins.leave();
        }
    }

    /// Takes an instance's programs out of their hooks' way, or puts them back. The hooks stay
    /// attached.
    ///
    /// # Errors
    /// Where nothing runs under `name`, or the kernel offers no way to wait for running programs.
    pub(crate) fn set_paused(
        &self,
        name: &InstanceName,
        paused: bool,
    ) -> Result<Instance, PauseError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let mut place = locked(&slot.running);
        let running = place.as_mut().ok_or_else(missing)?;
        let settled = running.set_paused(paused);
        let view = running.view();
        let instance = view.instance();
        *locked(&slot.view) = Some(view);
        Ok(settled.map(|()| instance)?)
    }
}
