//! The cut of the kernel's BTF gives libbpf the same answers as the whole.
//! Each object of the corpus with CO-RE relocations is relocated by libbpf twice, and the
//! instructions compared. Needs root: libbpf makes the maps before it relocates.
#![expect(
    unsafe_code,
    reason = "libbpf's C functions, called as its documentation says"
)]
#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use payload::btf::Btf;
use payload::btf::cut::{Cut, WhyFull, cut};
use payload::object::{CoreKind, inspect};
use tests::corpus;

const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";
/// A load of a 64-bit constant, and the marks that say it is a map or a map's value: those hold
/// descriptors, which differ from load to load.
const OP_LOAD_IMM64: u8 = 0x18;
const MAP_MARKS: [u8; 2] = [1, 2];
/// `BPF_CORE_TYPE_EXISTS` and `BPF_CORE_TYPE_MATCHES` of `uapi/linux/bpf.h`.
const TYPE_EXISTS: u32 = 8;
const TYPE_MATCHES: u32 = 12;
/// Questions of `enum bpf_core_relo_kind` (`uapi/linux/bpf.h`).
const CORE_KINDS: usize = 13;

/// Programs by name, each with its instructions, descriptors zeroed.
type Relocated = Vec<(String, Vec<[u8; 8]>)>;

/// True, with the reason printed, where this test can't run.
fn cannot_run() -> bool {
    // SAFETY: takes nothing and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        println!("not run: relocating through libbpf needs root");
    } else if !Path::new(KERNEL_BTF).exists() {
        println!("not run: this kernel shows no BTF at {KERNEL_BTF}");
    }
    !root || !Path::new(KERNEL_BTF).exists()
}

fn kernel() -> Result<Btf> {
    Ok(Btf::parse(std::fs::read(KERNEL_BTF)?)?)
}

/// Closes the object when it goes out of scope.
struct Open(*mut libbpf_sys::bpf_object);

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: the pointer came from bpf_object__open_mem and is closed once.
        unsafe { libbpf_sys::bpf_object__close(self.0) };
    }
}

/// What libbpf makes of an object's instructions, with this BTF in place of the kernel's.
fn relocate(elf: &[u8], btf: Option<&Path>) -> Result<Relocated> {
    let path = btf
        .map(|path| CString::new(path.to_string_lossy().as_bytes()))
        .transpose()?;
    let options = libbpf_sys::bpf_object_open_opts {
        sz: size_of::<libbpf_sys::bpf_object_open_opts>().try_into()?,
        object_name: c"cut".as_ptr(),
        btf_custom_path: path.as_ref().map_or(std::ptr::null(), |path| path.as_ptr()),
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
    ensure!(
        !object.is_null(),
        "open: {}",
        std::io::Error::last_os_error()
    );
    let object = Open(object);
    // SAFETY: the object is open and not loaded.
    let error = unsafe { libbpf_sys::bpf_object__prepare(object.0) };
    ensure!(
        error == 0,
        "prepare: {}",
        std::io::Error::from_raw_os_error(-error)
    );
    let mut programs = Vec::new();
    let mut program = std::ptr::null_mut();
    loop {
        // SAFETY: the object is open; null asks for the first program.
        program = unsafe { libbpf_sys::bpf_object__next_program(object.0, program) };
        if program.is_null() {
            return Ok(programs);
        }
        // SAFETY: the program belongs to the open object.
        let name = unsafe { libbpf_sys::bpf_program__name(program) };
        // SAFETY: names are NUL-terminated and live as long as the object.
        let name = unsafe { CStr::from_ptr(name) }.to_str()?.to_owned();
        // SAFETY: the program belongs to the open object.
        let count = unsafe { libbpf_sys::bpf_program__insn_cnt(program) };
        // SAFETY: the program belongs to the open object.
        let first = unsafe { libbpf_sys::bpf_program__insns(program) };
        // SAFETY: libbpf keeps `count` instructions of eight bytes there until the object changes.
        let slots = unsafe { std::slice::from_raw_parts(first.cast(), count.try_into()?) };
        programs.push((name, without_descriptors(slots)));
    }
}

fn without_descriptors(slots: &[[u8; 8]]) -> Vec<[u8; 8]> {
    let mut slots = slots.to_vec();
    for slot in &mut slots {
        if slot[0] == OP_LOAD_IMM64 && MAP_MARKS.contains(&(slot[1] >> 4)) {
            slot[4..].fill(0);
        }
    }
    slots
}

fn file_of(bytes: &[u8]) -> Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Relocates with the cut and with the whole, which must not differ; gives the cut's size in bytes.
fn compare(name: &str, elf: &[u8], kernel: &Btf) -> Result<usize> {
    let object = inspect(elf).with_context(|| name.to_owned())?;
    let Cut::Small(bytes) = cut(&object, kernel) else {
        anyhow::bail!("{name}: the cut is refused");
    };
    Btf::parse(bytes.clone()).with_context(|| format!("{name}: the cut is no BTF"))?;
    let file = file_of(&bytes)?;
    let by_cut = relocate(elf, Some(file.path())).with_context(|| format!("{name}, by the cut"))?;
    let by_whole = relocate(elf, None).with_context(|| format!("{name}, by the whole"))?;
    ensure!(
        by_cut == by_whole,
        "{name}: {}",
        difference(&by_cut, &by_whole)
    );
    Ok(bytes.len())
}

fn difference(one: &Relocated, other: &Relocated) -> String {
    let mut text = String::from("the cut and the whole give different instructions:");
    for ((name, one), (_, other)) in one.iter().zip(other) {
        for (at, (one, other)) in one.iter().zip(other).enumerate() {
            if one != other {
                let _ = write!(
                    text,
                    "\n  {name} {at}: {one:02x?}, by the whole {other:02x?}"
                );
            }
        }
    }
    text
}

/// The object with the question "exists" of types whose name ends so turned into "matches", which
/// clang 14 has no word for.
fn asking_whether_types_match(elf: &[u8], suffix: &str) -> Result<Vec<u8>> {
    let object = inspect(elf)?;
    let own = object.btf.as_ref().context("an object without types")?;
    let mut bytes = elf.to_vec();
    let mut changed = 0;
    for relocation in &object.core_relocations {
        let asks = relocation.kind == CoreKind::TypeExists;
        if !asks || !own.name(relocation.root).ends_with(suffix) {
            continue;
        }
        let place = bytes.windows(16).position(|record| {
            record[..4] == relocation.offset.to_le_bytes()
                && record[4..8] == relocation.root.0.to_le_bytes()
                && record[12..] == TYPE_EXISTS.to_le_bytes()
        });
        let at = place.context("the record of a relocation")? + 12;
        bytes[at..at + 4].copy_from_slice(&TYPE_MATCHES.to_le_bytes());
        changed += 1;
    }
    ensure!(
        changed > 1,
        "only {changed} relocations ask whether a type exists"
    );
    Ok(bytes)
}

/// What the relocations of an object ask.
fn asked(elf: &[u8]) -> Result<BTreeSet<CoreKind>> {
    let relocations = inspect(elf)?.core_relocations;
    let kinds = relocations.into_iter().map(|relocation| relocation.kind);
    Ok(kinds.collect())
}

#[test]
fn instructions_equal_those_with_the_whole_btf() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let kernel = kernel()?;
    for name in [
        "core_fields",
        "core_bitfields",
        "core_types",
        "core_enums",
        "core_registers",
    ] {
        let bytes = compare(name, &corpus::object(name)?, &kernel)?;
        println!("{name}: cut to {bytes} bytes");
    }
    for (name, elf) in corpus::payloads()? {
        let asks = !inspect(&elf)?.core_relocations.is_empty();
        let cut = if asks {
            format!("to {} bytes", compare(&name, &elf, &kernel)?)
        } else {
            "to nothing: it asks for no type of the kernel".to_owned()
        };
        println!("{name}: cut {cut}");
    }
    Ok(())
}

#[test]
fn types_that_only_some_kernels_have_are_answered_alike() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let kernel = kernel()?;
    for (name, root) in [
        ("core_enum64", "perf_callchain_context"),
        ("core_flavour", "nf_conn"),
    ] {
        let elf = corpus::object(name)?;
        if kernel.by_essential_name(root).next().is_some() {
            compare(name, &elf, &kernel)?;
            continue;
        }
        // A module may have it: then libbpf must be let look there.
        let missing = WhyFull::RootMissing {
            name: root.to_owned(),
        };
        ensure!(
            cut(&inspect(&elf)?, &kernel) == Cut::Full(missing),
            "{root}"
        );
    }
    Ok(())
}

#[test]
fn matching_types_are_answered_as_with_the_whole_btf() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let elf = asking_whether_types_match(&corpus::object("core_types")?, "")?;
    let bytes = compare("core_types, matching", &elf, &kernel()?)?;
    println!("core_types, matching: cut to {bytes} bytes");
    Ok(())
}

/// The number of a type is the one question that a part answers otherwise.
#[test]
fn one_object_that_asks_everything_gets_the_same_instructions() -> Result<()> {
    let elf = asking_whether_types_match(&corpus::object("core_every")?, "___matches")?;
    let mut kinds = asked(&elf)?;
    assert!(!kinds.contains(&CoreKind::TypeIdTarget));
    kinds.extend(asked(&corpus::object("core_type_number")?)?);
    assert_eq!(kinds.len(), CORE_KINDS, "{kinds:?}");
    if cannot_run() {
        return Ok(());
    }
    let bytes = compare("core_every", &elf, &kernel()?)?;
    println!("core_every: cut to {bytes} bytes");
    Ok(())
}

#[test]
fn a_btf_without_the_roots_is_told_from_the_whole() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    // What this test is for: libbpf does not complain about missing types, so the comparison has
    // to notice.
    let elf = corpus::object("core_types")?;
    let other = inspect(&corpus::object("core_enums")?)?;
    let Cut::Small(bytes) = cut(&other, &kernel()?) else {
        anyhow::bail!("the cut is refused");
    };
    let file = file_of(&bytes)?;
    assert_ne!(relocate(&elf, Some(file.path()))?, relocate(&elf, None)?);
    Ok(())
}

#[test]
fn what_a_part_cannot_answer_takes_the_whole() -> Result<()> {
    if !Path::new(KERNEL_BTF).exists() {
        println!("not run: this kernel shows no BTF at {KERNEL_BTF}");
        return Ok(());
    }
    let kernel = kernel()?;
    let cut_of = |name| anyhow::Ok(cut(&inspect(&corpus::object(name)?)?, &kernel));
    let missing = WhyFull::RootMissing {
        name: "marrow_no_such_struct".to_owned(),
    };
    assert_eq!(cut_of("core_missing")?, Cut::Full(missing));
    let number = WhyFull::TypeNumber {
        name: "task_struct".to_owned(),
    };
    assert_eq!(cut_of("core_type_number")?, Cut::Full(number));
    assert_eq!(cut_of("no_map")?, Cut::Unneeded);
    Ok(())
}
