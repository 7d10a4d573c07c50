//! A registry for `demo` and `bench`. Must never print its admin token.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Process, binary};

/// A running `registry serve`.
pub(crate) struct Registry {
    process: Process,
    /// `http://HOST:PORT`.
    pub(crate) url: String,
    /// A file with the admin token, which only this user may read.
    pub(crate) token_file: PathBuf,
}

impl Registry {
    /// Starts a new one in the folder, as it is shipped, and waits until it says where it listens.
    ///
    /// # Errors
    /// When it does not start, ends, or does not say so in time; with what it printed.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::start_program(&binary("registry"), folder, &[])
    }

    /// As [`Registry::start`], from another build and with more arguments.
    ///
    /// # Errors
    /// As [`Registry::start`].
    pub(crate) fn start_program(program: &Path, folder: &Path, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--json", "serve", "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(folder.join("registry"));
        command.args(more);
        let mut process = Process::start("registry", folder, &mut command)?;
        let log = process.log().to_owned();
        let said = |field: &'static str| {
            let log = log.clone();
            move || {
                let printed = std::fs::read_to_string(&log).ok()?;
                let mut lines = printed.lines();
                lines.find_map(|line| {
                    let line: Value = serde_json::from_str(line).ok()?;
                    line.get(field)?.as_str().map(str::to_owned)
                })
            }
        };
        let url = process.until(said("listening"))?;
        let token = process.until(said("admin_token"))?;
        let token_file = folder.join("admin.token");
        std::fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&token_file)?
            .write_all(token.as_bytes())?;
        Ok(Self {
            process,
            url,
            token_file,
        })
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The admin token.
    ///
    /// # Errors
    /// When its file is gone.
    pub(crate) fn token(&self) -> Result<String> {
        std::fs::read_to_string(&self.token_file).context("reading the admin token")
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
