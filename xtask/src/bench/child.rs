//! A child process of a bench. Called by the benches that start more than one at a time.
//! Must never outlive the bench that started it.

use std::process::{Child, Command};

use anyhow::{Context, Result};

use crate::run;

/// A child that does not outlive this value.
pub(super) struct Ended(pub(super) Child);

impl Ended {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", run::words(command)))?;
        Ok(Self(child))
    }

    /// Sends it a signal, which Rust can't: `kill` is the shell's.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        let kill = format!("kill -{name} {}", self.0.id());
        run::captured(run::command("sh").args(["-c", &kill])).map(drop)
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
