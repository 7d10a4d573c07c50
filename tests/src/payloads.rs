//! Payload files of objects, made as `packer` makes them. Used by tests and by `hooks`.

use anyhow::Result;
use payload::file::{Arch, ArchObject, Contents, encode};
use payload::manifest::{Described, Inspected, Manifest};

/// A payload file of an object for any machine, with these wishes.
///
/// # Errors
/// A name, version, object or wish that makes no payload.
pub fn described(
    name: &str,
    version: &str,
    object: &[u8],
    described: Described,
) -> Result<Vec<u8>> {
    let inspected = payload::object::inspect(object)?;
    let objects = [Inspected {
        arch: Arch::Any,
        bytes: object,
        object: &inspected,
    }];
    let (name, version) = (name.parse()?, version.parse()?);
    let manifest = Manifest::computed(name, version, described, &objects)?;
    let objects = vec![ArchObject {
        arch: Arch::Any,
        bytes: object.to_vec(),
    }];
    Ok(encode(&Contents {
        manifest,
        objects,
        handler: None,
    })?)
}
