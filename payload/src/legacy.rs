//! The predecessor's JSON: all three generations in, bare or in the wrapper of 2022; generation 0 out.
//! Called by `unsigned` (which makes an in-memory payload of it) and by `packer`.
//! Must never trust a size, a name or a length that the document declares: each is checked against
//! the bytes before anything is built from it.

mod base64;
mod error;
mod fields;
mod generation;
mod inflate;
mod json;
mod names;
mod path;
mod write;

pub use error::{LegacyError, Rule};
pub use names::Skeleton;
pub use write::{wrap, write_generation_0};

/// A program in the predecessor's form, its sizes checked, its object not yet inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legacy {
    /// Which of the three forms it had.
    pub generation: Generation,
    /// The object's name; empty from the final clients of 2022, which had a bug.
    pub name: String,
    /// The ELF, decoded and inflated; at most [`crate::limits::OBJECT_BYTES_MAX`] bytes.
    pub object: Vec<u8>,
    /// Names of the programs, in the order of the document.
    pub programs: Vec<String>,
    /// Names of the maps, in the order of the document.
    pub maps: Vec<String>,
    /// The wrapper that `POST /start` of 2022 put around it.
    pub wrapped: Option<Wrapped>,
    /// What generation 1 could say about itself.
    pub description: Description,
    /// Values that generation 2 gives to variables of the object.
    pub presets: Vec<Preset>,
    /// Where its lists of names stand.
    places: Places,
}

/// The paths of a document's lists of names, for errors about their elements.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places {
    maps: String,
    programs: String,
}

/// The form of a legacy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// August 2022: names are strings.
    Zero,
    /// v0.0.1 to v0.2: maps and programs are objects.
    One,
    /// v0.3 and later: `package.json` of `ecc`, the object deflated.
    Two,
}

/// The wrapper of 2022: `{"args":["<JSON>"],"export_handlers":[…],"name":"hotupdate"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The name that the sender asked for; empty where it named none.
    pub name: String,
    /// Where the sender wanted events to go.
    pub exporters: Vec<Exporter>,
}

/// An export handler of the 2022 server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
    /// `json_format`
    JsonFormat,
    /// `plain_text`
    PlainText,
    /// `csv`
    Csv,
    /// `prometheus`
    Prometheus,
    /// `container_info`
    ContainerInfo,
    /// `none`
    None,
}

/// What a generation-1 document says about its author's work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// As its author wrote it; any text.
    pub version: Option<String>,
    /// As its author wrote it; any text.
    pub license: Option<String>,
    /// Who wrote the program.
    pub author: Option<String>,
    /// Where it comes from.
    pub url: Option<String>,
    /// What it does.
    pub description: Option<String>,
}

/// A variable of the object to which the document gives a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// `.rodata`, `.data` or `.bss`.
    pub section: String,
    /// Name of the variable.
    pub variable: String,
    /// The value as text: a number, `true` or `false`, or the string itself.
    pub value: String,
    /// Where it stands in the document.
    pub path: String,
}

impl Exporter {
    /// Every export handler there was.
    pub const ALL: [Self; 6] = [
        Self::JsonFormat,
        Self::PlainText,
        Self::Csv,
        Self::Prometheus,
        Self::ContainerInfo,
        Self::None,
    ];

    /// Its name in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonFormat => "json_format",
            Self::PlainText => "plain_text",
            Self::Csv => "csv",
            Self::Prometheus => "prometheus",
            Self::ContainerInfo => "container_info",
            Self::None => "none",
        }
    }
}

impl Legacy {
    /// The instance that the document asks for: the wrapper's name, else the program's own.
    #[must_use]
    pub fn suggested_instance(&self) -> Option<&str> {
        let wrapper = self.wrapped.as_ref().map(|wrapped| wrapped.name.as_str());
        [wrapper, Some(self.name.as_str())]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
    }
}

/// Reads a legacy document of any generation, bare or wrapped.
///
/// # Errors
/// The first rule that the document breaks, with the path of the field.
pub fn read(json: &[u8]) -> Result<Legacy, LegacyError> {
    generation::document(json)
}
