//! The async runtime of a command, and the signals that end it.
//! Used by every command that waits.
//! Must never leave a signal to its default once something is attached.

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;

/// A runtime for a command that only asks.
///
/// # Errors
/// The system gives no event queue.
pub(super) fn small() -> Result<Runtime, CliError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|reason| CliError::System {
            what: "starting the async runtime",
            reason,
        })
}

/// A runtime for the daemon.
///
/// # Errors
/// The system gives no threads.
pub(super) fn threaded() -> Result<Runtime, CliError> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|reason| CliError::System {
            what: "starting the async runtime",
            reason,
        })
}

/// Ctrl-C, SIGTERM and SIGHUP, caught from when this is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop.
    Stop,
    /// To read the input again.
    Reload,
}

impl Signals {
    /// Begins to catch them. Needs a runtime around it.
    ///
    /// # Errors
    /// The system takes no handler.
    pub(super) fn caught() -> Result<Self, CliError> {
        let catch = |kind| {
            signal(kind).map_err(|reason| CliError::System {
                what: "catching signals",
                reason,
            })
        };
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }

    /// Waits until one asks to stop.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
