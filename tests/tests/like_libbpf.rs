//! The inspection reads objects as libbpf does: the same ones are refused, and of the others the
//! same programs and maps are found. Needs no root: libbpf only opens them.
#![expect(
    unsafe_code,
    reason = "libbpf's C functions, called as its documentation says"
)]

use std::ffi::{CStr, CString, c_char};

use anyhow::{Context, Result};
use payload::object::{Object, ObjectError, inspect, section};
use tests::corpus;

/// Refused by the inspection with a better reason than libbpf has, which only fails at the load.
const ONLY_AT_LOAD: [&str; 3] = ["big_endian", "no_program", "unknown_section"];

/// Closes the object when it goes out of scope.
struct Open(*mut libbpf_sys::bpf_object);

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: the pointer came from bpf_object__open_mem and is closed once.
        unsafe { libbpf_sys::bpf_object__close(self.0) };
    }
}

/// Name, section, type, expected attach type, whether it is loaded unasked.
type Program = (String, String, u32, u32, bool);
/// Name, kind, key size, value size, entries, flags, extra, NUMA node, inner kind.
type Map = (String, u32, u32, u32, u32, u32, u64, u32, Option<u32>);

fn open(elf: &[u8]) -> Result<Option<Open>> {
    let options = libbpf_sys::bpf_object_open_opts {
        sz: size_of::<libbpf_sys::bpf_object_open_opts>().try_into()?,
        object_name: c"like".as_ptr(),
        ..Default::default()
    };
    // SAFETY: the bytes and the options outlive the call, which copies both.
    let object = unsafe {
        libbpf_sys::bpf_object__open_mem(
            elf.as_ptr().cast(),
            elf.len().try_into()?,
            &raw const options,
        )
    };
    Ok((!object.is_null()).then_some(Open(object)))
}

fn text(pointer: *const c_char) -> String {
    // SAFETY: libbpf's names are NUL-terminated and live as long as the open object.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}

fn programs_of(object: &Open) -> Vec<Program> {
    let mut programs = Vec::new();
    let mut program = std::ptr::null_mut();
    loop {
        // SAFETY: the object is open; null asks for the first program.
        program = unsafe { libbpf_sys::bpf_object__next_program(object.0, program) };
        if program.is_null() {
            return programs;
        }
        // SAFETY: the program belongs to the open object.
        let name = unsafe { libbpf_sys::bpf_program__name(program) };
        // SAFETY: the program belongs to the open object.
        let section = unsafe { libbpf_sys::bpf_program__section_name(program) };
        // SAFETY: the program belongs to the open object.
        let kind = unsafe { libbpf_sys::bpf_program__type(program) };
        // SAFETY: the program belongs to the open object.
        let attach = unsafe { libbpf_sys::bpf_program__expected_attach_type(program) };
        // SAFETY: the program belongs to the open object.
        let autoload = unsafe { libbpf_sys::bpf_program__autoload(program) };
        programs.push((text(name), text(section), kind, attach, autoload));
    }
}

fn maps_of(object: &Open) -> Vec<Map> {
    let mut maps = Vec::new();
    let mut map = std::ptr::null_mut();
    loop {
        // SAFETY: the object is open; null asks for the first map.
        map = unsafe { libbpf_sys::bpf_object__next_map(object.0, map) };
        if map.is_null() {
            return maps;
        }
        maps.push(map_at(map));
    }
}

fn map_at(map: *mut libbpf_sys::bpf_map) -> Map {
    // SAFETY: the map belongs to an open object.
    let name = text(unsafe { libbpf_sys::bpf_map__name(map) });
    // SAFETY: the map belongs to an open object.
    let kind = unsafe { libbpf_sys::bpf_map__type(map) };
    // SAFETY: the map belongs to an open object.
    let key = unsafe { libbpf_sys::bpf_map__key_size(map) };
    // SAFETY: the map belongs to an open object.
    let value = unsafe { libbpf_sys::bpf_map__value_size(map) };
    // SAFETY: the map belongs to an open object.
    let entries = unsafe { libbpf_sys::bpf_map__max_entries(map) };
    // SAFETY: the map belongs to an open object.
    let flags = unsafe { libbpf_sys::bpf_map__map_flags(map) };
    // SAFETY: the map belongs to an open object.
    let extra = unsafe { libbpf_sys::bpf_map__map_extra(map) };
    // SAFETY: the map belongs to an open object.
    let node = unsafe { libbpf_sys::bpf_map__numa_node(map) };
    // SAFETY: the map belongs to an open object.
    let inner = unsafe { libbpf_sys::bpf_map__inner_map(map) };
    // SAFETY: an inner map that is not null belongs to the same object.
    let inner = (!inner.is_null()).then(|| unsafe { libbpf_sys::bpf_map__type(inner) });
    // Maps of sections are called after the object and the section.
    let name = name
        .find('.')
        .map_or(name.clone(), |dot| name[dot..].to_owned());
    (name, kind, key, value, entries, flags, extra, node, inner)
}

fn programs_found(object: &Object) -> Vec<Program> {
    let programs = object.programs.iter().map(|program| {
        // libbpf leaves out the mark of what is not loaded unasked.
        let section = program.section.trim_start_matches('?').to_owned();
        let name = program.name.clone();
        (
            name,
            section,
            program.program_type,
            program.attach_type,
            program.autoload,
        )
    });
    programs.collect()
}

fn maps_found(object: &Object) -> Vec<Map> {
    let maps = object.maps.iter().map(|map| {
        let inner = map.inner.as_ref().map(|inner| inner.kind.0);
        // libbpf rounds rings up to pages when it is asked, here the sizes already are.
        let sizes = (map.key_size, map.value_size, map.max_entries);
        let node = map.numa_node.unwrap_or(0);
        let name = map.name.clone();
        (
            name, map.kind.0, sizes.0, sizes.1, sizes.2, map.flags, map.extra, node, inner,
        )
    });
    maps.collect()
}

#[test]
fn programs_and_maps_are_those_that_libbpf_finds() -> Result<()> {
    for name in corpus::names()? {
        let elf = corpus::object(&name)?;
        let Ok(found) = inspect(&elf) else { continue };
        let object = open(&elf)?.with_context(|| format!("libbpf refuses {name}"))?;
        let mut ours = programs_found(&found);
        // libbpf gives them by section and place, and sub-programs only where they are alone.
        let mut theirs = programs_of(&object);
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "programs of {name}");
        assert_eq!(maps_found(&found), maps_of(&object), "maps of {name}");
    }
    Ok(())
}

#[test]
fn what_libbpf_refuses_to_open_is_refused() -> Result<()> {
    for name in corpus::names()? {
        let elf = corpus::object(&name)?;
        let inspected: Result<_, ObjectError> = inspect(&elf);
        let refused_by_libbpf = open(&elf)?.is_none();
        let expected = refused_by_libbpf || ONLY_AT_LOAD.contains(&name.as_str());
        assert_eq!(
            inspected.is_err(),
            expected,
            "{name}: {:?}",
            inspected.err()
        );
    }
    Ok(())
}

/// Type and attach type of a section name, as libbpf has them.
fn type_of(name: &str) -> Result<Option<(u32, u32)>> {
    let text = CString::new(name)?;
    let (mut kind, mut attach) = (0, 0);
    // SAFETY: the text is NUL-terminated, the numbers are written to by the call only.
    let error = unsafe {
        libbpf_sys::libbpf_prog_type_by_name(text.as_ptr(), &raw mut kind, &raw mut attach)
    };
    Ok((error == 0).then_some((kind, attach)))
}

#[test]
fn section_names_mean_what_they_mean_to_libbpf() -> Result<()> {
    // For names it does not know libbpf lists those it knows; that is no news here.
    // SAFETY: no other thread of this process prints through libbpf in a way a test reads.
    unsafe { libbpf_sys::libbpf_set_print(None) };
    let mut known = 0;
    for prefix in section::names() {
        for end in ["", "/", "/x", "/x/y:z", "s", ".s", ".multi", "x/y", "+"] {
            let name = format!("{prefix}{end}");
            let ours = section::parse(&name).ok();
            let ours = ours.map(|section| (section.program_type, section.attach_type));
            assert_eq!(ours, type_of(&name)?, "{name}");
            known += u32::from(ours.is_some());
        }
    }
    assert!(known > 200, "only {known} names are known");
    assert_eq!(type_of("")?, None);
    Ok(())
}
