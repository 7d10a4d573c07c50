//! What the generation that was left has written goes on in the other one. A part of `course`.
//! Must never be done while the generation that was left may still write.

use super::ApplyError;
use super::course::Change;
use super::migrate;
use super::running::Running;

impl Running {
    /// Brings what the generation that was left has written into the maps that were migrated: into
    /// those of the new one, or on a way back into those that it had them from.
    pub(super) fn join(&mut self, change: &mut Change<'_>) -> Result<(), ApplyError> {
        if change.wish.back.is_some() && !change.loaded {
            let followed = change.flipped.as_ref().map(|flipped| &flipped.left.maps);
            let mut maps = self.charge.maps_again(followed.map_or(&[], Vec::as_slice));
            let ways_back = std::mem::take(&mut self.charge.ways_back);
            let joined = migrate::end(&ways_back, &mut maps);
            change.maps_again = Some(maps);
            return joined;
        }
        let migrations = std::mem::take(&mut self.charge.migrations);
        migrate::end(&migrations, &mut self.charge.maps)?;
        if let Some(left) = &mut self.beside {
            left.ways_back = migrate::ways_back(migrations);
        }
        Ok(())
    }
}
