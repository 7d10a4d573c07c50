//! Replacing the handler alone: programs, maps and rings stay as they are. A part of `course`.
//! Must never leave the generation in charge with another handler than the reader runs.

use std::time::Duration;

use super::ApplyError;
use super::course::Change;
use super::handlers::HandlerError;
use super::order;
use super::running::Running;
use crate::fault;
use crate::instance::feed::{Feed, Turned};
use crate::instance::handling::TrialError;
use crate::instance::reader::{Drained, Replaced};

impl Running {
    /// Whether the change is one of handlers alone.
    pub(super) fn is_rehandling(&self, change: &Change<'_>) -> bool {
        match (&change.prepared, &self.beside) {
            (Some(prepared), _) => prepared.handling.is_some(),
            (None, Some(beside)) => beside.shares_all_with(&self.charge),
            (None, None) => false,
        }
    }

    /// Has the reader go on with the other handler. Where that does not begin, all is as before.
    pub(super) fn rehandle(&mut self, change: &mut Change<'_>) -> Result<(), ApplyError> {
        change.alone = true;
        let Some(mut prepared) = change.prepared.take() else {
            // One that failed on probation was left by the reader itself.
            let undone = Replaced {
                events: 0,
                turned: Turned::Kept,
                pause: Duration::ZERO,
                ended_at: std::time::Instant::now(),
            };
            change.replaced = Some(self.reader.restore()?.unwrap_or(undone));
            change.next = self.beside.take();
            return Ok(());
        };
        let handling = prepared.handling.take().ok_or(ApplyError::Unfinished)?;
        // The file is there before the handler that came in it runs.
        if let Some(file) = change.wish.file.take() {
            self.intend(None, Some(file))?;
        }
        order::wait(change.wish.hold.take())?;
        let replaced = self.reader.replace(handling, prepared.generation)?;
        let begun = replaced.map_err(|error| HandlerError::from(TrialError::from(error)));
        change.replaced = Some(begun?);
        fault::at("rehandled");
        let original = change.wish.original.clone();
        change.next = Some(self.charge.rehandled(prepared, original));
        Ok(())
    }
}

impl From<Replaced> for Drained {
    fn from(replaced: Replaced) -> Self {
        Self {
            events: replaced.events,
            after_flip: 0,
            drain: Duration::ZERO,
            pause: Some(replaced.pause),
            ended_at: replaced.ended_at,
            rings: Vec::new(),
            released: Feed::default(),
            turned: replaced.turned,
        }
    }
}
