//! `packer import`: the predecessor's JSON becomes a payload. Called by `main`.
//! Must never import something else without saying so: a payload needs no import.

use payload::file::{self, Contents};
use payload::legacy::{self, Description, LegacyError};
use payload::manifest::Manifest;
use payload::unsigned::Origin;
use thiserror::Error;

use crate::build;
use crate::cli::ImportArguments;
use crate::failure::{Class, Classed, Failure};
use crate::input::Input;
use crate::output;

/// Why nothing was imported.
#[derive(Debug, Error)]
pub(crate) enum ImportError {
    /// The input is not legacy JSON.
    #[error("{input} is {kind}, not the predecessor's JSON")]
    NotLegacy {
        input: String,
        kind: &'static str,
        next_step: &'static str,
    },
    /// The JSON breaks a rule.
    #[error(transparent)]
    Legacy(#[from] LegacyError),
    /// What was put together would not be read back.
    #[error(transparent)]
    Encode(#[from] file::EncodeError),
}

impl Classed for ImportError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::NotLegacy { next_step, .. } => Some((*next_step).to_owned()),
            Self::Legacy(_) | Self::Encode(_) => None,
        }
    }
}

/// Reads, writes, and prints one line about what was written.
pub(crate) fn run(arguments: &ImportArguments) -> Result<(), Failure> {
    let input = Input::read(&arguments.input)?.settled()?;
    let contents = imported(input, arguments)?;
    let file = file::encode(&contents).map_err(ImportError::Encode)?;
    build::write(&arguments.output, &file, &contents)?;
    Ok(())
}

fn imported(input: Input, arguments: &ImportArguments) -> Result<Contents, ImportError> {
    let not_legacy = |kind, next_step| {
        Err(ImportError::NotLegacy {
            input: input.shown.clone(),
            kind,
            next_step,
        })
    };
    match input.origin {
        Origin::Legacy(_) => {}
        Origin::Payload => return not_legacy("a payload", "use it as it is"),
        Origin::Object => {
            return not_legacy(
                "an object",
                "`packer build FILE.bpf.o` makes a payload of it",
            );
        }
    }
    let description = legacy::read(&input.bytes)?.description;
    let mut contents = input.unsigned.into_contents();
    contents.manifest = described(contents.manifest, description);
    if let Some(name) = &arguments.name {
        contents.manifest.name = name.clone();
    }
    if let Some(version) = &arguments.payload_version {
        contents.manifest.version = version.clone();
    }
    Ok(contents)
}

/// What generation 1 says about itself, as far as a manifest can say it: there it was any text.
fn described(manifest: Manifest, description: Description) -> Manifest {
    let described = Manifest {
        version: description
            .version
            .and_then(|version| version.parse().ok())
            .unwrap_or_else(|| manifest.version.clone()),
        description: description.description.filter(|text| !text.is_empty()),
        license: description.license.filter(|text| !text.is_empty()),
        source: description.url.filter(|text| !text.is_empty()),
        ..manifest.clone()
    };
    match described.to_json() {
        Ok(_) => described,
        Err(reason) => {
            output::note(&format!(
                "what the JSON says about itself is left out: {reason}"
            ));
            manifest
        }
    }
}
