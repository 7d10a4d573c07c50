//! Questions about the maps of an instance. Called by the daemon's routes.
//! Must never hold an instance's lock while a map is read, nor wait for a verifier.

use api::node::{Map, MapContent, Maps};
use payload::name::InstanceName;

use super::view::View;
use super::{Engine, NoInstance, locked};
use crate::maps::{self, Ask, Generation, NothingToDraw};

/// Names of maps in an error; the rest is a number.
const NAMES_SHOWN_MAX: usize = 32;

/// Why a question about maps was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MapsError {
    /// Nothing runs under the name.
    #[error(transparent)]
    NoInstance(#[from] NoInstance),
    /// The generation in charge has no map of this name.
    #[error("instance {instance} has no map {map}; it has {maps}")]
    NoMap {
        /// The instance.
        instance: String,
        /// What was asked for.
        map: String,
        /// The maps there are.
        maps: String,
    },
    /// A histogram was asked for of what is none.
    #[error(transparent)]
    NothingToDraw(#[from] NothingToDraw),
}

impl Engine {
    /// The maps of the generation in charge.
    ///
    /// # Errors
    /// Where nothing runs under `name`.
    pub(crate) fn maps(&self, name: &InstanceName) -> Result<Maps, MapsError> {
        self.with_generation(name, |generation| {
            let maps: Vec<Map> = maps::list(generation);
            Ok(Maps {
                instance: generation.instance.to_owned(),
                generation: generation.number,
                maps,
            })
        })
    }

    /// What is in a map of the generation in charge.
    ///
    /// # Errors
    /// Where nothing runs under `name`, it has no such map, or no counts to make a histogram of.
    pub(crate) fn map(
        &self,
        name: &InstanceName,
        map: &str,
        ask: Ask,
    ) -> Result<MapContent, MapsError> {
        self.with_generation(name, |generation| {
            let found = generation.object.map(map);
            let found = found.ok_or_else(|| no_map(generation, map))?;
            Ok(maps::content(generation, found, ask)?)
        })
    }

    fn with_generation<T>(
        &self,
        name: &InstanceName,
        answer: impl FnOnce(&Generation<'_>) -> Result<T, MapsError>,
    ) -> Result<T, MapsError> {
        let missing = || NoInstance(name.to_string());
        let slot = self.slot(name).ok_or_else(missing)?;
        let view = locked(&slot.view).clone().ok_or_else(missing)?;
        if let Some(loaded) = view.loaded.upgrade() {
            return answer(&generation(&view, &loaded));
        }
        // An update is past its flip, and its view is about to come.
        let view = locked(&slot.running).as_ref().map(super::Running::view);
        let view = view.ok_or_else(missing)?;
        let loaded = view.loaded.upgrade().ok_or_else(missing)?;
        answer(&generation(&view, &loaded))
    }
}

fn generation<'g>(view: &'g View, loaded: &'g crate::kernel::load::Loaded) -> Generation<'g> {
    Generation {
        instance: view.identity.name.as_str(),
        number: view.shown.id.generation,
        object: &view.object,
        loaded,
        hand_overs: view.last_proof().map_or(&[], |proof| proof.maps.as_slice()),
    }
}

fn no_map(generation: &Generation<'_>, map: &str) -> MapsError {
    let all = &generation.object.maps;
    let names: Vec<&str> = all.iter().map(|map| map.name.as_str()).collect();
    let shown = names.iter().take(NAMES_SHOWN_MAX).copied();
    let mut maps = shown.collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        "none".clone_into(&mut maps);
    } else if names.len() > NAMES_SHOWN_MAX {
        maps = format!("{maps} and {} more", names.len() - NAMES_SHOWN_MAX);
    }
    MapsError::NoMap {
        instance: generation.instance.to_owned(),
        map: map.to_owned(),
        maps,
    }
}
