//! `packer floor`: a signed word below which no version must run. Called by `main`.
//! Must never reuse a serial: a node takes a higher one only.

use api::registry::{Floor, SetEnvelope};
use payload::name::Version;
use payload::signature::{EnvelopeError, FloorEnvelope, FloorStatement};
use thiserror::Error;

use crate::aftermath;
use crate::cli::FloorArguments;
use crate::envelope;
use crate::failure::{Class, Classed, Failure};
use crate::keys;
use crate::output;
use crate::registry::Registry;

/// Why there is no new floor.
#[derive(Debug, Error)]
pub(crate) enum FloorError {
    /// The statement has no JSON form; never seen.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Serials have run out.
    #[error("the floor of {payload} has the highest serial there is, {serial}")]
    Serial { payload: String, serial: u64 },
}

impl Classed for FloorError {
    fn class(&self) -> Class {
        Class::Refused
    }
}

/// Signs a floor and gives it to the registry.
pub(crate) fn run(arguments: &FloorArguments) -> Result<(), Failure> {
    let key = keys::private(&arguments.key)?;
    let registry = Registry::connect(&arguments.registry)?;
    let name = arguments.payload.as_str();
    let payload = registry.ask(registry.client().payload(name))?;
    let before = payload.floor.map_or(0, |floor| floor.serial);
    let serial = before.checked_add(1).ok_or_else(|| FloorError::Serial {
        payload: name.to_owned(),
        serial: before,
    })?;
    let statement = FloorStatement {
        name: arguments.payload.clone(),
        minimum_version: arguments.version.clone(),
        serial,
    };
    let signed = FloorEnvelope::sign(&statement, &key).map_err(FloorError::from)?;
    let signed = SetEnvelope {
        envelope: envelope::text(&signed)?,
    };
    let floor = registry.ask(registry.client().set_floor(name, &signed))?;
    output::shown(arguments.json, &floor, || {
        let (version, serial) = (&floor.minimum_version, floor.serial);
        format!("{name}: nothing below {version} may run (serial {serial})\n")
    })?;
    aftermath::tell(&registry, name, |named| below(&floor, named));
    Ok(())
}

/// Whether a floor rules a version out.
pub(crate) fn below(floor: &Floor, version: &str) -> bool {
    let minimum = floor.minimum_version.parse::<Version>();
    let version = version.parse::<Version>();
    // What is no version is for the registry to judge.
    minimum.is_ok_and(|minimum| version.is_ok_and(|version| version < minimum))
}
