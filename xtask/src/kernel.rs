//! Kernels of Debian, fetched once, and what is run in guests that boot them.
//! Called by `cargo xtask kernel` and by what proves something on other kernels.
//! Must never take a half-done download for a kernel.

mod cpio;
mod debian;
mod guest;
mod hooks;
mod initramfs;
mod modules;
mod restart;
mod table;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use guest::Run;
pub(crate) use guest::{Guest, Printed};
pub(crate) use hooks::{HERE, prove};
pub(crate) use restart::NAME as RESTART;

use crate::{bpf, output, run, setup};

/// A kernel that can be asked for.
struct Row {
    /// How it is asked for.
    name: &'static str,
    /// The suite of Debian that has it.
    suite: &'static str,
    /// What its release begins with, where the name says so.
    begins: &'static str,
}

/// The kernels, oldest first.
const ROWS: [Row; 4] = [
    Row {
        name: "5.10",
        suite: "bullseye",
        begins: "5.10.",
    },
    Row {
        name: "6.1",
        suite: "bookworm",
        begins: "6.1.",
    },
    Row {
        name: "6.12",
        suite: "bookworm-backports",
        begins: "6.12.",
    },
    Row {
        name: "newest",
        suite: "trixie-backports",
        begins: "",
    },
];

/// The names of all kernels, oldest first.
pub(crate) const NAMES: [&str; ROWS.len()] =
    [ROWS[0].name, ROWS[1].name, ROWS[2].name, ROWS[3].name];

/// How long what a guest runs may take, with the boot.
const TIMEOUT: Duration = Duration::from_mins(40);
/// Memory and processors of the guests of `cargo xtask kernel`.
const MEMORY_MIB: u32 = 1024;
const CPUS: u32 = 2;

/// A kernel that was fetched.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// How it is asked for.
    pub(crate) name: &'static str,
    /// What `uname -r` says in it.
    pub(crate) release: String,
    /// The file that is booted.
    pub(crate) image: PathBuf,
    /// The folder of its modules, with `modules.dep`.
    pub(crate) modules: PathBuf,
}

/// `cargo xtask kernel [KERNEL…] [--write] [-- COMMAND…]`: without a command what [`prove`] does,
/// with one that command in guests; a shell reads it. Without kernels all of them; without a command
/// `here` and `restart` are some, too.
///
/// # Errors
/// When a kernel cannot be had, a guest does not end as it should, or something does not hold.
pub(crate) fn command(words: &[&str]) -> Result<ExitCode> {
    let mut halves = words.splitn(2, |word| *word == "--");
    let asked = halves.next().unwrap_or_default();
    let command = halves.next().map(|words| words.join(" "));
    let write = asked.contains(&"--write");
    let asked = asked.iter().filter(|word| **word != "--write");
    let mut names: Vec<&str> = asked.copied().collect();
    for name in &names {
        if ![HERE, RESTART].contains(name) || command.is_some() {
            row(name)?;
        }
    }
    if names.is_empty() {
        names = NAMES.to_vec();
        if command.is_none() {
            names.extend([HERE, RESTART]);
        }
    }
    let Some(command) = command else {
        hooks::prove(&names, write)?;
        return Ok(ExitCode::SUCCESS);
    };
    setup::to_build()?;
    setup::to_boot()?;
    let files = at_hand()?;
    let mut code = ExitCode::SUCCESS;
    for name in names {
        let mut show = |line: &str| output::line(line);
        if in_guest(name, &command, &files, &mut show)? != 0 {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Runs a command in a guest of this kernel, shows each line that it prints, and gives its status.
///
/// # Errors
/// When the kernel cannot be had or the guest does not end as it should.
fn in_guest(
    name: &str,
    command: &str,
    files: &[(PathBuf, String)],
    show: &mut dyn FnMut(&str),
) -> Result<i32> {
    let kernel = fetched(name)?;
    show(&format!("\n== kernel {} ({})", kernel.name, kernel.release));
    let guest = Guest {
        memory_mib: MEMORY_MIB,
        cpus: CPUS,
        files: files.to_vec(),
        disk: None,
        command: command.to_owned(),
        timeout: TIMEOUT,
    };
    let run = guest.run(&kernel, &mut |printed| show(printed.line()))?;
    shown(&kernel, &run, show);
    Ok(run.status)
}

/// Shows how a run ended.
fn shown(kernel: &Kernel, run: &Run, show: &mut dyn FnMut(&str)) {
    if !run.absent.is_empty() {
        show(&format!("no modules: {}", run.absent.join(", ")));
    }
    for fault in &run.faults {
        show(&format!("the kernel said: {fault}"));
    }
    show(&format!(
        "status {} on {}: booted in {:.1} s, all in {:.1} s",
        run.status,
        kernel.release,
        run.booted.as_secs_f64(),
        run.took.as_secs_f64()
    ));
}

/// What people find in a guest, built now: the programs on the `PATH`, the objects in `/objects`.
///
/// # Errors
/// When something cannot be built, or a tool is missing.
pub(crate) fn at_hand() -> Result<Vec<(PathBuf, String)>> {
    run::shown(run::cargo().args(run::PROGRAMS))?;
    bpf::compile_all()?;
    let mut files = vec![(run::target().join("bpf"), "/objects".to_owned())];
    for name in ["node", "packer", "registry", "hooks"] {
        files.push((
            run::target().join("debug").join(name),
            format!("/usr/bin/{name}"),
        ));
    }
    for name in ["ip", "tc", "bpftool"] {
        let file = run::which(name).with_context(|| format!("{name} is missing"))?;
        files.push((file, format!("/usr/bin/{name}")));
    }
    Ok(files)
}

/// The kernel of that name, fetched where it is not there yet.
///
/// # Errors
/// When there is no such kernel, or it cannot be fetched.
pub(crate) fn fetched(name: &str) -> Result<Kernel> {
    let row = row(name)?;
    if std::env::consts::ARCH != "x86_64" {
        bail!("guests run this machine's programs, and their kernels are of x86_64");
    }
    let folder = run::target().join("kernel");
    std::fs::create_dir_all(&folder)?;
    // Two commands at a time must not fetch into one folder. The lock goes with the file.
    let lock = File::create(folder.join(format!("{name}.lock")))?;
    lock.lock()?;
    let home = folder.join(name);
    if !home.is_dir() {
        let part = folder.join(format!("{name}.part"));
        fetch(row, &part).with_context(|| format!("fetching kernel {name} of {}", row.suite))?;
        std::fs::rename(&part, &home)?;
    }
    kept(row.name, &home).with_context(|| format!("remove {} to fetch it again", home.display()))
}

fn row(name: &str) -> Result<&'static Row> {
    ROWS.iter()
        .find(|row| row.name == name)
        .with_context(|| format!("no kernel {name:?}; there are {}", NAMES.join(", ")))
}

/// Makes a folder with everything of one kernel, on the disk when this returns.
fn fetch(row: &Row, part: &Path) -> Result<()> {
    if part.is_dir() {
        std::fs::remove_dir_all(part)?;
    }
    let apt = part.join("apt");
    std::fs::create_dir_all(&apt)?;
    output::line(&format!(
        "kernel {}: fetching the newest of {}",
        row.name, row.suite
    ));
    let suite = debian::Suite::open(row.suite, &apt)?;
    let (release, packages) = suite.newest()?;
    if !release.starts_with(row.begins) {
        bail!(
            "the newest kernel of {} is {release}, not {}",
            row.suite,
            row.name
        );
    }
    output::line(&format!("kernel {}: {}", row.name, packages.join(" ")));
    suite.unpack(&packages, &apt, &part.join("root"))?;
    run::write(&part.join("release"), release.as_bytes())?;
    std::fs::remove_dir_all(&apt)?;
    let kernel = kept(row.name, part)?;
    let root = kernel.modules.ancestors().nth(3);
    modules::index(root.context("modules lie in lib/modules")?, &release)?;
    run::captured(run::command("sync").arg("-f").arg(part)).map(drop)
}

/// What lies in a folder that [`fetch`] made.
fn kept(name: &'static str, home: &Path) -> Result<Kernel> {
    let release = std::fs::read_to_string(home.join("release"))?;
    let root = home.join("root");
    let find = |places: [String; 2]| {
        let found = places.iter().map(|place| root.join(place));
        found.clone().find(|place| place.exists()).with_context(|| {
            let places: Vec<String> = found.map(|place| place.display().to_string()).collect();
            format!("kernel {release} has none of {}", places.join(", "))
        })
    };
    Ok(Kernel {
        name,
        image: find([
            format!("boot/vmlinuz-{release}"),
            format!("usr/lib/modules/{release}/vmlinuz"),
        ])?,
        modules: find([
            format!("lib/modules/{release}"),
            format!("usr/lib/modules/{release}"),
        ])?,
        release,
    })
}
