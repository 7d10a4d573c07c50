//! Going back to the generation before the one in charge, and what there was before. A part of the
//! engine.
//! Must never go back to a generation that was gone back from.

use api::node::{Applied, History, Owner, Settings};
use payload::name::InstanceName;

use super::course::{Back, Wish};
use super::running::Running;
use super::{ChangeError, Engine, locked, prepare};
use crate::admit::Admitted;
use crate::fleet::StoreError;
use crate::intake::IntakeError;

/// Lets the bytes of a file in once more, with what is set in it.
pub(crate) type Readmit<'a> =
    dyn Fn(&InstanceName, &[u8], Settings) -> Result<Admitted, IntakeError> + Sync + 'a;

/// The reason of a way back that somebody asked for.
const ASKED_FOR: &str = "it was asked for";

impl Engine {
    /// Puts the generation before the one in charge in charge again: by a flip while it is loaded,
    /// else loaded anew from its file.
    ///
    /// # Errors
    /// [`ChangeError`]; the one in charge goes on.
    pub(crate) fn roll_back(
        &self,
        name: &InstanceName,
        owner: &Owner,
        readmit: &Readmit<'_>,
    ) -> Result<Applied, ChangeError> {
        let back = Back {
            reason: ASKED_FOR.to_owned(),
            automatic: false,
        };
        self.change(name, owner, |running| {
            if running.is_watched() {
                Ok(running.flip_back(back)?)
            } else {
                self.reload(name, running, readmit, back)
            }
        })
    }

    fn reload(
        &self,
        name: &InstanceName,
        running: &mut Running,
        readmit: &Readmit<'_>,
        back: Back,
    ) -> Result<(), ChangeError> {
        let nothing = || ChangeError::NothingBefore {
            instance: name.to_string(),
            generation: running.charge.number,
        };
        let link = running.history.before().ok_or_else(nothing)?.clone();
        let kept = link.original.zip(self.shared.config.keeper.as_ref());
        let (original, keeper) = kept.ok_or_else(|| ChangeError::NotKept {
            instance: name.to_string(),
            generation: link.id.generation,
            digest: link.id.digest.clone(),
        })?;
        let bytes = keeper.bytes(&original.digest)?;
        let payload = readmit(name, &bytes, original.settings.clone())?;
        drop(bytes);
        let means = &self.shared.means;
        let wish = Wish {
            prepare: Some(Box::new(move |before, number| {
                prepare::prepare(means, name, number, &payload, Some(before))
            })),
            original: Some(original),
            file: None,
            hold: None,
            back: Some(back),
        };
        Ok(running.update(0, wish)?)
    }

    /// What was in charge under a name, in former lives of the daemon too. `None` where nothing ever
    /// was.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn history(&self, name: &InstanceName) -> Result<Option<History>, StoreError> {
        let keeper = self.shared.config.keeper.as_ref();
        let has = |digest: &_| keeper.is_some_and(|keeper| keeper.has(digest));
        let slot = self.slot(name);
        let view = slot.and_then(|slot| locked(&slot.view).clone());
        if let Some(view) = view {
            return Ok(Some(view.history.shown(name.as_str(), has)));
        }
        let Some(keeper) = keeper else {
            return Ok(None);
        };
        let history = keeper.read(name)?;
        Ok(history.map(|history| history.shown(name.as_str(), has)))
    }
}
