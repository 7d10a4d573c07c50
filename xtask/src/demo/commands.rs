//! The commands that the demo runs, so that there is something to see. Called by `demo`.
//! Must never forget one that it started: the account is settled against this list.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

/// Between two commands: some hundreds a second, and a core left for everything else.
const PAUSE: Duration = Duration::from_millis(1);
/// Each of this many fails, so that exit codes differ.
const FAILING_EVERY: usize = 10;

/// One command that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Its process.
    pub(crate) pid: u64,
    /// Its arguments, the program first, with a space between.
    pub(crate) args: String,
    /// What it ended with.
    pub(crate) exit_code: u64,
}

/// Commands that go on until they are stopped.
pub(crate) struct Commands {
    over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    thread: JoinHandle<Result<Vec<Ran>>>,
}

impl Commands {
    /// Starts running commands, one after the other.
    pub(crate) fn start() -> Self {
        let (over, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (its_over, its_count) = (Arc::clone(&over), Arc::clone(&count));
        let thread = std::thread::spawn(move || {
            let mut ran = Vec::new();
            while !its_over.load(Ordering::Relaxed) {
                ran.push(run(ran.len())?);
                its_count.store(ran.len(), Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
            Ok(ran)
        });
        Self {
            over,
            count,
            thread,
        }
    }

    /// Waits until that many more have run.
    ///
    /// # Errors
    /// When they do not in time.
    pub(crate) fn more(&self, commands: usize, patience: Duration) -> Result<()> {
        let goal = self.count.load(Ordering::Relaxed) + commands;
        let deadline = Instant::now() + patience;
        while self.count.load(Ordering::Relaxed) < goal {
            ensure!(
                !self.thread.is_finished(),
                "commands cannot be run any more"
            );
            ensure!(
                Instant::now() < deadline,
                "{commands} commands did not run in {patience:?}"
            );
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Ends them; gives all that ran.
    ///
    /// # Errors
    /// When one could not be run.
    pub(crate) fn stop(self) -> Result<Vec<Ran>> {
        self.over.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread of the commands panicked"))?
    }
}

fn run(number: usize) -> Result<Ran> {
    let program = if number.is_multiple_of(FAILING_EVERY) {
        "/bin/false"
    } else {
        "/bin/true"
    };
    let mark = format!("marrow-demo-{}", std::process::id());
    let mut child = Command::new(program)
        .args([&mark, &number.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let exit_code = child
        .wait()?
        .code()
        .and_then(|code| u64::try_from(code).ok());
    let exit_code = exit_code.with_context(|| format!("{program} was killed"))?;
    Ok(Ran {
        pid: child.id().into(),
        args: format!("{program} {mark} {number}"),
        exit_code,
    })
}
