//! A temporary folder and runs of `packer` in it. Used by every test of the commands.
//! Must never let a test see the user's own cache, configuration or environment.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A temporary folder that the commands run in.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    configuration: tempfile::NamedTempFile,
    environment: Vec<(String, PathBuf)>,
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) output: Vec<u8>,
    pub(crate) messages: String,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            folder,
            configuration: tempfile::NamedTempFile::new().expect("a temporary file"),
            environment: Vec::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        let mut file = fs::File::create(&path).expect("a file");
        file.write_all(bytes.as_ref()).expect("room");
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry.expect("an entry")))
            .collect();
        names.sort();
        names
    }

    /// Sets a variable of the environment for later runs.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<Path>) {
        self.environment
            .push((name.to_owned(), value.as_ref().to_owned()));
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    /// Runs `packer` with these bytes on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut packer = Command::new(env!("CARGO_BIN_EXE_packer"));
        packer.args(arguments).current_dir(self.folder.path());
        packer.env("MARROW_CACHE_DIR", self.path("cache"));
        packer.env("MARROW_PACKER_CONFIG", self.configuration.path());
        for name in ["MARROW_REGISTRY", "MARROW_TOKEN", "MARROW_CA"] {
            packer.env_remove(name);
        }
        packer.envs(self.environment.iter().map(|(name, value)| (name, value)));
        packer
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut packer = packer.spawn().expect("packer starts");
        let mut stdin = packer.stdin.take().expect("piped");
        // A command that reads no standard input may be gone already.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = packer.wait_with_output().expect("packer ends");
        Ran {
            code: output.status.code().expect("an exit code"),
            output: output.stdout,
            messages: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Ran {
    /// Whether a handler in Rust could not be built for want of its library, which must have been said.
    pub(crate) fn lacks_rust_library(&self) -> bool {
        if self.code == 0 {
            return false;
        }
        assert_eq!(self.code, 3, "{}", self.messages);
        assert!(self.output.is_empty(), "{}", self.text());
        assert!(
            self.messages.contains("rustup target add wasm32v1-none"),
            "{}",
            self.messages
        );
        true
    }

    /// Checks that the command did what it was asked to.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.messages);
        self
    }

    /// Checks the exit code of a failure, and that it left nothing on standard output.
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}", self.messages);
        assert!(self.output.is_empty(), "{}", self.text());
        self.messages
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.output)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.output.clone()).expect("UTF-8")
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A golden file of the legacy JSON.
pub(crate) fn golden(name: &str) -> PathBuf {
    repository("payload/tests/golden/legacy").join(name)
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
