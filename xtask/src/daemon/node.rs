//! A node for `demo` and `bench`. Must never listen where other machines could reach it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Process, binary};
use crate::run;

/// A running `node daemon`.
pub(crate) struct Node {
    process: Process,
    /// The unix socket of its local API.
    pub(crate) socket: PathBuf,
    /// `HOST:PORT` of its legacy address.
    pub(crate) legacy: String,
}

impl Node {
    /// Starts it with more arguments and waits until it answers.
    ///
    /// # Errors
    /// When it does not start, ends, or does not answer in time; with what it printed.
    pub(crate) fn start(folder: &Path, legacy: &str, more: &[&str]) -> Result<Self> {
        let socket = folder.join("node.sock");
        let mut command = Command::new(binary("node"));
        command.arg("daemon").arg("--socket").arg(&socket);
        command.arg("--state-dir").arg(folder.join("state"));
        command.args(["--legacy-listen", legacy]).args(more);
        let mut process = Process::start("node", folder, &mut command)?;
        process.until(|| get(&socket, "/healthz").ok())?;
        Ok(Self {
            process,
            socket,
            legacy: legacy.to_owned(),
        })
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// `GET` from the local API, as JSON.
    ///
    /// # Errors
    /// When nobody answers, the answer is no success, or no JSON.
    pub(crate) fn json(&self, path: &str) -> Result<serde_json::Value> {
        let text = get(&self.socket, path)?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered {text}"))
    }

    /// Leaves it running when this value goes.
    pub(crate) fn keep(&mut self) {
        self.process.keep();
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When it ends with a failure or not in time.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// By curl, which speaks to unix sockets.
fn get(socket: &Path, path: &str) -> Result<String> {
    let mut curl = run::command("curl");
    curl.args(["-sS", "--fail-with-body", "--unix-socket"])
        .arg(socket);
    run::captured(curl.arg(format!("http://localhost{path}")))
}
