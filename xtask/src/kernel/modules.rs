//! The modules that a guest loads, and the order in which they can be loaded.
//! Called by `initramfs`. Must never fail because a kernel has no such module: it is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;

/// Modules, and what each is for. What a kernel has built in is not loaded.
pub(super) const MODULES: [(&str, &str); 12] = [
    ("veth", "two ends of a wire, for xdp and tc"),
    ("dummy", "an interface that comes and goes"),
    ("netkit", "an interface whose programs are its own"),
    ("ifb", "where tc redirects to"),
    (
        "sch_ingress",
        "clsact, which tc hangs programs on before tcx",
    ),
    ("cls_bpf", "programs on clsact"),
    ("act_bpf", "programs as actions of tc"),
    ("nbd", "what fires a writable tracepoint"),
    ("nf_conntrack", "what netfilter programs may ask about"),
    ("virtio_pci", "where a disk is"),
    ("virtio_blk", "a disk"),
    ("ext4", "what is on it"),
];

/// What is loaded of one kernel's modules.
pub(super) struct Plan {
    /// Files to load, each after what it needs.
    pub(super) files: Vec<PathBuf>,
    /// Modules of the table that this kernel has neither as a file nor built in.
    pub(super) absent: Vec<&'static str>,
}

/// Plans the modules of the table for the kernel whose modules are in `folder`.
///
/// # Errors
/// When the folder lacks the lists of what is there.
pub(super) fn plan(folder: &Path) -> Result<Plan> {
    let read = |name: &str| {
        let file = folder.join(name);
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    };
    let wanted = MODULES.map(|(name, _)| name);
    let (dependencies, builtin) = (read("modules.dep")?, read("modules.builtin")?);
    let (files, absent) = ordered(&wanted, &dependencies, &builtin);
    Ok(Plan {
        files: files.iter().map(|file| folder.join(file)).collect(),
        absent,
    })
}

/// Writes `modules.dep` beside the modules, which Debian leaves to the installation.
///
/// # Errors
/// When `depmod` fails.
pub(super) fn index(root: &Path, release: &str) -> Result<()> {
    let depmod = run::which("depmod").context("depmod is missing")?;
    let mut depmod = run::command(&depmod.to_string_lossy());
    run::captured(depmod.arg("-b").arg(root).arg(release)).map(drop)
}

/// The bytes of a module, unpacked where the kernel keeps it packed.
///
/// # Errors
/// When it cannot be read.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>> {
    if file.extension().is_none_or(|extension| extension != "xz") {
        return std::fs::read(file).with_context(|| format!("reading {}", file.display()));
    }
    let unpacked = run::finished(run::command("xz").arg("-dc").arg(file))?;
    if !unpacked.status.success() {
        let errors = String::from_utf8_lossy(&unpacked.stderr);
        bail!("xz does not unpack {}: {errors}", file.display());
    }
    Ok(unpacked.stdout)
}

/// The name under which a guest finds a module's file: without what it was packed with.
pub(super) fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".xz").to_owned()
}

fn ordered<'a>(
    wanted: &[&'static str],
    dependencies: &'a str,
    builtin: &str,
) -> (Vec<&'a str>, Vec<&'static str>) {
    // `file: what it needs`, all of it, the last one first.
    let lines: BTreeMap<String, (&str, &str)> = dependencies
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(file, needed)| (module(file), (file, needed)))
        .collect();
    let mut files: Vec<&str> = Vec::new();
    let mut absent = Vec::new();
    for name in wanted {
        let Some((file, needed)) = lines.get(*name) else {
            if !builtin.lines().any(|file| module(file) == *name) {
                absent.push(*name);
            }
            continue;
        };
        for file in needed.split_whitespace().rev().chain([*file]) {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    (files, absent)
}

/// The module that a file is, in the kernel's words.
fn module(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_needs_is_loaded_before_it_and_once() {
        let dependencies = "net/a-x.ko.xz: net/b.ko net/c.ko\nnet/b.ko: net/c.ko\nnet/c.ko:\n";
        let (files, absent) = ordered(&["a_x", "b", "d", "e"], dependencies, "net/d.ko\n");
        assert_eq!(files, ["net/c.ko", "net/b.ko", "net/a-x.ko.xz"]);
        assert_eq!(absent, ["e"]);
        assert_eq!(name(Path::new("net/a-x.ko.xz")), "a-x.ko");
    }
}
