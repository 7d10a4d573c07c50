//! Hostile payload files: each is one change to a good one, with the reason why it must be refused
//! and the beginning of what is said. Must never hold a file that a reader should accept.

use payload::digest::Digest;
use payload::file::encode;
use payload::limits;
use payload::manifest::{Arch, Manifest};
use payload::unsigned::{Unsigned, UnsignedError};

use super::build::{FILE, OBJECT, contents, length, section};

const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

/// The golden file in its pieces, to be put together otherwise.
pub(crate) struct Pieces {
    pub(crate) manifest: Vec<u8>,
    pub(crate) object: Vec<u8>,
    pub(crate) metadata: Vec<u8>,
}

pub(crate) fn pieces() -> Pieces {
    let manifest = section("marrow:manifest", &contents().manifest.to_json().unwrap());
    let object = section("marrow:object/any", OBJECT);
    let metadata = FILE[8 + manifest.len() + object.len()..].to_vec();
    Pieces {
        manifest,
        object,
        metadata,
    }
}

pub(crate) fn component(sections: &[&[u8]]) -> Vec<u8> {
    [&COMPONENT[..], &sections.concat()].concat()
}

/// The golden file with another object, the manifest's digest and size made to fit.
fn with_object(object: &[u8]) -> Vec<u8> {
    let mut manifest = contents().manifest;
    manifest.objects[0].digest = Digest::of(object);
    manifest.objects[0].size_bytes = object.len() as u64;
    let manifest = section("marrow:manifest", &serde_json::to_vec(&manifest).unwrap());
    let object = section("marrow:object/any", object);
    component(&[&manifest, &object, &pieces().metadata])
}

/// Reads each file and demands a refusal that says what is given.
pub(crate) fn refuse(cases: Vec<(&str, Vec<u8>, &str)>) {
    for (why, file, says) in cases {
        match Unsigned::from_payload(&file) {
            Err(UnsignedError::File(error)) => {
                let said = error.to_string();
                assert!(said.contains(says), "{why}: says {said:?}, not {says:?}");
            }
            Err(other) => panic!("{why}: {other}"),
            Ok(_) => panic!("{why}: was accepted"),
        }
    }
}

#[test]
fn pieces_put_together_are_the_golden_file() {
    let Pieces {
        manifest,
        object,
        metadata,
    } = pieces();
    assert!(component(&[&manifest, &object, &metadata]) == FILE);
}

#[test]
fn sections_missing_or_twice_are_refused() {
    let Pieces {
        manifest,
        object,
        metadata,
    } = pieces();
    let (m, o, d) = (&manifest[..], &object[..], &metadata[..]);
    let empty = section("x", b"");
    refuse(vec![
        (
            "no section: nothing says what it is",
            component(&[]),
            "first section is missing",
        ),
        (
            "no manifest: nothing vouches for the object",
            component(&[o, d]),
            "first section is",
        ),
        (
            "a foreign section first: a tool could put any in front",
            component(&[&empty, m, o, d]),
            "first section is",
        ),
        (
            "two manifests: two readers could take one each",
            component(&[m, m, o, d]),
            "\"marrow:manifest\" at byte",
        ),
        (
            "a second manifest at the end: a reader may take the last",
            component(&[m, o, d, m]),
            "second time",
        ),
        (
            "two objects for one machine: which one is checked?",
            component(&[m, o, o, d]),
            "second time",
        ),
        (
            "a second object behind the metadata",
            component(&[m, o, d, o]),
            "second time",
        ),
    ]);
}

#[test]
fn objects_elsewhere_than_the_manifest_and_the_order_say_are_refused() {
    let Pieces {
        manifest,
        object,
        metadata,
    } = pieces();
    let (m, o, d) = (&manifest[..], &object[..], &metadata[..]);
    let x86 = section("marrow:object/x86_64", OBJECT);
    refuse(vec![
        (
            "an object that the manifest does not list",
            component(&[m, o, &x86, d]),
            "manifest lists objects for [Any], the file has [Any, X86_64]",
        ),
        (
            "objects not in the order of their names: two files for one content",
            component(&[m, &x86, o, d]),
            "out of order",
        ),
        (
            "an object behind the metadata",
            component(&[m, d, o]),
            "out of order",
        ),
        (
            "no object",
            component(&[m, d]),
            "manifest lists objects for [Any], the file has []",
        ),
        (
            "a section of a later format",
            component(&[m, o, &section("marrow:more", b""), d]),
            "none that this format knows",
        ),
        (
            "an object for an unknown machine",
            component(&[m, &section("marrow:object/vax", OBJECT), d]),
            "none that this format knows",
        ),
        (
            "an object without a machine",
            component(&[m, &section("marrow:object/", OBJECT), d]),
            "none that this format knows",
        ),
    ]);
}

#[test]
fn hostile_bytes_of_webassembly_are_refused() {
    let Pieces {
        manifest,
        object,
        metadata,
    } = pieces();
    let (m, o, d) = (&manifest[..], &object[..], &metadata[..]);
    let many: Vec<u8> = section("x", b"").repeat(limits::SECTIONS_MAX);
    let long = section(&"n".repeat(limits::SECTION_NAME_BYTES_MAX + 1), b"");
    let beyond = [vec![0], length(u32::MAX as usize), vec![1, b'x']].concat();
    refuse(vec![
        ("empty", Vec::new(), "not a WebAssembly"),
        (
            "half a header",
            COMPONENT[..5].to_vec(),
            "not a WebAssembly",
        ),
        (
            "another version of WebAssembly",
            b"\0asm\x02\0\0\0".to_vec(),
            "not a WebAssembly",
        ),
        (
            "a module without handler: the form is a component",
            [&MODULE[..], m, o, d].concat(),
            "metadata sections",
        ),
        (
            "a section longer than the file: its length must not be believed",
            component(&[m, o, d, &beyond]),
            "WebAssembly section at byte",
        ),
        (
            "a length in six bytes of LEB128: more than 32 bits",
            component(&[&[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]]),
            "WebAssembly section at byte 8",
        ),
        (
            "a name longer than its section",
            component(&[&[0, 2, 100, b'x']]),
            "section at byte 8",
        ),
        (
            "a name that is not text",
            component(&[&[0, 3, 2, 0xff, 0xfe]]),
            "section at byte 8",
        ),
        (
            "a name over the bound",
            component(&[m, o, d, &long]),
            "at most 128 are allowed",
        ),
        (
            "more sections than any tool writes",
            component(&[m, o, d, &many]),
            "more than 4096",
        ),
        (
            "one byte behind the last section",
            component(&[m, o, d, &[0]]),
            "section at byte",
        ),
    ]);
}

#[test]
fn hostile_sizes_are_refused() {
    let Pieces {
        manifest, object, ..
    } = pieces();
    let large = section("marrow:object/any", &vec![0; limits::OBJECT_BYTES_MAX + 1]);
    let json = section(
        "marrow:manifest",
        &vec![b' '; limits::MANIFEST_BYTES_MAX + 1],
    );
    let mut whole = FILE.to_vec();
    whole.resize(limits::PAYLOAD_BYTES_MAX + 1, 0);
    refuse(vec![
        (
            "a file over the bound is not looked into",
            whole,
            "payload: 33554433",
        ),
        (
            "an object over the bound",
            component(&[&manifest, &large]),
            "object: 8388609",
        ),
        (
            "a manifest over the bound",
            component(&[&json, &object]),
            "manifest: 1048577",
        ),
    ]);
}

#[test]
fn hostile_objects_are_refused() {
    let mut other_machine = OBJECT.to_vec();
    // e_machine of the ELF header (gABI, chapter 4): 62 is x86-64.
    other_machine[18] = 62;
    let mut big_endian = OBJECT.to_vec();
    // EI_DATA 2 is big-endian; e_type and e_machine in that order of bytes.
    big_endian[5] = 2;
    big_endian[16..20].copy_from_slice(&[0, 1, 0, 247]);
    refuse(vec![
        ("no ELF", with_object(b"#!/bin/sh\n"), "an ELF file with"),
        ("an empty object", with_object(b""), "object"),
        (
            "half an object",
            with_object(&OBJECT[..OBJECT.len() / 2]),
            "object for any",
        ),
        (
            "a program of another machine",
            with_object(&other_machine),
            "BPF is 247",
        ),
        (
            "another byte order: every number in it would be read wrongly",
            with_object(&big_endian),
            "big-endian",
        ),
    ]);
}

#[test]
fn contents_that_no_reader_takes_are_not_written() {
    let mut altered = contents();
    altered.objects[0].bytes.push(0);
    assert!(
        encode(&altered)
            .unwrap_err()
            .to_string()
            .contains("the manifest says 2944 bytes")
    );
    let mut altered = contents();
    altered.objects[0].arch = Arch::X86_64;
    assert!(
        encode(&altered)
            .unwrap_err()
            .to_string()
            .contains("manifest lists objects")
    );
    let mut altered = contents();
    altered.handler = Some(COMPONENT.to_vec());
    assert!(encode(&altered).is_err());
    let mut altered = contents();
    altered.manifest.description = Some(String::new());
    assert!(
        encode(&altered)
            .unwrap_err()
            .to_string()
            .contains("description")
    );
    let mut altered = contents();
    altered.manifest.globals[0].settable = true;
    altered.manifest.globals[1].settable = true;
    assert!(encode(&altered).is_ok(), "both variables are exported");
}

#[test]
fn a_manifest_of_the_largest_lists_is_read() {
    let mut manifest: Manifest = contents().manifest;
    manifest.maps = vec![manifest.maps[0].clone(); limits::MAPS_MAX];
    manifest.programs = vec![manifest.programs[0].clone(); limits::PROGRAMS_MAX];
    assert!(manifest.to_json().is_ok());
    manifest.programs.push(manifest.programs[0].clone());
    assert!(
        manifest
            .to_json()
            .unwrap_err()
            .to_string()
            .contains("at most 512")
    );
}
