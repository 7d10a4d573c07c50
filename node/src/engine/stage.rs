//! Staging: a generation that is loaded and verified and waits for its flip, in no lane. A part of the
//! engine.
//! Must never put one in charge that was prepared to follow another than it follows.

use api::node::{Applied, Flipped, Instance, Owner, Staged};
use payload::name::InstanceName;

use super::course::Wish;
use super::history::Original;
use super::keeper::File;
use super::prepare::{self, Before, Means, Prepared};
use super::running::Running;
use super::{ApplyError, ChangeError, Engine, Kept, locked};
use crate::admit::Admitted;

/// What is staged.
pub(super) struct Waiting {
    prepared: Prepared,
    /// To prepare it once more, where another generation is in charge by then.
    payload: Admitted,
    /// The generation that it was prepared to follow.
    base: u64,
    pub(super) at_ms: Option<u64>,
    bake_ms: u64,
    kept: Option<(Original, File)>,
}

impl Waiting {
    /// Whether this payload is what is staged, with the same set in it.
    pub(super) fn is_of(&self, payload: &Admitted) -> bool {
        self.payload.digest() == payload.digest() && self.prepared.set == prepare::set_in(payload)
    }

    /// What is staged as the generation of this number, to follow the one in charge. Where it was
    /// prepared to follow another, its maps are those of a generation that is not in charge any more, or
    /// never was again: what it takes over is decided anew.
    pub(super) fn prepared_for(
        self,
        means: &Means,
        name: &InstanceName,
        before: Before<'_>,
        number: u64,
    ) -> Result<Prepared, ApplyError> {
        if self.base == before.charge.number && self.prepared.generation == number {
            return Ok(self.prepared);
        }
        drop(self.prepared);
        prepare::prepare(means, name, number, &self.payload, Some(before))
    }

    /// In the words of the API.
    pub(super) fn shown(&self) -> Staged {
        let shown = &self.prepared.shown;
        Staged {
            payload: shown.payload.clone(),
            version: shown.id.version.clone(),
            digest: shown.id.digest.clone(),
            base: self.base,
            at_ms: self.at_ms,
            bake_ms: self.bake_ms,
        }
    }
}

/// What is to be staged.
pub(crate) struct Stage {
    /// What is to run.
    pub(crate) payload: Admitted,
    /// Whose instance it is for.
    pub(crate) owner: Owner,
    /// How long it is to be watched, milliseconds.
    pub(crate) bake_ms: u64,
    /// When it is to take over, milliseconds since 1970; else when that is asked for.
    pub(crate) at_ms: Option<u64>,
    /// The file, to go back to it.
    pub(crate) kept: Option<Kept>,
}

impl Engine {
    /// Loads and verifies a payload beside what runs under `name`; it takes over when its time has
    /// come, or at [`Engine::flip`]. What was staged before goes.
    ///
    /// # Errors
    /// [`ChangeError`]; what was staged before still is.
    pub(crate) fn stage(&self, name: &InstanceName, stage: Stage) -> Result<Instance, ChangeError> {
        let staged = self.change(name, &stage.owner.clone(), |running| {
            Ok(self.stage_in(running, name, stage)?)
        })?;
        self.wake();
        Ok(staged.instance)
    }

    fn stage_in(
        &self,
        running: &mut Running,
        name: &InstanceName,
        stage: Stage,
    ) -> Result<(), ApplyError> {
        running.time_runs();
        let prepared = prepare::prepare(
            &self.shared.means,
            name,
            running.last_number + 1,
            &stage.payload,
            Some(running.before()),
        );
        let prepared = prepared.inspect_err(|_| running.time_if_compared())?;
        running.staged = Some(Waiting {
            prepared,
            base: running.charge.number,
            at_ms: stage.at_ms,
            bake_ms: stage.bake_ms,
            kept: stage.kept.and_then(|kept| self.original(kept)),
            payload: stage.payload,
        });
        Ok(())
    }

    /// Stages a payload beside what runs under `name`, unless this very one is staged already; where
    /// nothing runs there it is loaded, verified and let go of. Says whether it stays loaded.
    ///
    /// # Errors
    /// As `ApplyError` says; what runs, and what was staged before, is as it was.
    pub(crate) fn preflight(&self, name: &InstanceName, stage: Stage) -> Result<bool, ApplyError> {
        let slot = self.slot(name);
        let mut place = slot.as_ref().map(|slot| locked(&slot.running));
        let running = place.as_mut().and_then(|place| place.as_mut());
        let Some((slot, running)) = slot.as_ref().zip(running) else {
            drop(place);
            self.check_left(name, &stage.owner)?;
            let means = &self.shared.means;
            drop(prepare::prepare(means, name, 1, &stage.payload, None)?);
            return Ok(false);
        };
        running.check_owner(&stage.owner)?;
        let is_there = running.staged.as_ref();
        if !is_there.is_some_and(|staged| staged.is_of(&stage.payload)) {
            self.stage_in(running, name, stage)?;
            *locked(&slot.view) = Some(running.view());
        }
        Ok(true)
    }

    /// Puts what is staged in charge, now or at a time of the wall's clock, milliseconds since 1970.
    ///
    /// # Errors
    /// [`ChangeError`]. What was staged is gone where it can't run beside what is in charge by now.
    pub(crate) fn flip(
        &self,
        name: &InstanceName,
        owner: &Owner,
        at_ms: Option<u64>,
    ) -> Result<Flipped, ChangeError> {
        let Some(at_ms) = at_ms else {
            let Applied { instance, proof } = self.flip_now(name, owner)?;
            let proof = Some(proof);
            return Ok(Flipped { instance, proof });
        };
        let timed = self.change(name, owner, |running| {
            let staged = running.staged.as_mut();
            staged.ok_or_else(|| nothing_staged(name))?.at_ms = Some(at_ms);
            Ok(())
        })?;
        self.wake();
        Ok(Flipped {
            instance: timed.instance,
            proof: None,
        })
    }

    pub(super) fn flip_now(
        &self,
        name: &InstanceName,
        owner: &Owner,
    ) -> Result<Applied, ChangeError> {
        self.change(name, owner, |running| {
            let staged = running.staged.take().ok_or_else(|| nothing_staged(name))?;
            self.flip_staged(name, running, staged)
        })
    }

    fn flip_staged(
        &self,
        name: &InstanceName,
        running: &mut Running,
        mut staged: Waiting,
    ) -> Result<(), ChangeError> {
        let (original, file) = staged.kept.take().unzip();
        let (means, bake_ms) = (&self.shared.means, staged.bake_ms);
        let wish = Wish {
            prepare: Some(Box::new(move |before, number| {
                staged.prepared_for(means, name, before, number)
            })),
            original,
            file,
            hold: None,
            back: None,
        };
        Ok(running.update(bake_ms, wish)?)
    }

    /// Lets go of what is staged.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub(crate) fn unstage(&self, name: &InstanceName, owner: &Owner) -> Result<(), ChangeError> {
        let dropped = self.change(name, owner, |running| {
            let staged = running.staged.take().ok_or_else(|| nothing_staged(name))?;
            drop(staged);
            running.time_if_compared();
            Ok(())
        });
        dropped.map(drop)
    }

    /// The instances whose staged flip is due at this time, milliseconds since 1970; their times are
    /// taken, so that each is told once. Those that are busy are told the next time.
    pub(super) fn due(&self, now_ms: u64) -> Vec<(InstanceName, Owner)> {
        let slots = self.slots();
        let due = slots.into_iter().filter_map(|(name, slot)| {
            let mut place = slot.running.try_lock().ok()?;
            let running = place.as_mut()?;
            let staged = running.staged.as_mut()?;
            staged.at_ms.filter(|at_ms| *at_ms <= now_ms)?;
            staged.at_ms = None;
            Some((name, running.identity.owner.clone()))
        });
        due.collect()
    }

    /// When the next staged flip is due, milliseconds since 1970.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        let slots = self.slots();
        let times = slots.iter().filter_map(|(_, slot)| {
            let view = locked(&slot.view);
            view.as_ref()?.staged_at_ms()
        });
        times.min()
    }
}

fn nothing_staged(name: &InstanceName) -> ChangeError {
    ChangeError::NothingStaged {
        instance: name.to_string(),
    }
}
