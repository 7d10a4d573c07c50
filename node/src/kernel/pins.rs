//! Pins in bpffs: what keeps an instance's programs, maps and links when the daemon is gone, and
//! where the next one finds them. Made by the engine, used by seats and generations.
//! Must never leave a pin that nobody owns: whoever drops what it stands for removes it.
#![expect(
    unsafe_code,
    reason = "libbpf-rs pins no descriptors that it did not make"
)]

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libbpf_rs::MapHandle;
use payload::digest::Digest;

use super::hook::Filter;
use super::sys;

/// Where the kernel's file system of pins is mounted on every distribution.
const BPFFS: &CStr = c"/sys/fs/bpf";
/// All pins of all daemons of this machine.
const FOLDER: &str = "marrow";
/// Letters of the digest of a state folder's path that tell daemons apart.
const KEY_LETTERS: usize = 16;
/// Pins that one instance may have, of which a folder is read.
const PINS_MAX: usize = 65_536;

/// The pins of one daemon.
#[derive(Debug, Clone)]
pub(crate) struct Pins {
    folder: PathBuf,
}

impl Pins {
    /// The pins of the daemon with this state folder.
    ///
    /// # Errors
    /// There is no bpffs, or no folder can be made in it.
    pub(crate) fn open(state_dir: &Path) -> io::Result<Self> {
        let mount = Path::new(OsStr::from_bytes(BPFFS.to_bytes()));
        if !sys::is_bpffs(BPFFS)? {
            let reason = format!("no bpffs is mounted at {}", mount.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, reason));
        }
        let whose = fs::canonicalize(state_dir)?;
        let digest = Digest::of(whose.as_os_str().as_bytes()).to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        let key: String = hex.chars().take(KEY_LETTERS).collect();
        let folder = mount.join(FOLDER).join(key);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The place of an instance.
    pub(crate) fn place(&self, instance: &str) -> Arc<Place> {
        let folder = self.folder.join(escaped(instance));
        let names = names(&folder).unwrap_or_default();
        let highest = names.iter().filter_map(|name| highest_number(name)).max();
        Arc::new(Place {
            folder,
            last: AtomicU64::new(highest.unwrap_or(0)),
            left: AtomicBool::new(false),
        })
    }

    /// Removes the pins of all instances but these, and gives the names of those that had some.
    pub(crate) fn keep_only(&self, instances: &[&str]) -> Vec<String> {
        let found = names(&self.folder).unwrap_or_default();
        let found = found.iter().filter_map(|name| unescaped(name));
        let others: Vec<String> = found
            .filter(|name| !instances.contains(&name.as_str()))
            .collect();
        for name in &others {
            self.place(name).remove();
        }
        others
    }

    /// Removes the daemon's folder, where no instance is left in it.
    pub(crate) fn leave(&self) {
        // One that is not empty stays.
        let _stays = fs::remove_dir(&self.folder);
    }
}

/// The pins of one instance.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The highest number that a name has.
    last: AtomicU64,
    /// Pins stay whoever drops them.
    left: AtomicBool,
}

/// A pin. It goes when this is dropped, unless its place was left.
#[derive(Debug)]
pub(crate) struct Pinned {
    place: Arc<Place>,
    name: String,
}

impl Place {
    /// Makes the folder, empty.
    ///
    /// # Errors
    /// The file system says no.
    pub(crate) fn begin(&self) -> io::Result<()> {
        self.remove();
        fs::create_dir(&self.folder)
    }

    /// Whether what is pinned stays, whoever drops it: somebody else is to go on with it.
    pub(crate) fn set_left(&self, left: bool) {
        self.left.store(left, Ordering::Relaxed);
    }

    /// A number that no name has yet.
    pub(crate) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Pins a program, a map or a link. What has the name goes on until then.
    ///
    /// # Errors
    /// The kernel's; older ones can't pin every link.
    pub(crate) fn pin(self: &Arc<Self>, what: BorrowedFd<'_>, name: String) -> io::Result<Pinned> {
        let path = self.path(&name)?;
        // SAFETY: the descriptor is open and the path NUL-terminated over the call.
        let result = unsafe { libbpf_sys::bpf_obj_pin(what.as_raw_fd(), path.as_ptr()) };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result));
        }
        Ok(self.owned(name))
    }

    /// What is pinned under a name.
    ///
    /// # Errors
    /// Nothing is.
    pub(crate) fn get(&self, name: &str) -> io::Result<OwnedFd> {
        let path = self.path(name)?;
        // SAFETY: the path is NUL-terminated over the call.
        let result = unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) };
        if result < 0 {
            return Err(io::Error::from_raw_os_error(-result));
        }
        // SAFETY: the kernel has just given this descriptor to us alone.
        Ok(unsafe { OwnedFd::from_raw_fd(result) })
    }

    /// The map that is pinned under a name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn map(&self, name: &str) -> io::Result<MapHandle> {
        // The path has no NUL: names of instances have none, and the rest is ours.
        MapHandle::from_pinned_path(self.folder.join(name)).map_err(io::Error::other)
    }

    /// Takes over a pin that is there.
    pub(crate) fn owned(self: &Arc<Self>, name: String) -> Pinned {
        Pinned {
            place: Arc::clone(self),
            name,
        }
    }

    /// The names that there are.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.folder).unwrap_or_default()
    }

    /// Removes what has this name, and the filter that it tells of: the pin is all that is known of it.
    pub(crate) fn unpin(&self, name: &str) {
        if Filter::is_told(name)
            && let Ok(program) = self.get(name)
        {
            // Its drop detaches it. It may have gone before.
            drop(Filter::found(name, program));
        }
        // Gone already is as good.
        let _gone = fs::remove_file(self.folder.join(name));
    }

    /// Removes what nobody owns.
    pub(crate) fn keep_only(&self, is_owned: impl Fn(&str) -> bool) {
        for name in self.names() {
            if !is_owned(&name) {
                self.unpin(&name);
            }
        }
    }

    /// Removes every pin, and the folder.
    pub(crate) fn remove(&self) {
        for name in self.names() {
            self.unpin(&name);
        }
        // It may not be there.
        let _gone = fs::remove_dir(&self.folder);
    }

    fn path(&self, name: &str) -> io::Result<CString> {
        let path = self.folder.join(name);
        CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
    }
}

impl Pinned {
    /// Removes it, also from a place that is left.
    pub(super) fn remove(self) {
        self.place.unpin(&self.name);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if !self.place.left.load(Ordering::Relaxed) {
            self.place.unpin(&self.name);
        }
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)?.take(PINS_MAX) {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A text in letters that bpffs takes, which are no dots and no slashes: others as `%` and two hexadecimal
/// digits.
pub(super) fn escaped(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(letter).collect()
}

/// The text that was escaped so.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The highest number in a name, whatever it counts; behind `_w` it tells of a target.
fn highest_number(name: &str) -> Option<u64> {
    let name = name.split("_w").next().unwrap_or(name);
    let numbers = name.split(|letter: char| !letter.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_behind_all_that_names_have() {
        assert_eq!(highest_number("s3_l17_0_1"), Some(17));
        assert_eq!(highest_number("s3_l17_0_1_w5_4026531840"), Some(17));
        assert_eq!(highest_number("gate"), None);
    }
}
