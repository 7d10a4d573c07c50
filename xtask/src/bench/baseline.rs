//! The C programs that a bench compares with, linked with the libbpf that the node has inside.
//! Called by `bench`. Must never be linked with the machine's own libbpf: another version.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::{bpf, run};

const PROGRAMS: [&str; 9] = [
    "loader", "meter", "flood", "printer", "sink", "flips", "whole", "cost", "flow",
];

/// Where the compiled programs and objects are.
pub(crate) struct Baseline {
    folder: PathBuf,
}

impl Baseline {
    /// Compiles them with gcc, optimised; the node must have been built before.
    ///
    /// # Errors
    /// When libbpf is not found or a compiler refuses a source.
    pub(crate) fn build() -> Result<Self> {
        let folder = run::target().join("bench");
        std::fs::create_dir_all(&folder)?;
        for name in PROGRAMS {
            let source = format!("tests/bench/{name}.c");
            with_libbpf(&source, "release", &folder.join(name))?;
        }
        let sources = run::root().join("tests/bench");
        for (source, name, flags) in [
            ("load.bpf.c", "load-1", "-DBUILD=1"),
            ("load.bpf.c", "load-2", "-DBUILD=2"),
            ("meter.bpf.c", "meter", ""),
            ("flood.bpf.c", "flood", ""),
            ("swap.bpf.c", "swap-1", "-DBUILD=1"),
            ("swap.bpf.c", "swap-2", "-DBUILD=2"),
            ("cost.bpf.c", "cost", ""),
        ] {
            bpf::compile_with(&sources.join(source), &folder, name, &[flags])?;
        }
        Ok(Self { folder })
    }

    /// A compiled program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A compiled object.
    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.bpf.o"))
    }
}

/// The switch that the node as it is shipped has inside.
///
/// # Errors
/// When the node was not built.
pub(crate) fn switch() -> Result<PathBuf> {
    let builds = run::target().join("release/build");
    Ok(newest(&builds, "node-", "switch.bpf.o")?.join("switch.bpf.o"))
}

/// Compiles a C program with the libbpf that the node of a profile (`debug`, `release`) has inside;
/// the node must have been built before.
///
/// # Errors
/// When libbpf is not found or gcc refuses the source.
pub(crate) fn with_libbpf(source: &str, profile: &str, program: &Path) -> Result<()> {
    let builds = run::target().join(profile).join("build");
    let libbpf = newest(&builds, "libbpf-sys-", "libbpf.a")?;
    let mut gcc = run::command("gcc");
    gcc.args(["-O2", "-Wall", "-Wextra", "-Werror"]);
    gcc.arg("-I").arg(libbpf.join("include"));
    gcc.arg(source).arg("-o").arg(program);
    run::captured(gcc.arg(libbpf.join("libbpf.a")).args(["-lelf", "-lz"])).map(drop)
}

/// The newest output folder of a build script that has a file of this name in it.
fn newest(builds: &Path, prefix: &str, file: &str) -> Result<PathBuf> {
    let made = |folder: &Path| -> Option<SystemTime> {
        std::fs::metadata(folder.join(file)).ok()?.modified().ok()
    };
    std::fs::read_dir(builds)
        .with_context(|| format!("listing {}", builds.display()))?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join("out"))
        .filter_map(|folder| made(&folder).map(|time| (time, folder)))
        .max()
        .map(|(_, folder)| folder)
        .with_context(|| format!("no {file} in {}", builds.display()))
}
