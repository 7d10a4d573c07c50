//! What a daemon holds in the kernel, as the kernel shows it.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{PoisonError, RwLock};

use payload::digest::Digest;
use tests::held;

/// Programs, maps and links that a daemon holds by descriptor, by kind and id, and its files in the
/// BPF file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) objects: held::Objects,
    pub(crate) pinned: BTreeSet<PathBuf>,
}

impl Held {
    /// What `pid` holds now.
    pub(crate) fn by(pid: u32) -> Self {
        let objects = held::objects(pid).unwrap();
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        let mut words = command
            .split('\0')
            .skip_while(|word| *word != "--state-dir");
        let pinned = words.nth(1).map(|state| pinned(Path::new(state)));
        Self {
            objects,
            pinned: pinned.unwrap_or_default(),
        }
    }

    /// How many objects of a kind.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.objects
            .iter()
            .filter(|(found, _)| *found == kind)
            .count()
    }
}

/// The files of the daemon with this state folder in the BPF file system.
pub(crate) fn pinned(state: &Path) -> BTreeSet<PathBuf> {
    let path = std::fs::canonicalize(state).unwrap();
    let digest = Digest::of(path.as_os_str().as_bytes()).to_string();
    let key = &digest.trim_start_matches("sha256:")[..16];
    let mut found = BTreeSet::new();
    walk(&Path::new("/sys/fs/bpf/marrow").join(key), &mut found);
    found
}

fn walk(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found);
        }
        found.insert(path);
    }
}

/// Held while a test waits until the kernel has let go of everything: a program array that bpftool opens
/// while it is being emptied stays for ever (see `tests::held::still_there`).
pub(crate) static LETTING_GO: RwLock<()> = RwLock::new(());

/// What bpftool tells of a kind; `None` where there is no bpftool.
pub(crate) fn bpftool(kind: &str) -> Option<Output> {
    let _nobody_lets_go = LETTING_GO.write().unwrap_or_else(PoisonError::into_inner);
    Command::new("bpftool").args([kind, "show"]).output().ok()
}

/// Whether the kernel has any program or map of this name, whoever holds it; `None` where there is
/// no bpftool to ask.
pub(crate) fn exists(kind: &str, name: &str) -> Option<bool> {
    let output = bpftool(kind)?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(
        text.lines()
            .any(|line| line.contains(&format!(" name {name} "))),
    )
}
