//! The node's daemon, as the cases talk to it: about one instance, with the project's own client.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use api::client::{Client, ClientError, MapQuery};
use api::node::{Applied, Instance, Settings, Timing};
use tokio::runtime::{Builder, Runtime};

use crate::daemon;

/// The instance that every case starts.
const INSTANCE: &str = "hooks";
/// The program of hook.bpf.c.
pub(super) const PROGRAM: &str = "hooks_program";

/// A daemon that ends with the program.
pub(super) struct Daemon {
    own: Mutex<daemon::Daemon>,
    client: Client,
    runtime: Runtime,
}

impl Daemon {
    /// Starts one and waits until it listens.
    pub(super) fn start(node: &Path) -> Result<Self> {
        let own = daemon::Daemon::start(node)?;
        Ok(Self {
            client: own.client(),
            own: Mutex::new(own),
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.own().pid()
    }

    fn own(&self) -> MutexGuard<'_, daemon::Daemon> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills it, without a word.
    pub(super) fn kill(&self) -> Result<()> {
        self.own().kill()
    }

    /// Starts another one in its place, which has gone on with what was left when this returns.
    pub(super) fn start_again(&self) -> Result<()> {
        self.own().start_again()
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

    /// What is in one of its maps.
    pub(super) fn map(&self, map: &str) -> Result<serde_json::Value> {
        let query = MapQuery::default();
        let content = self.client.map(INSTANCE, map, &query);
        let content = self.runtime.block_on(content).context("reading a map")?;
        Ok(serde_json::to_value(content)?)
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
