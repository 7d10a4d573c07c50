//! Proves that a node comes back by itself: a machine is reset in the middle of its work, and boots with
//! its disk and without the registry. Called by `hooks` and `cargo xtask kernel restart`.
//! Must never let the second boot find anything but the disk of the first.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{CPUS, Guest, MEMORY_MIB, TIMEOUT, fetched, shown};
use crate::daemon::Folder;
use crate::run;

/// How it is asked for.
pub(crate) const NAME: &str = "restart";
/// The kernel that boots twice.
const KERNEL: &str = "6.1";
/// The size of the disk: a small ext4 with a journal.
const DISK_BYTES: u64 = 64 << 20;

const BEFORE: &str = include_str!("restart_before.sh");
const AFTER: &str = include_str!("restart_after.sh");

/// Boots, resets, boots again; shows each line that is printed.
///
/// # Errors
/// When the kernel can't be had, a boot does not end as it should, or events do not flow in time.
pub(super) fn prove(files: &[(PathBuf, String)], show: &mut dyn FnMut(&str)) -> Result<()> {
    let kernel = fetched(KERNEL)?;
    show(&format!("\n== a restart of kernel {}", kernel.release));
    let folder = Folder::new(NAME)?;
    let disk = folder.path().join("disk");
    make(&disk)?;
    let mut files = files.to_vec();
    files.push((payload(folder.path())?, "/payload.wasm".to_owned()));
    let boot = |command: &str| Guest {
        memory_mib: MEMORY_MIB,
        cpus: CPUS,
        files: files.clone(),
        disk: Some(disk.clone()),
        command: command.to_owned(),
        timeout: TIMEOUT,
    };
    boot(BEFORE).reset(&kernel, &mut |printed| show(printed.line()))?;
    show("-- reset");
    let run = boot(AFTER).run(&kernel, &mut |printed| show(printed.line()))?;
    shown(&kernel, &run, show);
    ensure!(
        run.status == 0,
        "after a reset, without the registry, events do not flow within 10 s of the daemon's start"
    );
    Ok(())
}

/// Builds the payload that the registry gets: a guest has no compiler.
fn payload(folder: &Path) -> Result<PathBuf> {
    let (target, file) = (run::target(), folder.join("payload.wasm"));
    let mut packer = run::command(&target.join("debug/packer").to_string_lossy());
    packer
        .arg("build")
        .arg(target.join("bpf/opensnoop.bpf.o"))
        .args(["--name", "acme/opensnoop", "--payload-version", "1.0.0"]);
    run::captured(packer.arg("-o").arg(&file))?;
    Ok(file)
}

/// Makes a disk with an empty file system.
fn make(disk: &Path) -> Result<()> {
    File::create(disk)?.set_len(DISK_BYTES)?;
    let program = run::which("mkfs.ext4").context("mkfs.ext4 is missing")?;
    let mut command = run::command(&program.to_string_lossy());
    run::captured(command.args(["-q", "-F"]).arg(disk)).map(drop)
}
