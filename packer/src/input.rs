//! The file that a command works on: a payload, an object or legacy JSON, told apart by its bytes.
//! Called by `inspect`, `import`, `legacy` and `push`.
//! Must never look at a file's name to find out what it is.

use std::collections::BTreeSet;
use std::path::Path;

use payload::legacy::Preset;
use payload::limits::PAYLOAD_BYTES_MAX;
use payload::manifest::Arch;
use payload::name::NameError;
use payload::object::{BakeError, Object, Privilege, Setting, SettingError, bake};
use payload::signature::Statement;
use payload::unsigned::{Origin, Unsigned, UnsignedError};
use thiserror::Error;

use crate::failure::{Class, Classed};
use crate::files::{self, FileError};
use crate::names;

/// The argument that stands for standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// A file that is not what a command can work on.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It breaks a rule.
    #[error("{input}: {source}")]
    Refused {
        input: String,
        source: Box<UnsignedError>,
    },
    /// A name that could not be made of the file's; never seen.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A value that the JSON gives to a variable is none of its type.
    #[error("{input}: {path}: {source}")]
    Setting {
        input: String,
        path: String,
        source: Box<SettingError>,
    },
    /// A value that the JSON gives to a variable has no place in the object.
    #[error("{input}: {source}")]
    Bake { input: String, source: BakeError },
    /// Only a payload can be signed: it is the one form that says its name and version itself.
    #[error("{input} is {found}, only a payload can be signed")]
    NotPayload { input: String, found: &'static str },
    /// It has no object for the architecture that was asked for.
    #[error("{input}: has no object for {arch}, only for {has}")]
    NoObject {
        input: String,
        arch: String,
        has: String,
    },
}

impl Classed for InputError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Refused { .. }
            | Self::Name(_)
            | Self::Setting { .. }
            | Self::Bake { .. }
            | Self::NotPayload { .. }
            | Self::NoObject { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::NoObject { .. } => Some("choose one with --arch".to_owned()),
            Self::Bake { .. } => {
                Some("give the JSON itself to the node, which can set it".to_owned())
            }
            Self::NotPayload { .. } => {
                Some("make a payload of it: `packer build` or `packer import`".to_owned())
            }
            Self::Refused { .. } | Self::Name(_) | Self::Setting { .. } => None,
        }
    }
}

/// A file that was read and checked.
#[derive(Debug)]
pub(crate) struct Input {
    /// What it holds.
    pub(crate) unsigned: Unsigned,
    /// What it was.
    pub(crate) origin: Origin,
    /// The instance that legacy JSON asks for.
    pub(crate) instance: Option<String>,
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// The file as errors name it.
    pub(crate) shown: String,
}

impl Input {
    /// Reads and checks a file, or standard input for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, InputError> {
        let (bytes, shown) = if path.as_os_str() == STANDARD_INPUT {
            (
                files::read_standard_input(PAYLOAD_BYTES_MAX)?,
                "standard input".to_owned(),
            )
        } else {
            (
                files::read(path, PAYLOAD_BYTES_MAX)?,
                path.display().to_string(),
            )
        };
        Self::of(bytes, shown, path)
    }

    /// Checks bytes that were read already; errors call them `shown`, and what has no name of its
    /// own is named after `path`.
    pub(crate) fn of(bytes: Vec<u8>, shown: String, path: &Path) -> Result<Self, InputError> {
        let name = names::payload_name(path)?;
        let unsigned = Unsigned::from_any(&bytes, &name).map_err(|source| InputError::Refused {
            input: shown.clone(),
            source: Box::new(source),
        })?;
        Ok(Self {
            origin: unsigned.origin(),
            instance: unsigned.suggested_instance().map(str::to_owned),
            unsigned,
            bytes,
            shown,
        })
    }

    /// The same with the values that the JSON gives to variables written into its object, for forms
    /// that carry no values beside it.
    pub(crate) fn settled(mut self) -> Result<Self, InputError> {
        if self.unsigned.presets().is_empty() {
            return Ok(self);
        }
        let object = self.unsigned.inspected();
        let set = |preset: &Preset| -> Result<Setting, InputError> {
            let set = object.set(&preset.section, &preset.variable, &preset.value);
            set.map_err(|source| {
                let (input, path) = (self.shown.clone(), preset.path.clone());
                InputError::Setting {
                    input,
                    path,
                    source: Box::new(source),
                }
            })
        };
        let settings = self.unsigned.presets().iter().map(set);
        let settings = settings.collect::<Result<Vec<Setting>, InputError>>()?;
        let input = || self.shown.clone();
        let contents = self.unsigned.contents();
        // Legacy JSON has one object.
        let bytes = contents
            .objects
            .first()
            .map(|object| object.bytes.as_slice());
        let baked =
            bake(bytes.unwrap_or_default(), &settings).map_err(|source| InputError::Bake {
                input: input(),
                source,
            })?;
        self.unsigned =
            Unsigned::from_object(&contents.manifest.name, &baked).map_err(|source| {
                InputError::Refused {
                    input: input(),
                    source: Box::new(source),
                }
            })?;
        Ok(self)
    }

    /// What a signature says of it.
    pub(crate) fn statement(&self) -> Result<Statement, InputError> {
        let found = match self.origin {
            Origin::Payload => {
                let manifest = &self.unsigned.contents().manifest;
                return Ok(Statement {
                    name: manifest.name.clone(),
                    version: manifest.version.clone(),
                    digest: *self.unsigned.digest(),
                });
            }
            Origin::Object => "an object",
            Origin::Legacy(_) => "legacy JSON",
        };
        let input = self.shown.clone();
        Err(InputError::NotPayload { input, found })
    }

    /// What any of its objects could do, in words.
    pub(crate) fn privileges(&self) -> BTreeSet<&'static str> {
        let objects = self.unsigned.contents().objects.iter();
        let inspected = objects.filter_map(|object| self.unsigned.inspected_for(object.arch));
        let privileges = inspected.flat_map(Object::privileges);
        privileges.map(Privilege::words).collect()
    }

    /// The architecture whose object is meant: `wanted`, else this machine's.
    pub(crate) fn arch(&self, wanted: Option<Arch>) -> Result<Arch, InputError> {
        let arch = wanted.or_else(Arch::here).unwrap_or(Arch::Any);
        if self.unsigned.object(arch).is_some() {
            return Ok(arch);
        }
        let objects = &self.unsigned.contents().objects;
        let has: Vec<&str> = objects.iter().map(|object| object.arch.as_str()).collect();
        let (input, arch, has) = (self.shown.clone(), arch.to_string(), has.join(", "));
        Err(InputError::NoObject { input, arch, has })
    }
}
