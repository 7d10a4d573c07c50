//! The manifest: what a payload says about itself. Written by `packer`, read by everybody.
//! Structural facts (programs, maps, globals, events) are computed from the object and checked
//! against it again by every reader; judgements about an object are computed where they are shown.
//! Must never be trusted where it could be computed, and never grow without a bound.

mod agree;
mod arch;
mod bounded;
mod check;
mod compute;
mod entry;
mod handler;
mod kernel;

pub use agree::{Disagreement, HandlerDisagreement};
pub use arch::{Arch, UnknownArch};
pub use check::ManifestError;
pub use compute::{ComputeError, Described, Inspected};
pub use entry::{Build, Carry, Event, Global, Map, Merge, ObjectFile, Program};
pub use handler::{
    Access, CarryState, HANDLER_WORLD, Handler, HandlerFieldError, InfiniteBound, Limit, MapAccess,
    Metric, MetricKind, UpperBound, is_name,
};
pub use kernel::{KernelVersion, KernelVersionError};

use serde::{Deserialize, Serialize};

use crate::limits::{
    DESCRIPTION_BYTES_MAX, EVENTS_MAX, GLOBALS_MAX, LICENSE_BYTES_MAX, MANIFEST_BYTES_MAX,
    MAPS_MAX, OBJECTS_MAX, PROGRAMS_MAX, URL_BYTES_MAX,
};
use crate::name::{PayloadName, Version};

/// The number of the manifest format that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// What a payload says about itself. Every list is in the order of the object it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of this manifest: 1. A reader that does not know the number refuses the payload
    /// as incompatible, not as broken.
    pub format: u32,
    /// Who publishes it, and what it is called.
    pub name: PayloadName,
    /// Which of its releases it is.
    pub version: Version,
    /// One or a few sentences for people; may hold line breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_prose::<_, DESCRIPTION_BYTES_MAX>")]
    pub description: Option<String>,
    /// An SPDX licence expression for the payload as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, LICENSE_BYTES_MAX>")]
    pub license: Option<String>,
    /// Where the source is: an `http` or `https` URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::optional_text::<_, URL_BYTES_MAX>")]
    pub source: Option<String>,
    /// What built the objects; absent for ready-made ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::present")]
    pub build: Option<Build>,
    /// The objects of the file, by architecture in ascending order of its name.
    #[serde(deserialize_with = "bounded::list::<_, _, OBJECTS_MAX>")]
    pub objects: Vec<ObjectFile>,
    /// The programs of each object.
    #[serde(deserialize_with = "bounded::list::<_, _, PROGRAMS_MAX>")]
    pub programs: Vec<Program>,
    /// The maps of each object.
    #[serde(deserialize_with = "bounded::list::<_, _, MAPS_MAX>")]
    pub maps: Vec<Map>,
    /// The global variables of each object.
    #[serde(deserialize_with = "bounded::list::<_, _, GLOBALS_MAX>")]
    pub globals: Vec<Global>,
    /// Which map carries which struct. A ring without an entry carries raw bytes.
    #[serde(deserialize_with = "bounded::list::<_, _, EVENTS_MAX>")]
    pub events: Vec<Event>,
    /// The oldest kernel that the author knows to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::present")]
    pub kernel_min: Option<KernelVersion>,
    /// What the handler needs; present exactly when the file has a handler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "bounded::present")]
    pub handler: Option<Handler>,
}

/// The one field that every format of the manifest keeps.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// Reads a manifest from its JSON.
    ///
    /// # Errors
    /// [`ManifestError::TooLong`] before anything is parsed, [`ManifestError::Format`] for a format
    /// that is not [`FORMAT`], else what breaks a rule, with the path of the field.
    pub fn from_json(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MANIFEST_BYTES_MAX {
            let (bytes, bytes_max) = (json.len(), MANIFEST_BYTES_MAX);
            return Err(ManifestError::TooLong { bytes, bytes_max });
        }
        let FormatOnly { format } = parse(json)?;
        if format != FORMAT {
            return Err(ManifestError::Format {
                format,
                known: FORMAT,
            });
        }
        let manifest: Self = parse(json)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as compact JSON, fields in the order of this struct: the same manifest gives
    /// the same bytes.
    ///
    /// # Errors
    /// Whatever [`Manifest::from_json`] would refuse, so that nothing unreadable is written.
    pub fn to_json(&self) -> Result<Vec<u8>, ManifestError> {
        let json = serde_json::to_vec(self).map_err(|error| ManifestError::Json {
            path: ".".into(),
            reason: error.to_string(),
        })?;
        Self::from_json(&json)?;
        Ok(json)
    }
}

/// Parses all of `json` as one value and names the field that does not fit.
fn parse<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, ManifestError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        ManifestError::Json {
            path,
            reason: error.into_inner().to_string(),
        }
    })?;
    deserializer.end().map_err(|error| ManifestError::Json {
        path: ".".into(),
        reason: error.to_string(),
    })?;
    Ok(value)
}

#[cfg(test)]
#[path = "manifest/tests.rs"]
mod tests;
