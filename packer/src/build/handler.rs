//! The handler of a folder: compiled from C or Rust, or taken ready, wrapped for its lane, inspected.
//! Called by `build`.
//! Must never say about a handler what its bytes do not, nor let a path of this machine into it.

mod c;
mod component;
mod rust;

use std::path::Path;

use payload::file::handler::{HandlerError as FormatError, bare};
use payload::handler::{Abi, AbiError, Handler, InspectError, Lane, inspect};
use payload::limits::HANDLER_BYTES_MAX;
use payload::manifest;
use payload::name::{NameError, Version};
use thiserror::Error;

use super::recipe::{self, HandlerRule};
use crate::failure::{Class, Classed};
use crate::files::{self, FileError};
use crate::tool::ToolError;

/// A handler in C.
const C: &str = "handler.c";
/// A handler that somebody else compiled.
const READY: &str = "handler.wasm";
/// What makes the folder `handler` a crate.
const RUST: &str = "handler/Cargo.toml";
/// The version of `node/wit/handler.wit`, for a handler in which no SDK has written one.
const WORLD_VERSION: &str = "1.0.0";

/// Why a folder's handler makes no part of a payload.
#[derive(Debug, Error)]
pub(crate) enum HandlerError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tool is missing or says no.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// More than one way to the handler.
    #[error("there are {one} and {other}: a payload has one handler")]
    Several {
        one: &'static str,
        other: &'static str,
    },
    /// Rules for a handler that is not there.
    #[error(
        "{} has [handler], and there is neither {C} nor {READY} nor {RUST}",
        recipe::FILE_NAME
    )]
    NoSource,
    /// The crate gives no module, or several.
    #[error("{RUST} gives {count} modules, a handler is one: a library with crate-type `cdylib`")]
    Modules { count: usize },
    /// A component where a core module is asked for.
    #[error(
        "{READY} is a component, and {} says handler.lane = \"core\"",
        recipe::FILE_NAME
    )]
    NotCore,
    /// The core module does not have the functions of the world, or asks for others.
    #[error("{origin} makes no component of marrow:handler: {reason}")]
    Component {
        origin: &'static str,
        reason: String,
    },
    /// The payload's format refuses it.
    #[error("{origin}: {source}")]
    Format {
        origin: &'static str,
        source: FormatError,
    },
    /// The inspection refuses it.
    #[error("{origin}: {source}")]
    Inspect {
        origin: &'static str,
        source: InspectError,
    },
    /// The author and the SDK both say something.
    #[error(
        "{}: handler.{key} is said by {origin} itself, in its section handler-abi: leave it out",
        recipe::FILE_NAME
    )]
    SaidTwice {
        key: &'static str,
        origin: &'static str,
    },
    /// The version of the contract is none; never seen.
    #[error(transparent)]
    World(#[from] NameError),
}

impl Classed for HandlerError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Tool(error) => error.class(),
            Self::Several { .. }
            | Self::NoSource
            | Self::Modules { .. }
            | Self::NotCore
            | Self::Component { .. }
            | Self::Format { .. }
            | Self::Inspect { .. }
            | Self::SaidTwice { .. }
            | Self::World(_) => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::Tool(error) => error.next_step(),
            Self::Inspect {
                source: InspectError::Abi(AbiError::NoWorld),
                ..
            } => Some("HANDLER(schema) of handler.h writes it".to_owned()),
            _ => None,
        }
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Tool(error) => error.log(),
            _ => None,
        }
    }
}

/// A handler as it goes into the payload.
pub(super) struct Made {
    pub(super) wasm: Vec<u8>,
    /// What the manifest says about it.
    pub(super) listed: manifest::Handler,
}

/// The places that handlers are made in.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// The payload's folder.
    pub(super) folder: &'a Path,
    /// A folder for what comes between.
    pub(super) scratch: &'a Path,
}

/// The handler of a folder, where it has one.
pub(super) fn of_folder(
    places: Places<'_>,
    rule: Option<&HandlerRule>,
) -> Result<Option<Made>, HandlerError> {
    let there = |name: &&&'static str| places.folder.join(name).is_file();
    let mut found = [C, READY, RUST].iter().filter(|name| there(name)).copied();
    let origin = match (found.next(), found.next()) {
        (Some(one), Some(other)) => return Err(HandlerError::Several { one, other }),
        (Some(origin), None) => origin,
        (None, _) if rule.is_some() => return Err(HandlerError::NoSource),
        (None, _) => return Ok(None),
    };
    let wasm = match origin {
        C => c::module(places)?,
        RUST => rust::module(places)?,
        _ => files::read(&places.folder.join(READY), HANDLER_BYTES_MAX)?,
    };
    made(origin, &wasm, rule.unwrap_or(&HandlerRule::default())).map(Some)
}

/// Brings a module or component into the form of payloads, in the lane that is asked for.
fn made(origin: &'static str, wasm: &[u8], rule: &HandlerRule) -> Result<Made, HandlerError> {
    let format = |source| HandlerError::Format { origin, source };
    let inspected =
        |wasm: &[u8]| inspect(wasm).map_err(|source| HandlerError::Inspect { origin, source });
    let mut wasm = bare(wasm).map_err(format)?;
    let mut handler = inspected(&wasm)?;
    match (handler.lane, rule.lane) {
        (Lane::Component, Some(Lane::Core)) => return Err(HandlerError::NotCore),
        (Lane::Core, Some(Lane::Component)) => {
            let component = component::of_core(&wasm, handler.abi.as_ref());
            let component =
                component.map_err(|reason| HandlerError::Component { origin, reason })?;
            wasm = bare(&component).map_err(format)?;
            handler = inspected(&wasm)?;
        }
        _ => {}
    }
    let listed = listed(origin, &handler, rule)?;
    Ok(Made { wasm, listed })
}

/// What the manifest says: facts of the bytes, then wishes.
fn listed(
    origin: &'static str,
    handler: &Handler,
    rule: &HandlerRule,
) -> Result<manifest::Handler, HandlerError> {
    if handler.abi.is_some() {
        let said = [
            ("schema", rule.schema.is_some()),
            ("accepts", rule.accepts.is_some()),
        ];
        if let Some((key, _)) = said.into_iter().find(|(_, said)| *said) {
            return Err(HandlerError::SaidTwice { key, origin });
        }
    }
    let version: Version = match &handler.abi {
        Some(Abi { world, .. }) => world.clone(),
        None => WORLD_VERSION.parse()?,
    };
    let mut listed = manifest::Handler::of_world(&version);
    listed.take_facts(handler);
    rule.wish(&mut listed);
    Ok(listed)
}
