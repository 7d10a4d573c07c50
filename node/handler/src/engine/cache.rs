//! Compiled code on disk, by digest of the handler and by engine. Asked when a handler is compiled.
//! Must never hold what this process's user did not write: it is run as it is.
#![expect(unsafe_code, reason = "the engine believes compiled code")]

use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use payload::digest::Digest;
use rustix::fs::OFlags;
use wasmtime::Module;
use wasmtime::component::Component;

use super::EngineError;

/// Bytes of all files; beyond that the oldest go.
const CACHE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of one file.
const ARTIFACT_BYTES_MAX: u64 = CACHE_BYTES_MAX / 4;
/// Bytes of the digest that a file begins with.
const DIGEST_BYTES: usize = 32;
/// What the name of each file ends with.
const ENDING: &str = ".compiled";

/// A folder of this user's alone.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// What code was compiled of, and by what.
#[derive(Debug)]
pub(super) struct Key(String);

/// Code that an engine of this process's user wrote, as it was written.
#[derive(Debug)]
pub(crate) struct Artifact(Vec<u8>);

impl Key {
    /// The name of code of `wasm` for this version and these settings of an engine.
    pub(super) fn new(wasm: Digest, engine: &wasmtime::Engine) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(format!("{}-{:016x}{ENDING}", wasm.hex(), hasher.finish()))
    }
}

impl Artifact {
    /// The code of a core module, if this engine takes it.
    pub(crate) fn module(&self, engine: &wasmtime::Engine) -> Option<Module> {
        // SAFETY: only this process's user writes into the folder, and the bytes are those that an
        // engine gave.
        unsafe { Module::deserialize(engine, self.bytes()) }.ok()
    }

    /// The code of a component, if this engine takes it.
    pub(crate) fn component(&self, engine: &wasmtime::Engine) -> Option<Component> {
        // SAFETY: as above.
        unsafe { Component::deserialize(engine, self.bytes()) }.ok()
    }

    fn bytes(&self) -> &[u8] {
        self.0.get(DIGEST_BYTES..).unwrap_or_default()
    }
}

impl Cache {
    /// Opens the folder, or makes it.
    pub(super) fn open(folder: PathBuf) -> Result<Self, EngineError> {
        let refused = |rule: String| EngineError::Cache {
            folder: folder.clone(),
            rule,
        };
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|e| refused(e.to_string()))?;
        let found = fs::symlink_metadata(&folder).map_err(|e| refused(e.to_string()))?;
        let user = rustix::process::geteuid().as_raw();
        if !found.is_dir() {
            return Err(refused("is no folder".to_owned()));
        }
        if found.uid() != user {
            let of = found.uid();
            return Err(refused(format!("belongs to user {of}, not to {user}")));
        }
        if found.mode() & 0o077 != 0 {
            let bits = found.mode() & 0o777;
            return Err(refused(format!(
                "has mode {bits:o}, at most 700 is allowed"
            )));
        }
        Ok(Self { folder })
    }

    /// The code of this key, if there is any and it is as it was written.
    pub(super) fn load(&self, key: &Key) -> Option<Artifact> {
        let file = File::options()
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(self.folder.join(&key.0))
            .ok()?;
        let mut bytes = Vec::new();
        let read = file.take(ARTIFACT_BYTES_MAX + 1).read_to_end(&mut bytes);
        let artifact = Artifact(bytes);
        let digest = artifact.0.first_chunk::<DIGEST_BYTES>()?;
        // A file that a crash has cut would be run as it is.
        (read.is_ok() && Digest::of(artifact.bytes()).as_bytes() == digest).then_some(artifact)
    }

    /// Keeps code. Where that fails, the next who needs it compiles again.
    pub(super) fn keep(&self, key: &Key, code: &[u8]) {
        if code.len() as u64 + DIGEST_BYTES as u64 > ARTIFACT_BYTES_MAX {
            return;
        }
        if self.write(&self.folder.join(&key.0), code).is_ok() {
            self.evict(CACHE_BYTES_MAX);
        }
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(Digest::of(code).as_bytes())?;
        file.write_all(code)?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the oldest files until at most `bytes_max` are left.
    fn evict(&self, bytes_max: u64) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let found = entry.metadata().ok()?;
                Some((found.modified().ok()?, found.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, file_bytes, path) in files {
            if bytes <= bytes_max {
                break;
            }
            // Another engine of this user may have removed it.
            let _ = fs::remove_file(path);
            bytes -= file_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key(name: &str) -> Key {
        Key(name.to_owned())
    }

    #[test]
    fn a_folder_of_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Cache::open(folder.path().join("new")).unwrap();
        let mode = fs::metadata(&opened.folder).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let said = Cache::open(folder.path().to_owned())
            .unwrap_err()
            .to_string();
        assert!(said.contains("has mode 750, at most 700"), "{said}");
        let link = opened.folder.join("link");
        std::os::unix::fs::symlink(&opened.folder, &link).unwrap();
        let said = Cache::open(link).unwrap_err().to_string();
        assert!(said.contains("is no folder"), "{said}");
    }

    #[test]
    fn only_what_was_written_whole_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("a")).unwrap();
        assert!(cache.load(&key("none")).is_none());
        cache.keep(&key("one"), b"code");
        assert_eq!(cache.load(&key("one")).unwrap().bytes(), b"code");
        let path = cache.folder.join("one");
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            let file = File::options().write(true).open(&path).unwrap();
            file.set_len(0).unwrap();
            (&file).write_all(&whole[..cut]).unwrap();
            assert!(cache.load(&key("one")).is_none(), "{cut} bytes");
        }
        cache.keep(&key("one"), b"newer");
        assert_eq!(cache.load(&key("one")).unwrap().bytes(), b"newer");
        std::os::unix::fs::symlink(&path, cache.folder.join("two")).unwrap();
        assert!(cache.load(&key("two")).is_none());
    }

    #[test]
    fn the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("a")).unwrap();
        for (seconds, name) in [(2, "b"), (1, "a"), (3, "c")] {
            cache.keep(&key(name), &[0; 68]);
            let file = File::options()
                .write(true)
                .open(cache.folder.join(name))
                .unwrap();
            let modified = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.set_modified(modified).unwrap();
        }
        cache.evict(200);
        let is_kept = ["a", "b", "c"].map(|name| cache.load(&key(name)).is_some());
        assert_eq!(is_kept, [false, true, true]);
    }
}
