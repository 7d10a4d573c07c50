//! What the engine is asked for, and what it tells of its own accord. Made and heard by the daemon, the
//! fleet and the foreground commands. Must never decide anything.

use std::sync::Arc;

use api::node::{Applied, Instance, Owner, Settings};

use handler::effects::Level;

use super::{ApplyError, LeftBehind};
use crate::admit::Admitted;

/// What the engine did by itself.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// A watch failed: the generation of before is in charge again.
    RolledBack(&'a Applied),
    /// The last daemon died while a generation was watched: the one before it is in charge again.
    LeftBehind(&'a LeftBehind),
    /// What was staged took over at its time.
    Flipped(&'a Applied),
    /// An instance that another daemon left is gone on with.
    Resumed(&'a Instance),
    /// An instance of before was started anew.
    Restarted(&'a Instance),
    /// A line of a handler's log, or what became of a handler.
    Handler {
        /// The instance.
        instance: &'a str,
        /// How much it matters.
        level: Level,
        /// The line, without control characters.
        line: &'a str,
    },
    /// It could not do what it should have.
    Failed {
        /// The instance.
        instance: &'a str,
        /// What was not done.
        what: &'a str,
        /// Why.
        reason: String,
    },
}

/// Waits for the moment at which a generation is to take over, soon. False where it is not to any more.
pub(crate) type Hold<'a> = dyn Fn() -> bool + 'a;

/// Waits for what is to be waited for.
///
/// # Errors
/// It is not to take over any more.
pub(super) fn wait(hold: Option<&Hold<'_>>) -> Result<(), ApplyError> {
    match hold {
        Some(hold) if !hold() => Err(ApplyError::MovedAway),
        _ => Ok(()),
    }
}

/// A payload that is to run, and how.
pub(crate) struct Order<'a> {
    /// What is to run.
    pub(crate) payload: &'a Admitted,
    /// Who wants it.
    pub(crate) owner: &'a Owner,
    /// How long it is watched where it follows another generation, milliseconds.
    pub(crate) bake_ms: u64,
    /// What may be loaded beside it where another daemon left that: what ran before, or after it.
    pub(crate) beside: Option<&'a Admitted>,
    /// What is waited for right before it takes over, when all else is done.
    pub(crate) hold: Option<&'a Hold<'a>>,
    /// Its file, to go back to it; `None` where somebody else keeps that.
    pub(crate) kept: Option<Kept>,
}

/// A file that a generation was made from.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// As it came.
    pub(crate) bytes: Arc<[u8]>,
    /// What was set in it.
    pub(crate) settings: Settings,
}
