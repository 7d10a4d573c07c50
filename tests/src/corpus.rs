//! The corpus: BPF C of our own, a file a case, compiled when a test first asks for it.
//! Called by the tests of the inspection, the cut and the node.
//! Must never hand out an object that is older than its source.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use payload::btf::Kind;
use payload::object::inspect;

use crate::programs;

/// The end of a source's name, and of its object's.
const SOURCE_END: &str = ".bpf.c";
const OBJECT_END: &str = ".bpf.o";

/// A case without a source: clang 14 writes no 64-bit enumerations, so one is put into the types of
/// [`ENUM64_FROM`].
pub const ENUM64: &str = "btf_enum64";
const ENUM64_FROM: &str = "btf_kinds";
/// The enumeration that is replaced; nothing else uses its room.
const ENUM64_NAME: &str = "wide";

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of build results.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Names of all cases, sorted.
///
/// # Errors
/// When the folder of sources cannot be read or has none.
pub fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/corpus"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(SOURCE_END).map(str::to_owned));
    }
    ensure!(!names.is_empty(), "tests/corpus has no sources");
    names.push(ENUM64.to_owned());
    names.sort();
    Ok(names)
}

/// The compiled object of a case.
///
/// # Errors
/// When it cannot be compiled or read.
pub fn object(name: &str) -> Result<Vec<u8>> {
    if name == ENUM64 {
        return with_enum64(object(ENUM64_FROM)?);
    }
    let path = path(name)?;
    std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
}

/// Names and objects of our own payloads, compiled from `bpf/`.
///
/// # Errors
/// When they cannot be compiled or read.
pub fn payloads() -> Result<Vec<(String, Vec<u8>)>> {
    compiled()?;
    let folder = target().join("bpf");
    let mut payloads = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(OBJECT_END) {
            payloads.push((name.to_owned(), std::fs::read(entry.path())?));
        }
    }
    ensure!(!payloads.is_empty(), "{} has no objects", folder.display());
    payloads.sort();
    Ok(payloads)
}

/// Turns an enumeration of three 32-bit values into one of two 64-bit values: both take 36 bytes.
fn with_enum64(mut elf: Vec<u8>) -> Result<Vec<u8>> {
    let types = inspect(&elf)?.btf.context("the object has no types")?;
    let id = types
        .find(Kind::Enum, ENUM64_NAME)
        .context("the enumeration")?;
    let old = types.raw(id);
    let at = elf
        .windows(old.len())
        .position(|bytes| bytes == old)
        .context("its record")?;
    let word = |at: usize| old.get(at..at + 4).unwrap_or_default().to_vec();
    // Header: name, info (kind in bits 24 to 28, number of values), size. Values: name, low, high.
    let info = (19_u32 << 24 | 2).to_le_bytes().to_vec();
    let size = 8_u32.to_le_bytes().to_vec();
    let (low, high) = (5_u32.to_le_bytes().to_vec(), 1_u32.to_le_bytes().to_vec());
    let new = [
        word(0),
        info,
        size,
        word(12),
        low.clone(),
        high.clone(),
        word(20),
        low,
        high,
    ]
    .concat();
    ensure!(
        new.len() == old.len(),
        "{} bytes for {}",
        new.len(),
        old.len()
    );
    elf.splice(at..at + new.len(), new);
    Ok(elf)
}

/// Where the compiled object of a case is.
///
/// # Errors
/// When it cannot be compiled.
fn path(name: &str) -> Result<PathBuf> {
    compiled()?;
    Ok(target()
        .join("bpf/corpus")
        .join(format!("{name}{OBJECT_END}")))
}

/// Compiles everything once a process.
fn compiled() -> Result<()> {
    static COMPILED: OnceLock<Result<(), String>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| compile().map_err(|error| format!("{error:#}")));
    if let Err(error) = compiled {
        bail!("the corpus is not compiled: {error}");
    }
    Ok(())
}

/// Has `xtask` compile everything, unless every object is newer than every source.
fn compile() -> Result<()> {
    let mut newest_source = SystemTime::UNIX_EPOCH;
    let mut folders = vec![root().join("tests/corpus")];
    for entry in std::fs::read_dir(root().join("bpf"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    for folder in folders {
        for entry in std::fs::read_dir(folder)? {
            newest_source = newest_source.max(entry?.metadata()?.modified()?);
        }
    }
    let compiled = names()?.iter().filter(|name| *name != ENUM64).all(|name| {
        let object = target()
            .join("bpf/corpus")
            .join(format!("{name}{OBJECT_END}"));
        let modified = object.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified > newest_source)
    });
    if compiled {
        return Ok(());
    }
    let done = programs::cargo()
        .args(["run", "--quiet", "--package", "xtask", "--", "bpf"])
        .current_dir(root())
        .output()
        .context("starting cargo xtask bpf")?;
    ensure!(
        done.status.success(),
        "cargo xtask bpf: {}\n{}",
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}
