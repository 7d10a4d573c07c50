//! A server that was started here: its journal, its end. Used by the nodes and registries of `demo`
//! and `bench`, and by the servers that a bench compares with.
//! Must never outlive the command that started it, unless it is kept.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{output, run, waiting};

/// How long a server may take until it answers, and until it has gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
    kept: bool,
}

impl Process {
    /// Shows the command and starts it. What it prints goes to `<name>.log` in the folder.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(name: &'static str, folder: &Path, command: &mut Command) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        output::line(&format!("$ {}", run::words(command)));
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        Ok(Self {
            child,
            name,
            log,
            kept: false,
        })
    }

    /// Waits until `answer` gives something.
    ///
    /// # Errors
    /// When the server ends or time runs out before; with what it printed.
    pub(crate) fn until<T>(&mut self, answer: impl Fn() -> Option<T>) -> Result<T> {
        let (child, name, log) = (&mut self.child, self.name, &self.log);
        let silent = || format!("the {name} does not answer:\n{}", printed(log));
        let look = || {
            let answer = answer();
            if answer.is_none() && child.try_wait()?.is_some() {
                bail!(silent());
            }
            Ok(answer)
        };
        waiting::until(PATIENCE, look, silent)
    }

    /// What it has printed until now.
    pub(crate) fn printed(&self) -> String {
        printed(&self.log)
    }

    /// Where that goes.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that it and what it shares occupy now.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .context("no VmRSS in the status of the process")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
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
        let (name, seconds) = (self.name, PATIENCE.as_secs());
        let ended = || Ok(self.child.try_wait()?);
        let status = waiting::until(PATIENCE, ended, || {
            format!("the {name} did not end {seconds} s after SIGTERM")
        })?;
        if !status.success() {
            bail!("the {name} ended with {status}");
        }
        Ok(())
    }
}

fn printed(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.kept {
            // After a failure nothing more is asked of it; the kernel detaches what it held.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
