//! How a guest can fail, and why a module is refused before one is made of it.
//! Made here; judged by whoever runs the guest. A guest that failed must never be called again.

use wasmtime::{Trap, WasmBacktrace};

/// Why a call of a guest failed. The guest is of no use any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A trap: what the engine says, with the names of the functions.
    #[error("{call} trapped: {reason}")]
    Trap {
        /// The export that was called.
        call: &'static str,
        /// What happened.
        reason: String,
    },
    /// It ran for too long.
    #[error("{call} took longer than {ms_max} ms")]
    Deadline {
        /// The export that was called.
        call: &'static str,
        /// The limit.
        ms_max: u32,
    },
    /// It claims to have handled what it was not given, or half a record.
    #[error("on-events says that it handled {claimed} bytes of {offered}: {rule}")]
    Consumed {
        /// What it said.
        claimed: u32,
        /// What it was given.
        offered: u32,
        /// What is wrong with that.
        rule: &'static str,
    },
    /// A pointer or length that is not of its own memory, or of a window.
    #[error("{call}: {what} at {at} with {bytes} bytes {rule}")]
    Pointer {
        /// The function that was called.
        call: &'static str,
        /// What the pointer is for.
        what: &'static str,
        /// The address.
        at: u32,
        /// The length.
        bytes: u32,
        /// What is wrong with that.
        rule: &'static str,
    },
    /// Something else that the contract does not allow.
    #[error("{call}: {reason}")]
    Contract {
        /// The function that was called.
        call: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The machine gave no room for it.
    #[error("the machine has no room for the handler: {reason}")]
    Machine {
        /// What the machine said.
        reason: String,
    },
}

/// Names of functions that are told of a trap, the innermost first.
const FRAMES_MAX: usize = 8;

impl Fault {
    /// What an engine's error means that ended `call`.
    pub(crate) fn of(error: wasmtime::Error, call: &'static str) -> Self {
        let frames = error.downcast_ref::<WasmBacktrace>().map(frames);
        // The trace of the stack is put around the error; it is told in one line here.
        let skipped = usize::from(frames.is_some());
        let causes: Vec<String> = error
            .chain()
            .skip(skipped)
            .map(ToString::to_string)
            .collect();
        let is_trap = error.is::<Trap>();
        if let Ok(fault) = error.downcast::<Self>() {
            return fault;
        }
        let mut reason = causes.join(": ");
        if let Some(frames) = frames {
            reason.push_str(&frames);
        }
        if is_trap {
            Self::Trap { call, reason }
        } else {
            Self::Contract { call, reason }
        }
    }
}

/// The functions that were running, the innermost first.
fn frames(trace: &WasmBacktrace) -> String {
    let names = trace.frames().iter().take(FRAMES_MAX).map(|frame| {
        let number = || format!("function {}", frame.func_index());
        frame.func_name().map_or_else(number, str::to_owned)
    });
    format!(", in {}", names.collect::<Vec<_>>().join(" < "))
}

/// Why a handler is refused before any of its code runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedHandler {
    /// The engine takes no such code.
    #[error("the handler can't be compiled: {reason}")]
    Compile {
        /// What the engine says.
        reason: String,
    },
    /// It imports what it may not, or what no node has.
    #[error("the handler imports {import}, {rule}")]
    Import {
        /// Its name, as `module#function`.
        import: String,
        /// Why not.
        rule: String,
    },
    /// An export that the contract asks for is missing, or of another type.
    #[error("the handler's export {export}: {rule}")]
    Export {
        /// Its name.
        export: &'static str,
        /// What is wrong.
        rule: String,
    },
}
