//! What the bytes of a handler say about themselves: its lane, imports and exports, and the section
//! in which its SDK wrote what it was built for. Used by every reader of a payload.
//! Must never run or compile anything, nor believe a length or a count.

mod abi;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wasmparser::component_types::ComponentAnyTypeId;
use wasmparser::component_types::ComponentEntityType as Entity;
use wasmparser::types::Types;
use wasmparser::{BinaryReaderError, Parser, Payload, Validator};

use crate::file::section::{self, Layer, Sections, WasmError};
use crate::limits::{
    EXPORTS_MAX, HANDLER_BYTES_MAX, HANDLER_CORE_BYTES_MAX, IDENTIFIER_BYTES_MAX, IMPORTS_MAX,
};
use crate::name::Excerpt;

pub use abi::{Abi, AbiError, SECTION as ABI_SECTION};

/// The module of what a component imports outside of any interface, as core modules name it.
const ROOT: &str = "$root";

/// How a handler is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A core module: rings are mapped into its memory.
    Core,
    /// A component: it gets batches.
    Component,
}

impl Lane {
    /// The lane of a handler, by its first bytes; none where they are no WebAssembly's.
    #[must_use]
    pub fn of(wasm: &[u8]) -> Option<Self> {
        section::layer(wasm).ok().map(Self::from)
    }

    /// Its name in recipes and configurations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Component => "component",
        }
    }

    /// The most bytes of a handler in this lane.
    const fn bytes_max(self) -> usize {
        match self {
            Self::Core => HANDLER_CORE_BYTES_MAX,
            Self::Component => HANDLER_BYTES_MAX,
        }
    }
}

impl From<Layer> for Lane {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Module => Self::Core,
            Layer::Component => Self::Component,
        }
    }
}

/// A handler that was inspected: valid WebAssembly, within every bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// How it is served.
    pub lane: Lane,
    /// What it imports as `module#name`, ascending, each once. Of a component: the functions and
    /// resources of the instances that it imports.
    pub imports: Vec<String>,
    /// Names of its exports, in its own order.
    pub exports: Vec<String>,
    /// What its SDK wrote; none where there is no such section.
    pub abi: Option<Abi>,
}

/// Why bytes are refused as a handler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// Not a WebAssembly binary.
    #[error("handler: {0}")]
    Wasm(#[from] WasmError),
    /// Longer than its lane allows.
    #[error(
        "handler: {bytes} bytes, at most {max} are allowed in the {} lane",
        lane.as_str()
    )]
    TooLarge {
        /// Its lane.
        lane: Lane,
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Code that no engine would take.
    #[error("handler is not valid WebAssembly at byte {at}: {reason}")]
    Invalid {
        /// Where in the handler.
        at: u64,
        /// What the validator says.
        reason: String,
    },
    /// More imports or exports than any handler has.
    #[error("handler has more than {max} {what}")]
    TooMany {
        /// `imports` or `exports`.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// An import or export with a name that no manifest can have.
    #[error("handler: name {name:?} of one of the {what} {rule}")]
    Name {
        /// `imports` or `exports`.
        what: &'static str,
        /// Its beginning.
        name: Excerpt,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// What the SDK wrote stands there twice.
    #[error("handler has a second section {ABI_SECTION} at byte {at}")]
    AbiTwice {
        /// Where the second one begins.
        at: usize,
    },
    /// What the SDK wrote breaks a rule.
    #[error("handler's section {ABI_SECTION}: {0}")]
    Abi(#[from] AbiError),
}

/// Inspects a handler.
///
/// # Errors
/// [`InspectError`]: the rule that is broken.
pub fn inspect(wasm: &[u8]) -> Result<Handler, InspectError> {
    let lane = Lane::from(section::layer(wasm)?);
    if wasm.len() > lane.bytes_max() {
        let (bytes, max) = (wasm.len(), lane.bytes_max());
        return Err(InspectError::TooLarge { lane, bytes, max });
    }
    let abi = abi_of(wasm)?;
    let types = Validator::new().validate_all(wasm).map_err(invalid)?;
    let mut found = Found::default();
    // How many modules and components around what is read; only the outermost's are the handler's.
    let mut depth = 0_usize;
    for part in Parser::new(0).parse_all(wasm) {
        match part.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            part if depth == 0 => found.take(part, &types)?,
            _ => {}
        }
    }
    Ok(Handler {
        lane,
        imports: found.imports.into_iter().collect(),
        exports: found.exports,
        abi,
    })
}

/// The one section of the SDK, where there is one.
fn abi_of(wasm: &[u8]) -> Result<Option<Abi>, InspectError> {
    let mut abi = None;
    for section in Sections::of(wasm) {
        let section = section?;
        if section.name != Some(ABI_SECTION) {
            continue;
        }
        if abi.is_some() {
            return Err(InspectError::AbiTwice { at: section.start });
        }
        abi = Some(Abi::parse(section.data)?);
    }
    Ok(abi)
}

/// Imports and exports of the outermost module or component.
#[derive(Default)]
struct Found {
    imports: BTreeSet<String>,
    exports: Vec<String>,
}

impl Found {
    fn take(&mut self, part: Payload<'_>, types: &Types) -> Result<(), InspectError> {
        match part {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    self.import(import.module, import.name)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    self.export(export.map_err(invalid)?.name)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.component_import(import.map_err(invalid)?.name.name, types)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.export(export.map_err(invalid)?.name.name)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What an instance consists of, by name; anything else that is imported but types.
    fn component_import(&mut self, name: &str, types: &Types) -> Result<(), InspectError> {
        let item = types.component_item_for_import(name).map(|item| item.ty);
        match item {
            Some(Entity::Instance(id)) => {
                for (inner, item) in &types[id].exports {
                    if is_asked_for(&item.ty) {
                        self.import(name, inner)?;
                    }
                }
                Ok(())
            }
            Some(other) if !is_asked_for(&other) => Ok(()),
            _ => self.import(ROOT, name),
        }
    }

    fn import(&mut self, module: &str, name: &str) -> Result<(), InspectError> {
        let import = format!("{module}#{name}");
        check_name("imports", &import)?;
        if import.matches('#').count() > 1 {
            let (what, name, rule) = ("imports", Excerpt::of(&import), "has a # of its own");
            return Err(InspectError::Name { what, name, rule });
        }
        self.imports.insert(import);
        within("imports", self.imports.len(), IMPORTS_MAX)
    }

    fn export(&mut self, name: &str) -> Result<(), InspectError> {
        check_name("exports", name)?;
        self.exports.push(name.to_owned());
        within("exports", self.exports.len(), EXPORTS_MAX)
    }
}

/// Whether a host has to give something for it: types are only words, resources are more.
fn is_asked_for(entity: &Entity) -> bool {
    match entity {
        Entity::Type { created, .. } => matches!(created, ComponentAnyTypeId::Resource(_)),
        _ => true,
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), InspectError> {
    let rule = if name.len() > IDENTIFIER_BYTES_MAX {
        "is too long"
    } else if name.is_empty() {
        "is empty"
    } else if name.chars().any(char::is_control) {
        "has control characters"
    } else {
        return Ok(());
    };
    let name = Excerpt::of(name);
    Err(InspectError::Name { what, name, rule })
}

fn within(what: &'static str, found: usize, max: usize) -> Result<(), InspectError> {
    if found > max {
        return Err(InspectError::TooMany { what, max });
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn invalid(error: BinaryReaderError) -> InspectError {
    InspectError::Invalid {
        at: error.offset() as u64,
        reason: error.message().to_owned(),
    }
}

#[cfg(test)]
#[path = "handler/tests.rs"]
mod tests;
