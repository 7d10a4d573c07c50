//! Nodes and registries that `demo` and `bench` start in folders of their own, from the binaries just
//! built. Must never touch one that they did not start.

mod node;
mod process;
mod registry;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run;

pub(crate) use node::Node;
pub(crate) use process::Process;
pub(crate) use registry::Registry;

/// A folder that is removed with what is in it, unless it is kept.
pub(crate) struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// A new folder in the machine's place for temporary files; only this user may look into it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("marrow-{purpose}-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path, kept: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it on the disk.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed stays in the machine's folder for temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Every program that is shipped.
pub(crate) const PROGRAMS: [&str; 3] = ["node", "packer", "registry"];

/// Builds programs as they are shipped. With the features that the whole workspace asks for, since each other
/// choice of programs would compile wasmtime once more.
///
/// # Errors
/// When they do not compile.
pub(crate) fn build(programs: &[&str]) -> Result<()> {
    let mut cargo = run::cargo();
    cargo.args(["build", "--release", "--workspace"]);
    for program in programs {
        cargo.args(["--bin", program]);
    }
    run::shown(&mut cargo)
}

/// A program of this workspace, as [`build`] left it.
pub(crate) fn binary(name: &str) -> PathBuf {
    run::target().join("release").join(name)
}
