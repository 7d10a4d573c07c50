//! Why bytes are not a payload file, or contents cannot become one. Raised by `file` and shown by
//! every program. Must never carry more of the input than names a person needs.

use super::handler::HandlerError;
use super::section::WasmError;
use crate::digest::Digest;
use crate::manifest::{Arch, Disagreement, HandlerDisagreement, ManifestError};
use crate::name::Excerpt;
use crate::object::{EventError, ObjectError};

/// Why bytes are not a payload file. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Over a bound of `limits`.
    #[error("{what}: {found}, at most {max} are allowed")]
    TooLarge {
        /// What is too large; a length in bytes unless it says otherwise.
        what: &'static str,
        /// How large it is.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// Not a WebAssembly binary, or one that ends early.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// Another section, or none, where the manifest must be.
    #[error("first section is {found}, it must be the custom section marrow:manifest")]
    NotFirst {
        /// The name or id of the first section.
        found: String,
    },
    /// One of this format's sections a second time.
    #[error("section {name:?} at byte {at} is there a second time")]
    SectionTwice {
        /// Its name.
        name: String,
        /// Where the second one begins.
        at: usize,
    },
    /// One of this format's sections where it may not be.
    #[error("section {name:?} at byte {at} is out of order: objects follow the manifest, by name")]
    SectionOrder {
        /// Its name.
        name: String,
        /// Where it begins.
        at: usize,
    },
    /// A section with this format's prefix that the format does not have.
    #[error("section {name:?} at byte {at} is none that this format knows")]
    UnknownSection {
        /// Its name.
        name: String,
        /// Where it begins.
        at: usize,
    },
    /// The manifest breaks a rule of its own.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest lists other objects than the file has.
    #[error("manifest lists objects for {listed:?}, the file has {found:?}")]
    ObjectList {
        /// By the manifest.
        listed: Vec<Arch>,
        /// In the file.
        found: Vec<Arch>,
    },
    /// An object of another length than the manifest says.
    #[error("object for {arch}: the manifest says {listed} bytes, the file has {found}")]
    ObjectSize {
        /// Which object.
        arch: Arch,
        /// By the manifest.
        listed: u64,
        /// In the file.
        found: u64,
    },
    /// An object with another digest than the manifest says.
    #[error("object for {arch}: the manifest says {listed}, the file has {found}")]
    ObjectDigest {
        /// Which object.
        arch: Arch,
        /// By the manifest.
        listed: Digest,
        /// In the file.
        found: Digest,
    },
    /// The inspection refuses an object.
    #[error("object for {arch}: {error}")]
    Object {
        /// Which object.
        arch: Arch,
        /// What the inspection says.
        error: Box<ObjectError>,
    },
    /// The manifest says about an object what its bytes do not.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// The manifest gives a map a struct that the object does not have.
    #[error("object for {arch}: {error}")]
    Events {
        /// Which object.
        arch: Arch,
        /// What is missing.
        error: EventError,
    },
    /// What other Wasm tools would show is not what the manifest says.
    #[error("metadata sections at byte {at} are not those that the manifest gives")]
    Metadata {
        /// Where they should begin.
        at: usize,
    },
    /// Code in the file, and no word of it in the manifest.
    #[error("manifest lists no handler, the file has {bytes} bytes behind its metadata")]
    HandlerNotListed {
        /// How many bytes; 0 for a module that is empty.
        bytes: usize,
    },
    /// No code in the file, against the manifest.
    #[error("manifest lists a handler, the file has none")]
    HandlerMissing,
    /// The manifest says about the handler what its bytes do not.
    #[error(transparent)]
    HandlerDisagreement(#[from] HandlerDisagreement),
    /// The handler breaks a rule of its own.
    #[error(transparent)]
    Handler(#[from] HandlerError),
}

impl DecodeError {
    /// The first section has `name`, or no name and `id`.
    pub(super) fn not_first(name: Option<&str>, id: u8) -> Self {
        let found = match name {
            Some(name) => format!("{:?}", Excerpt::of(name)),
            None if id == super::CUSTOM => "missing".to_owned(),
            None => format!("number {id}"),
        };
        Self::NotFirst { found }
    }
}

/// Why contents cannot become a payload file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The manifest breaks a rule of its own.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A reader would refuse the file.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// A reader would see other contents, so they are not in the one form that is written.
    #[error("contents read back from the file are not those that were written")]
    Altered,
}
