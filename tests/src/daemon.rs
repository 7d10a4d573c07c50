//! A node's daemon of our own, over its unix socket: for programs that run where there is no cargo, in
//! guests too. Used by `hooks` and `selftests`. Must never outlive its owner.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use api::client::Client;

/// A daemon in a folder of its own.
pub struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// When it can't be started or ends at once; the error holds what it said.
    pub fn start(node: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(node)
            .args(["--json", "daemon", "--legacy-listen", "none", "--socket"])
            .arg(folder.path().join(SOCKET))
            .arg("--state-dir")
            .arg(folder.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join(JOURNAL))?)
            .spawn()
            .with_context(|| format!("starting {}", node.display()))?;
        let out = child.stdout.take().context("standard output is piped")?;
        let mut daemon = Self { child, folder };
        // The first line comes when it listens.
        BufReader::new(out).read_line(&mut String::new())?;
        daemon.is_alive()?;
        Ok(daemon)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::unix(&self.folder.path().join(SOCKET))
    }

    /// That it has not ended.
    ///
    /// # Errors
    /// It has; the error holds what it said.
    pub fn is_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let journal = std::fs::read_to_string(self.folder.path().join(JOURNAL))?;
            bail!("the daemon ended: {status}: {}", journal.trim());
        }
        Ok(())
    }
}

const SOCKET: &str = "node.sock";
const JOURNAL: &str = "journal";

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
