//! `packer legacy`: a payload or an object as the predecessor's JSON, generation 0.
//! Called by `main`; `push` sends what is made here.
//! Must never drop a part of a payload silently: that form carries an object and nothing else.

use payload::legacy::{Skeleton, write_generation_0};
use payload::manifest::Arch;
use payload::name::InstanceName;
use thiserror::Error;

use crate::cli::LegacyArguments;
use crate::failure::{Class, Classed, Failure};
use crate::input::{Input, InputError};
use crate::output;

/// Why there is no JSON.
#[derive(Debug, Error)]
pub(crate) enum ExportError {
    /// The input cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The payload's events need its handler.
    #[error("{input} has a handler, which the predecessor's JSON cannot carry")]
    Handler { input: String },
}

impl Classed for ExportError {
    fn class(&self) -> Class {
        match self {
            Self::Input(error) => error.class(),
            Self::Handler { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.next_step(),
            Self::Handler { .. } => Some("give the payload itself to the node".to_owned()),
        }
    }
}

/// Prints the JSON without a newline at its end, as the predecessor's client did.
pub(crate) fn run(arguments: &LegacyArguments) -> Result<(), Failure> {
    let input = Input::read(&arguments.input)?.settled()?;
    let instance = instance(&input, arguments.instance.as_ref());
    let document = document(&input, &instance, arguments.arch)?;
    output::result(document.as_bytes()).map_err(output::unprinted)?;
    Ok(())
}

/// The instance that is meant: the one asked for, else the one the file asks for, else its name.
pub(crate) fn instance(input: &Input, wanted: Option<&InstanceName>) -> String {
    match (wanted, &input.instance) {
        (Some(wanted), _) => wanted.as_str().to_owned(),
        (None, Some(suggested)) => suggested.clone(),
        (None, None) => input.unsigned.contents().manifest.name.name().to_owned(),
    }
}

/// Generation 0 of the input's object for an architecture.
pub(crate) fn document(
    input: &Input,
    instance: &str,
    arch: Option<Arch>,
) -> Result<String, ExportError> {
    if input.unsigned.contents().handler.is_some() {
        return Err(ExportError::Handler {
            input: input.shown.clone(),
        });
    }
    let arch = input.arch(arch)?;
    let object = input.unsigned.object(arch).unwrap_or_default();
    let skeleton = input
        .unsigned
        .inspected_for(arch)
        .map(Skeleton::from)
        .unwrap_or_default();
    Ok(write_generation_0(instance, object, &skeleton))
}
