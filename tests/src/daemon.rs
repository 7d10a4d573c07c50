//! A node's daemon of our own, over its unix socket: for programs that run where there is no cargo, in
//! guests too. Used by `hooks` and `selftests`. Must never outlive its owner.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use api::client::Client;

use crate::calls::send_signal;

/// A daemon in a folder of its own.
pub struct Daemon {
    node: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
}

/// Between two looks whether it has: who looks all the time takes the processor from it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// How long one may take to end that is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

impl Daemon {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// When it can't be started or ends at once; the error holds what it said.
    pub fn start(node: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut daemon = Self {
            node: node.to_owned(),
            child: spawned(node, folder.path())?,
            folder,
        };
        daemon.is_ready()?;
        Ok(daemon)
    }

    /// Kills it, without a word.
    ///
    /// # Errors
    /// It had ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.is_alive()?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts another one over the same folder, and waits until it listens: then it has gone on with
    /// what was left.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub fn start_again(&mut self) -> Result<()> {
        self.child = spawned(&self.node, self.folder.path())?;
        self.is_ready()
    }

    /// The first line comes when it listens.
    fn is_ready(&mut self) -> Result<()> {
        let out = self.child.stdout.take();
        let out = out.context("standard output is piped")?;
        BufReader::new(out).read_line(&mut String::new())?;
        self.is_alive()
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

fn spawned(node: &Path, folder: &Path) -> Result<Child> {
    let journal = File::options()
        .create(true)
        .append(true)
        .open(folder.join(JOURNAL))?;
    Command::new(node)
        .args(["--json", "daemon", "--legacy-listen", "none", "--socket"])
        .arg(folder.join(SOCKET))
        .arg("--state-dir")
        .arg(folder.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(journal)
        .spawn()
        .with_context(|| format!("starting {}", node.display()))
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Asked to end it leaves nothing attached and nothing pinned.
        let _gone = send_signal(self.child.id(), libc::SIGTERM);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < ENDS_WITHIN {
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
