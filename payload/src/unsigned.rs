//! Payloads that nobody vouches for: a payload file without envelope, a bare object, legacy JSON.
//! Called by `node` behind the door its configuration opens, and by `packer` on its author's files.
//! Must never become, or be taken for, a [`crate::signature::Verified`].

use std::str;

use crate::digest::Digest;
use crate::file::{self, ArchObject, Checked, Contents, DecodeError};
use crate::legacy::{self, Generation, Legacy, LegacyError, Preset, Skeleton};
use crate::limits::{NAME_PART_BYTES_MAX, OBJECT_BYTES_MAX};
use crate::manifest::{Arch, ComputeError, Described, Inspected, Manifest};
use crate::name::{NameError, PayloadName, Version};
use crate::object::{self, Object, ObjectError};

/// Namespace of payloads that have no name of their own.
const LOCAL: &str = "local";
/// Name of a payload whose input names none that could be kept.
const DEFAULT: &str = "default";
/// Version of a payload whose input has none.
const NO_VERSION: &str = "0.0.0";

/// Bytes of a foreign input that an error shows: enough to know a file again.
const BEGINNING_BYTES_MAX: usize = 16;

/// What bytes seem to be, from their beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A WebAssembly binary.
    Payload,
    /// An ELF file.
    Object,
    /// A JSON object.
    LegacyJson,
}

/// Where an unsigned payload came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A payload file: name and version are its own.
    Payload,
    /// A bare object: it has no version, and its name was given with it.
    Object,
    /// Legacy JSON of this generation: it has no version.
    Legacy(Generation),
}

/// Why bytes are not an unsigned payload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnsignedError {
    /// Neither of the three kinds.
    #[error("neither a payload (WebAssembly), an object (ELF) nor legacy JSON: {}", beginning(.found))]
    Unrecognised {
        /// The first bytes, at most sixteen; none of what is empty.
        found: Vec<u8>,
    },
    /// A payload file that breaks a rule.
    #[error(transparent)]
    File(#[from] DecodeError),
    /// An object that the inspection refuses.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Legacy JSON that breaks a rule.
    #[error(transparent)]
    Legacy(#[from] LegacyError),
    /// An object that no manifest can describe.
    #[error(transparent)]
    Manifest(#[from] ComputeError),
    /// A name that the format itself gives is not one; never seen.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// A payload that nobody vouches for, checked whole like a signed one.
#[derive(Debug)]
pub struct Unsigned {
    checked: Checked,
    digest: Digest,
    origin: Origin,
    suggested_instance: Option<String>,
    presets: Vec<Preset>,
}

/// What `bytes` seem to be; nothing where they are neither.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\0asm") {
        return Some(Kind::Payload);
    }
    if bytes.starts_with(b"\x7fELF") {
        return Some(Kind::Object);
    }
    // White space of JSON (RFC 8259, section 2).
    let first = bytes.iter().find(|byte| !b" \t\r\n".contains(byte));
    (first == Some(&b'{')).then_some(Kind::LegacyJson)
}

impl Unsigned {
    /// Reads what [`sniff`] takes `bytes` for. A bare object gets the name `fallback`.
    ///
    /// # Errors
    /// [`UnsignedError`]: the rule that is broken.
    pub fn from_any(bytes: &[u8], fallback: &PayloadName) -> Result<Self, UnsignedError> {
        match sniff(bytes) {
            Some(Kind::Payload) => Self::from_payload(bytes),
            Some(Kind::Object) => Self::from_object(fallback, bytes),
            Some(Kind::LegacyJson) => Self::from_legacy(bytes),
            None => {
                let found = bytes.iter().take(BEGINNING_BYTES_MAX).copied().collect();
                Err(UnsignedError::Unrecognised { found })
            }
        }
    }

    /// Reads a payload file.
    ///
    /// # Errors
    /// [`UnsignedError::File`].
    pub fn from_payload(bytes: &[u8]) -> Result<Self, UnsignedError> {
        Ok(Self {
            checked: file::decode(bytes)?,
            digest: Digest::of(bytes),
            origin: Origin::Payload,
            suggested_instance: None,
            presets: Vec::new(),
        })
    }

    /// Takes a bare object. Its digest is that of the object; its events are those that the
    /// inspection finds.
    ///
    /// # Errors
    /// [`UnsignedError::Object`], or [`UnsignedError::Manifest`] for one that no manifest can
    /// describe: a name with control characters, say.
    pub fn from_object(name: &PayloadName, bytes: &[u8]) -> Result<Self, UnsignedError> {
        Self::bare(name.clone(), bytes.to_vec(), Origin::Object)
    }

    /// Reads legacy JSON of any generation, bare or wrapped. Every program and map that it names
    /// must be in the object. Its digest is that of the object.
    ///
    /// # Errors
    /// [`UnsignedError::Legacy`] with the path of the field, else as [`Self::from_object`].
    pub fn from_legacy(json: &[u8]) -> Result<Self, UnsignedError> {
        let mut legacy = legacy::read(json)?;
        let suggested_instance = legacy.suggested_instance().map(str::to_owned);
        let name = legacy_name(&legacy)?;
        let origin = Origin::Legacy(legacy.generation);
        let bytes = std::mem::take(&mut legacy.object);
        let unsigned = Self::bare(name, bytes, origin)?;
        legacy.check_names(&Skeleton::from(unsigned.inspected()))?;
        Ok(Self {
            suggested_instance,
            presets: legacy.presets,
            ..unsigned
        })
    }

    /// An object without a manifest of its own. One that reads registers is taken to be for this
    /// machine, because nothing in a BPF object says what it is for.
    fn bare(name: PayloadName, bytes: Vec<u8>, origin: Origin) -> Result<Self, UnsignedError> {
        if bytes.len() > OBJECT_BYTES_MAX {
            let (bytes, max) = (bytes.len(), OBJECT_BYTES_MAX);
            return Err(ObjectError::TooLarge { bytes, max }.into());
        }
        let object = object::inspect(&bytes)?;
        let here = if object.reads_registers() {
            Arch::here()
        } else {
            None
        };
        let arch = here.unwrap_or(Arch::Any);
        let version: Version = NO_VERSION.parse()?;
        let inspected = Inspected {
            arch,
            bytes: &bytes,
            object: &object,
        };
        let manifest = Manifest::computed(name, version, Described::default(), &[inspected])?;
        let listed = manifest.objects.first().map(|object| object.digest);
        let digest = listed.unwrap_or_else(|| Digest::of(&bytes));
        let objects = vec![ArchObject { arch, bytes }];
        let contents = Contents {
            manifest,
            objects,
            handler: None,
        };
        let checked = Checked::new(contents, vec![(arch, object)]).map_err(ComputeError::from)?;
        Ok(Self {
            checked,
            digest,
            origin,
            suggested_instance: None,
            presets: Vec::new(),
        })
    }

    /// What it holds.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        self.checked.contents()
    }

    /// Takes the contents out, to be published under a name and version of their own.
    #[must_use]
    pub fn into_contents(self) -> Contents {
        self.checked.into_contents()
    }

    /// Digest of the payload file, or of the object where there is no such file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The object for `arch`.
    #[must_use]
    pub fn object(&self, arch: Arch) -> Option<&[u8]> {
        self.checked.contents().object_for(arch)
    }

    /// What the object for this machine contains, or the first object where none is: inspected
    /// once, when it was decoded. All objects of a payload agree in programs, maps, globals, events.
    #[must_use]
    pub fn inspected(&self) -> &Object {
        self.checked.inspected()
    }

    /// What the object for `arch` contains.
    #[must_use]
    pub fn inspected_for(&self, arch: Arch) -> Option<&Object> {
        self.checked.inspected_for(arch)
    }

    /// Where it came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The instance that legacy JSON asks for: the wrapper's name, else the program's own. Any
    /// text; it becomes an [`crate::name::InstanceName`] only if it is one.
    #[must_use]
    pub fn suggested_instance(&self) -> Option<&str> {
        self.suggested_instance.as_deref()
    }

    /// Values that legacy JSON of generation 2 gives to variables of the object.
    #[must_use]
    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }
}

/// How a foreign input begins, for people: text in quotes, anything else as hexadecimal bytes.
fn beginning(found: &[u8]) -> String {
    if found.is_empty() {
        return "is empty".to_owned();
    }
    let text = match str::from_utf8(found) {
        Ok(text) => Some(text),
        // A letter that the bound cuts in two is left out.
        Err(error) if error.error_len().is_none() => found
            .get(..error.valid_up_to())
            .and_then(|whole| str::from_utf8(whole).ok()),
        Err(_) => None,
    };
    let printable = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\r' | '\n');
    if let Some(text) = text.filter(|text| !text.is_empty() && text.chars().all(printable)) {
        return format!("begins with {text:?}");
    }
    let bytes: Vec<String> = found.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("begins with the bytes {}", bytes.join(" "))
}

/// `local/` and the document's own name, else the wrapper's, in the letters that a payload's name may have.
fn legacy_name(legacy: &Legacy) -> Result<PayloadName, NameError> {
    let mut part = String::new();
    let suggested = legacy.suggested_instance().unwrap_or_default();
    let own = if legacy.name.is_empty() {
        suggested
    } else {
        legacy.name.as_str()
    };
    for letter in own.chars().take(NAME_PART_BYTES_MAX) {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            part.push(letter);
        } else if part.ends_with(|last: char| last.is_ascii_alphanumeric()) {
            part.push(if matches!(letter, '_' | '.') {
                letter
            } else {
                '-'
            });
        }
    }
    let part = part.trim_end_matches(|last: char| !last.is_ascii_alphanumeric());
    let part = if part.is_empty() { DEFAULT } else { part };
    format!("{LOCAL}/{part}").parse()
}

#[cfg(test)]
#[path = "unsigned/tests.rs"]
mod tests;
