//! The top-level sections of a WebAssembly binary, in order, without looking into them.
//! Called by `file`, `file::handler` and `handler`. Must never follow nested modules: sections in there are
//! not the payload's.

use wasmparser::BinaryReader;

use super::CUSTOM;
use crate::limits::{SECTION_NAME_BYTES_MAX, SECTIONS_MAX};
use crate::name::Excerpt;

/// Which of the two binary formats a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl Layer {
    /// The first eight bytes of such a file.
    pub(crate) const fn header(self) -> [u8; 8] {
        match self {
            Self::Module => wasm_encoder::Module::HEADER,
            Self::Component => wasm_encoder::Component::HEADER,
        }
    }
}

/// Why bytes are not a WebAssembly binary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WasmError {
    /// Other first bytes.
    #[error("not a WebAssembly module or component: begins with {found:02x?}")]
    Header {
        /// At most eight of them.
        found: Vec<u8>,
    },
    /// A section that does not fit into the file.
    #[error("WebAssembly section at byte {at}: {reason}")]
    Section {
        /// Where it begins.
        at: usize,
        /// What is wrong.
        reason: String,
    },
    /// More sections than any tool writes.
    #[error("more than {max} WebAssembly sections")]
    TooManySections {
        /// The bound.
        max: usize,
    },
    /// A custom section's name over the bound.
    #[error(
        "name {name:?} of the section at byte {at} has {bytes} bytes, at most {max} are allowed"
    )]
    SectionName {
        /// Its beginning.
        name: Excerpt,
        /// Where the section begins.
        at: usize,
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
}

/// The layer of a file, from its header.
pub(crate) fn layer(file: &[u8]) -> Result<Layer, WasmError> {
    [Layer::Component, Layer::Module]
        .into_iter()
        .find(|layer| file.starts_with(&layer.header()))
        .ok_or_else(|| WasmError::Header {
            found: file.iter().take(8).copied().collect(),
        })
}

/// One section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'a> {
    /// Its number.
    pub(crate) id: u8,
    /// Its name, when it is a custom one.
    pub(crate) name: Option<&'a str>,
    /// What it holds, behind the name.
    pub(crate) data: &'a [u8],
    /// Where it begins in the file.
    pub(crate) start: usize,
    /// Where the next one begins.
    pub(crate) end: usize,
}

/// The sections of a file whose header was checked. Ends after the first error.
pub(crate) struct Sections<'a> {
    file: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> Sections<'a> {
    /// Begins behind the header.
    pub(crate) fn of(file: &'a [u8]) -> Self {
        Self {
            file,
            at: Layer::Module.header().len().min(file.len()),
            count: 0,
        }
    }

    fn read(&self) -> Result<Section<'a>, WasmError> {
        let start = self.at;
        if self.count == SECTIONS_MAX {
            return Err(WasmError::TooManySections { max: SECTIONS_MAX });
        }
        let wrong = |error: wasmparser::BinaryReaderError| WasmError::Section {
            at: start,
            reason: error.message().to_owned(),
        };
        let mut reader = BinaryReader::new(&self.file[start..], start);
        let id = reader.read_u8().map_err(wrong)?;
        let mut inside = reader.read_reader().map_err(wrong)?;
        let end = start + reader.current_position();
        let mut name = None;
        if id == CUSTOM {
            let text = inside.read_string().map_err(wrong)?;
            if text.len() > SECTION_NAME_BYTES_MAX {
                let (bytes, max) = (text.len(), SECTION_NAME_BYTES_MAX);
                return Err(WasmError::SectionName {
                    name: Excerpt::of(text),
                    at: start,
                    bytes,
                    max,
                });
            }
            name = Some(text);
        }
        let length = inside.bytes_remaining();
        let data = inside.read_bytes(length).map_err(wrong)?;
        Ok(Section {
            id,
            name,
            data,
            start,
            end,
        })
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, WasmError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.file.len() {
            return None;
        }
        let section = self.read();
        self.at = section
            .as_ref()
            .map_or(self.file.len(), |section| section.end);
        self.count += 1;
        Some(section)
    }
}
