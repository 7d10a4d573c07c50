//! Bytes that came in, from a request or a file, as what may be loaded, and the name to run it under.
//! Called by the daemon's routes and by the foreground commands; pure.
//! Must never let anything unsigned through a door that the configuration keeps shut.

use std::time::Instant;

use api::node::Settings;
use payload::name::{InstanceName, NameError, PayloadName};
use payload::unsigned::{Origin, Unsigned, UnsignedError};
use thiserror::Error;

use crate::admit::{Admitted, UnsignedDoor};
use crate::policy::{self, Allowed, Declared, Policy, PolicyError};

/// The name of an instance when nobody named one.
pub(crate) const DEFAULT_INSTANCE: &str = "default";
/// The name of a bare object for which nobody gave one.
const BARE_OBJECT: &str = "local/object";

/// Whether payloads that no key vouches for may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowUnsigned {
    /// From root and the users of `--allow-user`, on this machine.
    Local,
    /// From nobody.
    Never,
}

impl std::str::FromStr for AllowUnsigned {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "local" => Ok(Self::Local),
            "never" => Ok(Self::Never),
            "token" => Err(
                "no caller from another machine is served by this node yet, so there is \
                            nobody to show a token: `local` or `never`"
                    .to_owned(),
            ),
            _ => Err(format!("{word:?} is neither \"local\" nor \"never\"")),
        }
    }
}

/// Why bytes were not let in.
#[derive(Debug, Error)]
pub(crate) enum IntakeError {
    /// The configuration keeps the door shut.
    #[error(
        "the payload is unsigned, and this node runs with --allow-unsigned never; `local` would \
         let root and the users of --allow-user load it"
    )]
    UnsignedRefused,
    /// They are no payload, no object and no legacy JSON, or a broken one.
    #[error(transparent)]
    Unsigned(#[from] UnsignedError),
    /// The document asks for a name that no instance can have.
    #[error("the document asks for an instance name that can't be one: {0}")]
    Name(#[from] NameError),
    /// What is to be set in it can't be.
    #[error(transparent)]
    Setting(#[from] PolicyError),
}

impl IntakeError {
    /// The field that broke a rule, where the input has fields.
    pub(crate) fn field(&self) -> Option<String> {
        match self {
            Self::UnsignedRefused => None,
            Self::Unsigned(error) => field_of(error),
            Self::Name(_) => Some("name".to_owned()),
            Self::Setting(error) => Some(error.field()),
        }
    }
}

/// What came in, ready to be loaded.
pub(crate) struct Intake {
    /// The name to run it under.
    pub(crate) name: InstanceName,
    /// What is to run.
    pub(crate) payload: Admitted,
}

fn field_of(error: &UnsignedError) -> Option<String> {
    match error {
        UnsignedError::Legacy(error) => Some(error.path.clone()),
        _ => None,
    }
}

/// What a caller asks for beside the bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The instance that it is for; else the one that the bytes name, else `default`.
    pub(crate) name: Option<InstanceName>,
    /// What is to be set in it.
    pub(crate) settings: Settings,
}

/// Decodes and inspects a payload, an object or legacy JSON.
///
/// # Errors
/// As [`IntakeError`] says; nothing has been loaded.
pub(crate) fn read(
    bytes: &[u8],
    asked: Asked,
    allow: AllowUnsigned,
) -> Result<Intake, IntakeError> {
    let door = match allow {
        AllowUnsigned::Local => UnsignedDoor::opened_by_configuration(),
        AllowUnsigned::Never => return Err(IntakeError::UnsignedRefused),
    };
    let begun = Instant::now();
    let unsigned = Unsigned::from_any(bytes, &bare_name(asked.name.as_ref())?)?;
    let name = match asked.name {
        Some(name) => name,
        None => own_name(&unsigned).parse()?,
    };
    let settings = settings(&unsigned, &asked.settings)?;
    let payload = Admitted::unsigned(unsigned, door, settings, begun.elapsed());
    Ok(Intake { name, payload })
}

fn settings(unsigned: &Unsigned, settings: &Settings) -> Result<Allowed, PolicyError> {
    let globals = settings.globals.iter();
    let targets = settings.targets.iter();
    let asked = policy::Asked {
        globals: globals
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect(),
        targets: targets
            .map(|(name, at)| (name.as_str(), at.as_str()))
            .collect(),
    };
    let declared = match unsigned.origin() {
        Origin::Payload => Declared::Needed,
        Origin::Object | Origin::Legacy(_) => Declared::NotNeeded,
    };
    let manifest = &unsigned.contents().manifest;
    Policy::of_door(manifest, unsigned.inspected(), &asked, declared)
}

/// What a bare object is called: as its instance, where that is a payload's name too.
fn bare_name(asked: Option<&InstanceName>) -> Result<PayloadName, NameError> {
    let named = asked.map(|name| format!("local/{}", name.as_str().to_ascii_lowercase()));
    named
        .and_then(|name| name.parse().ok())
        .map_or_else(|| BARE_OBJECT.parse(), Ok)
}

/// The instance that the bytes themselves ask for.
fn own_name(unsigned: &Unsigned) -> &str {
    match unsigned.origin() {
        Origin::Payload => {
            let name = unsigned.contents().manifest.name.as_str();
            name.rsplit_once('/').map_or(name, |(_, own)| own)
        }
        Origin::Object => DEFAULT_INSTANCE,
        Origin::Legacy(_) => unsigned.suggested_instance().unwrap_or(DEFAULT_INSTANCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unsigned_passes_a_shut_door_whatever_it_is() {
        for bytes in [b"\x7fELF".as_slice(), b"\0asm", b"{}", b""] {
            let refused = read(bytes, Asked::default(), AllowUnsigned::Never);
            assert!(matches!(refused, Err(IntakeError::UnsignedRefused)));
        }
    }

    #[test]
    fn a_broken_document_names_its_field() {
        let Err(error) = read(br#"{"data":7}"#, Asked::default(), AllowUnsigned::Local) else {
            panic!("a number is no object");
        };
        assert!(error.field().is_some(), "{error}");
    }

    #[test]
    fn a_bare_object_is_called_as_its_instance_where_it_can_be() {
        let name = |text: &str| bare_name(Some(&text.parse().unwrap())).unwrap().to_string();
        assert_eq!(name("Trace"), "local/trace");
        assert_eq!(name("a--b"), BARE_OBJECT, "no payload may be called so");
        assert_eq!(bare_name(None).unwrap().to_string(), BARE_OBJECT);
    }
}
