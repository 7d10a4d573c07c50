//! The node's daemon, as the cases talk to it: over its unix socket, with the project's own client.
//! Must never outlive the program.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use api::client::{Client, ClientError};
use api::node::{Applied, Instance, Settings, Timing};
use tokio::runtime::{Builder, Runtime};

/// The instance that every case starts.
const INSTANCE: &str = "hooks";
/// The program of hook.bpf.c.
pub(super) const PROGRAM: &str = "hooks_program";

/// A daemon that ends with the program.
pub(super) struct Daemon {
    child: Child,
    client: Client,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts one and waits until it listens.
    pub(super) fn start(node: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("node.sock");
        let mut command = Command::new(node);
        command
            .args(["--json", "daemon", "--legacy-listen", "none", "--socket"])
            .arg(&socket)
            .arg("--state-dir")
            .arg(folder.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {}", node.display()))?;
        let stdout = child.stdout.take().context("it is piped")?;
        // It says where it listens, once it does.
        BufReader::new(stdout).read_line(&mut String::new())?;
        Ok(Self {
            child,
            client: Client::unix(&socket),
            runtime: Builder::new_current_thread().enable_all().build()?,
            _folder: folder,
        })
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts or updates the instance; the generation before stays loaded so long.
    pub(super) fn put(
        &self,
        object: &[u8],
        settings: &Settings,
        bake_ms: u64,
    ) -> std::result::Result<Applied, ClientError> {
        let timing = Timing {
            bake_ms: Some(bake_ms),
            at_ms: None,
        };
        let put = self.client.put(INSTANCE, object.to_vec(), settings, timing);
        self.runtime.block_on(put)
    }

    /// Puts the generation before in charge again.
    pub(super) fn roll_back(&self) -> Result<Applied> {
        let back = self.client.roll_back(INSTANCE);
        self.runtime.block_on(back).context("going back")
    }

    /// The instance as it is listed.
    pub(super) fn instance(&self) -> Result<Instance> {
        Ok(self.runtime.block_on(self.client.instance(INSTANCE))?)
    }

    /// Pauses it, or lets it go on.
    pub(super) fn set_paused(&self, paused: bool) -> Result<Instance> {
        Ok(if paused {
            self.runtime.block_on(self.client.pause(INSTANCE))?
        } else {
            self.runtime.block_on(self.client.resume(INSTANCE))?
        })
    }

    /// Runs its iterator.
    pub(super) fn iterate(&self) -> Result<()> {
        let read = self.client.iterate(INSTANCE, PROGRAM);
        self.runtime.block_on(read).map(drop).context("reading it")
    }

    /// Stops the instance, if there is one.
    pub(super) fn stop_instance(&self) {
        let _none = self.runtime.block_on(self.client.stop(INSTANCE));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
