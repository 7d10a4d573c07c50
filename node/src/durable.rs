//! Files that a crash leaves whole: the one of before or the new one, never half of either.
//! Used by whatever the node keeps on disk.
//! Must never return before the disk has what was written, the name included.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the name of a file ends with while it is being written.
pub(crate) const UNFINISHED: &str = ".new";
/// The file that proves that there is room.
const PROOF: &str = "room.new";
/// Its bytes: more than any small file that is kept.
const PROOF_BYTES: usize = 16 << 10;
/// Only the owner reads what the node keeps.
const MODE: u32 = 0o600;

/// Puts `bytes` in the place of what `path` held, mode 0600. Two writers of one path must take turns.
///
/// # Errors
/// The file system says no; `path` holds what it held.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    let unfinished = Path::new(&name);
    let written = write(unfinished, bytes).and_then(|()| fs::rename(unfinished, path));
    if written.is_err() {
        // A full disk needs the room more than anybody needs half a file.
        let _ = fs::remove_file(unfinished);
    }
    written?;
    settle_name(path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(MODE)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Proves that a folder takes a file of [`PROOF_BYTES`]: writes one to the disk and removes it.
///
/// # Errors
/// The file system says no: it is full, read-only, or not ours.
pub(crate) fn prove_writable(folder: &Path) -> io::Result<()> {
    let proof = folder.join(PROOF);
    let written = write(&proof, &[0; PROOF_BYTES]);
    let removed = fs::remove_file(&proof);
    written.and(removed)
}

/// Waits until the disk knows the names in the folder of `path`.
///
/// # Errors
/// The file system says no.
pub(crate) fn settle_name(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        // What a crash left.
        File::create(folder.path().join("kept.new")).unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_told_before_one_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        prove_writable(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::create_dir(folder.path().join(PROOF)).unwrap();
        assert!(prove_writable(folder.path()).is_err());
        assert!(prove_writable(&folder.path().join("gone")).is_err());
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        replace(&path, b"one").unwrap();
        // Something else has the name of the unfinished file.
        fs::create_dir(folder.path().join("kept.new")).unwrap();
        assert!(replace(&path, b"two").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }
}
