//! The rules for a handler inside a payload, and the way to bring one into that form.
//! `packer` calls [`bare`]; reading and writing a payload check the result.
//! Must never run or compile anything: a handler is validated, no more.

use wasm_encoder::{CustomSection, Encode as _};
use wasmparser::BinaryReader;

use super::section::{self, Layer, Section, Sections, WasmError};
use super::{CUSTOM, PREFIX, metadata};
use crate::handler::{self, Handler, InspectError};

/// The subsection of a `name` section that names the module itself
/// (WebAssembly core specification, 7.4.1).
const MODULE_NAME: u8 = 0;

/// Why a handler may not be part of a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// Not a WebAssembly binary.
    #[error("handler: {0}")]
    Wasm(#[from] WasmError),
    /// It carries metadata that a tool would show in place of the manifest's.
    #[error("handler has a section {name:?} at byte {at}; `handler::bare` takes it out")]
    Metadata {
        /// Name of the section.
        name: String,
        /// Where it begins in the handler.
        at: usize,
    },
    /// It carries a section that only the payload itself may have.
    #[error("handler has a section {name:?} at byte {at}, a name reserved for payloads")]
    Reserved {
        /// Name of the section.
        name: String,
        /// Where it begins in the handler.
        at: usize,
    },
    /// The inspection refuses it.
    #[error(transparent)]
    Inspect(#[from] InspectError),
}

/// The handler `wasm` without the metadata that a payload carries itself.
///
/// # Errors
/// [`HandlerError::Wasm`] when `wasm` is no sequence of sections.
pub fn bare(wasm: &[u8]) -> Result<Vec<u8>, HandlerError> {
    let layer = section::layer(wasm)?;
    let mut handler = layer.header().to_vec();
    for section in Sections::of(wasm) {
        let section = section?;
        match section.name {
            Some(name) if metadata::NAMES.contains(&name) => {}
            Some("name") if layer == Layer::Module => {
                let names = without_module_name(&section)?;
                if !names.is_empty() {
                    handler.push(CUSTOM);
                    let data = names.into();
                    CustomSection {
                        name: "name".into(),
                        data,
                    }
                    .encode(&mut handler);
                }
            }
            _ => handler.extend(&wasm[section.start..section.end]),
        }
    }
    Ok(handler)
}

/// Checks a handler as it stands in a payload, and inspects it.
pub(super) fn check(wasm: &[u8]) -> Result<Handler, HandlerError> {
    let layer = section::layer(wasm)?;
    for section in Sections::of(wasm) {
        let section = section?;
        let Some(name) = section.name else { continue };
        let at = section.start;
        if name.starts_with(PREFIX) {
            return Err(HandlerError::Reserved {
                name: name.to_owned(),
                at,
            });
        }
        let names_module = name == "name"
            && layer == Layer::Module
            && without_module_name(&section)?.len() != section.data.len();
        if metadata::NAMES.contains(&name) || names_module {
            return Err(HandlerError::Metadata {
                name: name.to_owned(),
                at,
            });
        }
    }
    Ok(handler::inspect(wasm)?)
}

/// A `name` section's content without the name of the module.
fn without_module_name(section: &Section<'_>) -> Result<Vec<u8>, WasmError> {
    let wrong = |error: wasmparser::BinaryReaderError| WasmError::Section {
        at: section.start,
        reason: error.message().to_owned(),
    };
    let mut kept = Vec::new();
    let mut reader = BinaryReader::new(section.data, section.start);
    while !reader.eof() {
        let begin = reader.current_position();
        let id = reader.read_u8().map_err(wrong)?;
        reader.read_reader().map_err(wrong)?;
        if id != MODULE_NAME {
            kept.extend(&section.data[begin..reader.current_position()]);
        }
    }
    Ok(kept)
}
