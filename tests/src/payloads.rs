//! Payload files of objects, made as `packer` makes them. Used by tests and by `hooks`.

use anyhow::Result;
use payload::file::{Arch, ArchObject, Contents, encode};
use payload::manifest::{Described, Handler, Inspected, Manifest};

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
    written(name, version, object, described, None)
}

/// The same with a handler, which asks for what `asked` says.
///
/// # Errors
/// As [`described`], or a handler that makes no payload.
pub fn handled(
    name: &str,
    version: &str,
    object: &[u8],
    wasm: &[u8],
    asked: impl FnOnce(&mut Handler),
) -> Result<Vec<u8>> {
    let mut handler = Handler::of_world(&"1.0.0".parse()?);
    handler.take_facts(&payload::handler::inspect(wasm)?);
    asked(&mut handler);
    let described = Described {
        handler: Some(handler),
        ..Described::default()
    };
    written(name, version, object, described, Some(wasm.to_vec()))
}

fn written(
    name: &str,
    version: &str,
    object: &[u8],
    described: Described,
    handler: Option<Vec<u8>>,
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
        handler,
    })?)
}
