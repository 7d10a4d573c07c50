//! A payload as one WebAssembly file: written by `packer`, read once its signatures were checked
//! (`signature`) or through the door for unsigned input (`unsigned`).
//! Must never show contents that were not checked whole: every section, digest and limit.

mod error;
pub mod handler;
mod metadata;
pub(crate) mod section;

pub use error::{DecodeError, EncodeError};

use wasm_encoder::{CustomSection, Encode as _};

use crate::digest::Digest;
use crate::limits::{MANIFEST_BYTES_MAX, OBJECT_BYTES_MAX, OBJECTS_MAX, PAYLOAD_BYTES_MAX};
pub use crate::manifest::Arch;
use crate::manifest::{Manifest, ManifestError};
use crate::object::{self, Object};
use section::{Layer, Section, Sections};

/// What the names of this format's own sections begin with.
const PREFIX: &str = "marrow:";
/// The first section of every payload.
const MANIFEST: &str = "marrow:manifest";
/// What the name of an object's section begins with; the architecture follows.
const OBJECT: &str = "marrow:object/";
/// The id of a custom section (WebAssembly core specification, 5.5.2).
const CUSTOM: u8 = 0;

/// What a payload file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// What it says about itself.
    pub manifest: Manifest,
    /// One object, or one an architecture, ascending by its name.
    pub objects: Vec<ArchObject>,
    /// The handler, a WebAssembly module or component; absent for plain decoding.
    pub handler: Option<Vec<u8>>,
}

/// An object and what it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchObject {
    /// What it runs on.
    pub arch: Arch,
    /// The BPF ELF.
    pub bytes: Vec<u8>,
}

impl Contents {
    /// The object for `arch`: its own, or the one for any architecture.
    #[must_use]
    pub fn object_for(&self, arch: Arch) -> Option<&[u8]> {
        self.objects
            .iter()
            .find(|object| object.arch == arch || object.arch == Arch::Any)
            .map(|object| object.bytes.as_slice())
    }
}

/// Writes a payload file. The same contents give the same bytes.
///
/// # Errors
/// Whatever a reader would refuse, so that no unreadable file is written.
pub fn encode(contents: &Contents) -> Result<Vec<u8>, EncodeError> {
    let layer = match &contents.handler {
        Some(wasm) => section::layer(wasm).map_err(DecodeError::from)?,
        None => Layer::Component,
    };
    let json = contents.manifest.to_json()?;
    let mut file = layer.header().to_vec();
    append(&mut file, MANIFEST, &json);
    for object in &contents.objects {
        append(
            &mut file,
            &format!("{OBJECT}{}", object.arch),
            &object.bytes,
        );
    }
    file.extend(metadata::sections(&contents.manifest, layer));
    if let Some(wasm) = &contents.handler {
        file.extend(wasm.get(layer.header().len()..).unwrap_or_default());
    }
    if decode(&file)?.contents() != contents {
        return Err(EncodeError::Altered);
    }
    Ok(file)
}

fn append(file: &mut Vec<u8>, name: &str, data: &[u8]) {
    file.push(CUSTOM);
    CustomSection {
        name: name.into(),
        data: data.into(),
    }
    .encode(file);
}

/// Contents that were checked whole, with the inspection of each object.
#[derive(Debug)]
pub(crate) struct Checked {
    contents: Contents,
    /// The object for this machine where there is one, else the first.
    chosen: (Arch, Object),
    others: Vec<(Arch, Object)>,
}

impl Checked {
    /// Puts checked contents together with the inspections of their objects.
    pub(crate) fn new(
        contents: Contents,
        mut inspected: Vec<(Arch, Object)>,
    ) -> Result<Self, ManifestError> {
        let here = |arch: Arch| arch == Arch::Any || Some(arch) == Arch::here();
        let index = inspected
            .iter()
            .position(|(arch, _)| here(*arch))
            .unwrap_or(0);
        if index >= inspected.len() {
            return Err(ManifestError::NoObject);
        }
        let chosen = inspected.remove(index);
        Ok(Self {
            contents,
            chosen,
            others: inspected,
        })
    }

    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(crate) fn into_contents(self) -> Contents {
        self.contents
    }

    /// The inspection of the object for this machine where there is one, else of the first.
    pub(crate) fn inspected(&self) -> &Object {
        &self.chosen.1
    }

    /// The inspection of the object for `arch`.
    pub(crate) fn inspected_for(&self, arch: Arch) -> Option<&Object> {
        std::iter::once(&self.chosen)
            .chain(&self.others)
            .find(|(other, _)| *other == arch || *other == Arch::Any)
            .map(|(_, object)| object)
    }
}

/// Reads a payload file and checks all of it.
pub(crate) fn decode(file: &[u8]) -> Result<Checked, DecodeError> {
    let contents = read(file)?;
    let mut inspected = Vec::with_capacity(contents.objects.len());
    for object in &contents.objects {
        inspected.push((object.arch, inspect(&contents.manifest, object)?));
    }
    Ok(Checked::new(contents, inspected)?)
}

/// Inspects an object and checks the manifest's word about it. Which map carries which struct is
/// what the manifest says, whatever an inspection would guess.
fn inspect(manifest: &Manifest, object: &ArchObject) -> Result<Object, DecodeError> {
    let arch = object.arch;
    let mut inspected = object::inspect(&object.bytes).map_err(|error| DecodeError::Object {
        arch,
        error: Box::new(error),
    })?;
    manifest.agrees_with(arch, &inspected)?;
    inspected.events.clear();
    let pairs: Vec<(String, String)> = manifest
        .events
        .iter()
        .map(|event| (event.map.clone(), event.struct_name.clone()))
        .collect();
    inspected
        .set_events(&pairs)
        .map_err(|error| DecodeError::Events { arch, error })?;
    Ok(inspected)
}

/// Reads a payload file and checks all of it but what only the inspection of objects can tell.
fn read(file: &[u8]) -> Result<Contents, DecodeError> {
    within("payload", file.len(), PAYLOAD_BYTES_MAX)?;
    let layer = section::layer(file)?;
    let (parts, tail) = split(file)?;
    within("manifest", parts.manifest.len(), MANIFEST_BYTES_MAX)?;
    let manifest = Manifest::from_json(parts.manifest)?;
    check_objects(&manifest, &parts.objects)?;
    let handler = read_handler(&manifest, layer, file, tail)?;
    let objects = parts
        .objects
        .into_iter()
        .map(|(arch, bytes)| ArchObject {
            arch,
            bytes: bytes.to_vec(),
        })
        .collect();
    Ok(Contents {
        manifest,
        objects,
        handler,
    })
}

/// This format's own sections.
struct Parts<'a> {
    manifest: &'a [u8],
    objects: Vec<(Arch, &'a [u8])>,
}

/// Finds this format's sections in front of the file, and where they end. None may come later.
fn split(file: &[u8]) -> Result<(Parts<'_>, usize), DecodeError> {
    let mut sections = Sections::of(file);
    let manifest = match sections.next().transpose()? {
        Some(Section {
            name: Some(MANIFEST),
            data,
            ..
        }) => data,
        Some(Section { name, id, .. }) => return Err(DecodeError::not_first(name, id)),
        None => return Err(DecodeError::not_first(None, CUSTOM)),
    };
    let mut objects: Vec<(Arch, &[u8])> = Vec::new();
    let mut end = None;
    for section in sections {
        let section = section?;
        let Some(name) = section.name.filter(|name| name.starts_with(PREFIX)) else {
            end.get_or_insert(section.start);
            continue;
        };
        let at = section.start;
        if name == MANIFEST {
            return Err(DecodeError::SectionTwice {
                name: name.to_owned(),
                at,
            });
        }
        let arch = name
            .strip_prefix(OBJECT)
            .and_then(|arch| arch.parse::<Arch>().ok())
            .ok_or_else(|| DecodeError::UnknownSection {
                name: name.to_owned(),
                at,
            })?;
        if objects.iter().any(|(other, _)| *other == arch) {
            return Err(DecodeError::SectionTwice {
                name: name.to_owned(),
                at,
            });
        }
        let ascending = objects.last().is_none_or(|(last, _)| *last < arch);
        if end.is_some() || !ascending {
            return Err(DecodeError::SectionOrder {
                name: name.to_owned(),
                at,
            });
        }
        within("number of objects", objects.len() + 1, OBJECTS_MAX)?;
        within("object", section.data.len(), OBJECT_BYTES_MAX)?;
        objects.push((arch, section.data));
    }
    Ok((Parts { manifest, objects }, end.unwrap_or(file.len())))
}

/// Checks that the manifest lists exactly the objects of the file.
fn check_objects(manifest: &Manifest, objects: &[(Arch, &[u8])]) -> Result<(), DecodeError> {
    let listed: Vec<Arch> = manifest.objects.iter().map(|object| object.arch).collect();
    let found: Vec<Arch> = objects.iter().map(|(arch, _)| *arch).collect();
    if listed != found {
        return Err(DecodeError::ObjectList { listed, found });
    }
    for (entry, (arch, bytes)) in manifest.objects.iter().zip(objects) {
        let (listed, found) = (entry.size_bytes, bytes.len() as u64);
        if listed != found {
            return Err(DecodeError::ObjectSize {
                arch: *arch,
                listed,
                found,
            });
        }
        let (listed, found) = (entry.digest, Digest::of(bytes));
        if listed != found {
            return Err(DecodeError::ObjectDigest {
                arch: *arch,
                listed,
                found,
            });
        }
    }
    Ok(())
}

/// Checks the metadata sections at `tail` and takes what follows them as the handler.
fn read_handler(
    manifest: &Manifest,
    layer: Layer,
    file: &[u8],
    tail: usize,
) -> Result<Option<Vec<u8>>, DecodeError> {
    let tail_bytes = file.get(tail..).unwrap_or_default();
    let Some(rest) = tail_bytes.strip_prefix(metadata::sections(manifest, layer).as_slice()) else {
        return Err(DecodeError::Metadata { at: tail });
    };
    let Some(listed) = &manifest.handler else {
        return if rest.is_empty() && layer == Layer::Component {
            Ok(None)
        } else {
            Err(DecodeError::HandlerNotListed { bytes: rest.len() })
        };
    };
    if rest.is_empty() {
        return Err(DecodeError::HandlerMissing);
    }
    let handler = [layer.header().as_slice(), rest].concat();
    listed.agrees_with(&handler::check(&handler)?)?;
    Ok(Some(handler))
}

/// Refuses `what` when it has more than `max`.
fn within(what: &'static str, found: usize, max: usize) -> Result<(), DecodeError> {
    if found > max {
        Err(DecodeError::TooLarge { what, found, max })
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "file/tests.rs"]
mod tests;
