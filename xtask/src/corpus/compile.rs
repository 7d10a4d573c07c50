//! Compiles the selftests as their own Makefile does, against this kernel's types. Called by
//! `corpus`. Must never take an object of another kernel, compiler or package for this one's.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::source::Source;
use super::{first_line, folder};
use crate::{bpf, run, spread};

/// Flags of `CLANG_BPF_BUILD_RULE` in the Makefile of the selftests.
const FLAGS: [&str; 7] = [
    "-g",
    "-O2",
    "-target",
    "bpf",
    "-mcpu=v3",
    "-mlittle-endian",
    "-Wno-compare-distinct-pointer-types",
];
/// This kernel's types.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// One program, compiled or not.
pub(super) struct Compiled {
    /// Its name.
    pub(super) name: String,
    /// The object; none where clang refuses the source on this kernel's types.
    pub(super) object: Option<PathBuf>,
}

/// Compiles programs that were not compiled before.
///
/// # Errors
/// When this kernel shows no types, or clang does not run.
pub(super) fn all(source: &Source, names: &[String]) -> Result<Vec<Compiled>> {
    let objects = folder().join("objects");
    let stamp = stamp(source)?;
    if std::fs::read_to_string(objects.join("stamp")).ok().as_ref() != Some(&stamp) {
        if objects.is_dir() {
            std::fs::remove_dir_all(&objects)?;
        }
        std::fs::create_dir_all(&objects)?;
        let mut dump = run::command("bpftool");
        dump.args(["btf", "dump", "file", KERNEL_BTF, "format", "c"]);
        let types = run::captured(&mut dump)?;
        run::write(&objects.join("vmlinux.h"), types.as_bytes())?;
        run::write(&objects.join("stamp"), stamp.as_bytes())?;
    }
    spread::over(names, |_, name| {
        let object = one(source, name, &objects)?;
        let name = name.clone();
        Ok(Compiled { name, object })
    })
}

/// What an object depends on beside its source.
fn stamp(source: &Source) -> Result<String> {
    let kernel = run::captured(run::command("uname").arg("-rv"))?;
    let clang = first_line("clang", "--version")?;
    Ok(format!("{kernel}{clang}\n{}\n{FLAGS:?}\n", source.version))
}

fn one(source: &Source, name: &str, objects: &Path) -> Result<Option<PathBuf>> {
    let object = objects.join(format!("{name}.bpf.o"));
    let refusal = objects.join(format!("{name}.refused"));
    if object.is_file() {
        return Ok(Some(object));
    }
    if refusal.is_file() {
        return Ok(None);
    }
    let part = objects.join(format!("{name}.part"));
    let selftests = source.selftests();
    let mut clang = run::command("clang");
    clang
        .args(FLAGS)
        .arg(format!("-D__TARGET_ARCH_{}", bpf::arch()?));
    for include in [objects, &selftests, &source.tree.join("tools/include/uapi")] {
        clang.arg("-I").arg(include);
    }
    // clang for bpf has no multiarch folder of its own; asm/types.h is there.
    clang.arg("-idirafter");
    clang.arg(format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH));
    clang
        .arg("-c")
        .arg(source.program(name))
        .arg("-o")
        .arg(&part);
    let done = run::finished(&mut clang)?;
    if done.status.success() {
        std::fs::rename(&part, &object)?;
        return Ok(Some(object));
    }
    run::write(&refusal, &done.stderr)?;
    Ok(None)
}
