//! The processes of `bench fleet` and `bench pages` beside the registry: the bare server, and a fleet
//! of simulated nodes that does what it is told line by line. Must never outlive the bench.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bench::child::Ended;
use crate::daemon::{Process, binary};

/// The bare server.
pub(in crate::bench) struct Floor {
    process: Process,
    /// `http://HOST:PORT`.
    pub(in crate::bench) url: String,
}

impl Floor {
    /// Starts it and waits until it says where it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub(in crate::bench) fn start(folder: &Path, version: &str) -> Result<Self> {
        let mut process = Process::start(
            "floor",
            folder,
            Command::new(binary("fleet")).args(["floor", version]),
        )?;
        let log = process.log().to_owned();
        let url = process.until(|| {
            let printed = std::fs::read_to_string(&log).ok()?;
            let told: Value = serde_json::from_str(printed.lines().next()?).ok()?;
            told["listening"].as_str().map(str::to_owned)
        })?;
        Ok(Self { process, url })
    }

    /// Its process.
    pub(in crate::bench) fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When it does not.
    pub(in crate::bench) fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// A fleet.
pub(in crate::bench) struct Load {
    process: Ended,
    told: BufReader<ChildStdout>,
}

impl Load {
    /// Starts a fleet of so many nodes for the server at `url`.
    ///
    /// # Errors
    /// When it does not start.
    pub(in crate::bench) fn start(
        url: &str,
        nodes: usize,
        operator: &Path,
        enrol: &[String],
    ) -> Result<Self> {
        let mut command = Command::new(binary("fleet"));
        command.args(["load", url, &nodes.to_string()]);
        command.arg(operator).args(enrol);
        let mut process = Ended::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let told = process.0.stdout.take().context("its output is piped")?;
        let told = BufReader::new(told);
        Ok(Self { process, told })
    }

    /// Has it do something, and gives its answer. It sets itself a deadline, and ends when that is
    /// over.
    ///
    /// # Errors
    /// When it fails.
    pub(in crate::bench) fn ask(&mut self, command: &str) -> Result<Value> {
        let input = self
            .process
            .0
            .stdin
            .as_mut()
            .context("its input is piped")?;
        writeln!(input, "{command}")?;
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the fleet failed at {command:?}");
        Ok(serde_json::from_str(&line)?)
    }

    /// The same, for an answer with this number in it.
    ///
    /// # Errors
    /// As [`Load::ask`].
    pub(in crate::bench) fn number(&mut self, command: &str, field: &str) -> Result<f64> {
        let told = self.ask(command)?;
        let number = told[field].as_f64();
        number.with_context(|| format!("no {field} in {told}"))
    }

    /// Ends its input and waits until it has ended.
    ///
    /// # Errors
    /// When it fails.
    pub(in crate::bench) fn stop(mut self) -> Result<()> {
        drop(self.process.0.stdin.take());
        let status = self.process.0.wait()?;
        ensure!(status.success(), "the fleet ended with {status}");
        Ok(())
    }
}
