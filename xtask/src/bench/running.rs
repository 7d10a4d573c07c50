//! `node run` of a file that is replaced while it runs. Called by the benches that measure updates.
//! Must never go on without the proof of what it asked for.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::child::Ended;
use crate::daemon;

/// `node run` of a file, events and proofs as JSON.
pub(super) fn command(file: &Path) -> Command {
    let mut node = Command::new(daemon::binary("node"));
    node.args(["--json", "run"]).arg(file);
    node
}

/// A node whose file is replaced, without a bake.
pub(super) struct Running {
    process: Ended,
    /// Where its proofs come.
    told: BufReader<ChildStderr>,
    /// The file that it runs.
    file: PathBuf,
}

impl Running {
    /// Starts it on a copy of `first` and waits for the proof of its start.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(file: PathBuf, first: &Path, events: File) -> Result<Self> {
        std::fs::copy(first, &file)?;
        let mut command = command(&file);
        command.args(["--bake", "0"]).stdin(Stdio::null());
        let mut process = Ended::start(command.stdout(events).stderr(Stdio::piped()))?;
        let told = process.0.stderr.take().context("its errors are piped")?;
        let mut node = Self {
            process,
            told: BufReader::new(told),
            file,
        };
        let proof = node.proof()?;
        ensure!(proof["from"].is_null(), "no start: {proof}");
        Ok(node)
    }

    /// Has it read another file in place of the one it runs, and gives the proof of that.
    ///
    /// # Errors
    /// When it is no update.
    pub(super) fn update(&mut self, next: &Path) -> Result<Value> {
        let copy = self.file.with_extension("next");
        std::fs::copy(next, &copy)?;
        std::fs::rename(&copy, &self.file)?;
        self.process.signal("HUP")?;
        let proof = self.proof()?;
        ensure!(!proof["from"].is_null(), "no update: {proof}");
        Ok(proof)
    }

    fn proof(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        match serde_json::from_str::<Value>(&line) {
            Ok(proof) if proof["to"].is_object() => Ok(proof),
            _ => bail!("the node said {line:?} in place of a proof"),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it ends otherwise than it should.
    pub(super) fn stop(mut self) -> Result<()> {
        self.process.signal("TERM")?;
        let status = self.process.0.wait()?;
        ensure!(status.success(), "the node ended with {status}");
        Ok(())
    }
}
