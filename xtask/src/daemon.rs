//! A node that `demo` or `bench` starts in a folder of its own, from the binaries just built.
//! Must never touch a node that it did not start.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{output, run};

/// How long the node may take until it answers, and until it has gone.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

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

/// Builds the node and the packer as they are shipped.
///
/// # Errors
/// When they do not compile.
pub(crate) fn build() -> Result<()> {
    run::shown(run::command("cargo").args(["build", "--release", "-p", "node", "-p", "packer"]))
}

/// A program of this workspace, as [`build`] left it.
pub(crate) fn binary(name: &str) -> PathBuf {
    run::target().join("release").join(name)
}

/// A running `node daemon`.
pub(crate) struct Node {
    child: Child,
    /// The unix socket of its local API.
    pub(crate) socket: PathBuf,
    /// `HOST:PORT` of its legacy address.
    pub(crate) legacy: String,
    kept: bool,
}

impl Node {
    /// Starts it and waits until it answers. What it prints goes to `node.log` in the folder.
    ///
    /// # Errors
    /// When it does not start, ends, or does not answer in time; with what it printed.
    pub(crate) fn start(folder: &Path, legacy: &str) -> Result<Self> {
        let socket = folder.join("node.sock");
        let log = folder.join("node.log");
        let file = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let mut command = Command::new(binary("node"));
        command
            .arg("daemon")
            .arg("--socket")
            .arg(&socket)
            .arg("--state-dir")
            .arg(folder.join("state"));
        command.args(["--legacy-listen", legacy]);
        output::line(&format!("$ {}", run::words(&command)));
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start the node")?;
        let mut node = Self {
            child,
            socket,
            legacy: legacy.to_owned(),
            kept: false,
        };
        let deadline = Instant::now() + PATIENCE;
        while node.get("/healthz").is_err() {
            let ended = node.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!(
                    "the node does not answer on {}:\n{said}",
                    node.socket.display()
                );
            }
            std::thread::sleep(PAUSE);
        }
        Ok(node)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `GET` from the local API, by curl.
    ///
    /// # Errors
    /// When nobody answers or the answer is no success.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut curl = run::command("curl");
        curl.args(["-sS", "--fail-with-body", "--unix-socket"])
            .arg(&self.socket);
        run::captured(curl.arg(format!("http://localhost{path}")))
    }

    /// `GET` from the local API, as JSON.
    ///
    /// # Errors
    /// As [`Node::get`], and when it is no JSON.
    pub(crate) fn json(&self, path: &str) -> Result<serde_json::Value> {
        let text = self.get(path)?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered {text}"))
    }

    /// Leaves it running when this value goes.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When it ends with a failure or not in time.
    pub(crate) fn stop(mut self) -> Result<()> {
        // Rust has no signals; `kill` is the shell's, and a program of util-linux or procps.
        run::captured(run::command("sh").args(["-c", &format!("kill -TERM {}", self.pid())]))?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the node ended with {status}");
            }
            std::thread::sleep(PAUSE);
        }
        bail!(
            "the node did not end {} s after SIGTERM",
            PATIENCE.as_secs()
        )
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if !self.kept {
            // After a failure nothing more is asked of it; the kernel detaches what it held.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
