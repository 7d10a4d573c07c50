//! Where the cases take place: a cgroup, a network, sockets; made when a case first needs them.
//! Must never leave anything of it behind.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::nbd::Nbd;
use super::network::{self, Cable, Network};

/// What the cases share.
pub(super) struct Field {
    cgroup: PathBuf,
    root: PathBuf,
    network: Option<(Cable, Network)>,
    nbd: Option<Nbd>,
    /// For sockets that have names.
    pub(super) folder: tempfile::TempDir,
}

impl Field {
    /// Joins a cgroup of its own, so that whatever is in it is the test's doing.
    pub(super) fn new() -> Result<Self> {
        let root = cgroup_root()?;
        let cgroup = root.join("marrow-hooks");
        let field = Self {
            cgroup,
            root,
            network: None,
            nbd: None,
            folder: tempfile::tempdir()?,
        };
        field.join()?;
        Ok(field)
    }

    /// The cgroup's path.
    pub(super) fn cgroup(&self) -> &Path {
        &self.cgroup
    }

    /// Makes the cgroup and moves this process there.
    pub(super) fn join(&self) -> io::Result<()> {
        if !self.cgroup.is_dir() {
            std::fs::create_dir(&self.cgroup)?;
        }
        move_to(&self.cgroup)
    }

    /// Moves this process out of the cgroup and removes it; sockets stay in theirs, so those of the
    /// network go too.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        self.network = None;
        move_to(&self.root)?;
        std::fs::remove_dir(&self.cgroup)
    }

    /// Does what must not be done in the cgroup.
    pub(super) fn apart<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        move_to(&self.root)?;
        let done = work();
        self.join()?;
        done
    }

    /// A block device of our own.
    pub(super) fn nbd(&mut self) -> Result<&mut Nbd> {
        if self.nbd.is_none() {
            self.nbd = Some(Nbd::new()?);
        }
        self.nbd.as_mut().context("it was just made")
    }

    /// Makes other namespaces of the same names.
    pub(super) fn lay_anew(&mut self, cable: Cable) -> Result<()> {
        self.network = None;
        self.network(cable).map(drop)
    }

    /// The network that there is.
    pub(super) fn laid(&self) -> Result<&Network> {
        let (_, network) = self.network.as_ref().context("there is no network")?;
        Ok(network)
    }

    /// The network over this cable.
    pub(super) fn network(&mut self, cable: Cable) -> Result<&Network> {
        if !matches!(&self.network, Some((laid, _)) if *laid == cable) {
            self.network = None;
            self.network = Some((cable, Network::new(cable)?));
        }
        self.laid()
    }
}

fn move_to(cgroup: &Path) -> io::Result<()> {
    let mut members = OpenOptions::new()
        .write(true)
        .open(cgroup.join("cgroup.procs"))?;
    members.write_all(std::process::id().to_string().as_bytes())
}

/// Where cgroups of version 2 are mounted.
fn cgroup_root() -> Result<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let mut lines = mounts.lines().map(|line| line.split(' '));
    let found = lines.find_map(|mut words| {
        let place = words.nth(1)?;
        (words.next()? == "cgroup2").then(|| PathBuf::from(place))
    });
    found.context("cgroups of version 2 are not mounted")
}

impl Drop for Field {
    fn drop(&mut self) {
        // What is left shows in the next run.
        let _left = self.leave();
        network::remove();
    }
}
