//! Why a payload was not started or an update not made. Whatever ran before goes on.

use payload::object::SettingError;

use super::NotYours;
use super::handlers::HandlerError;

use crate::instance::reader::ReaderDead;
use crate::kernel::hook::HookError;
use crate::kernel::load::LoadError;
use crate::sink::SinkError;

/// Why a payload was not started or an update not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The payload holds no object for this machine.
    #[error("the payload has objects for {has}, this machine needs {needs}")]
    Architecture {
        /// The architectures it has, comma-separated.
        has: String,
        /// This machine's.
        needs: &'static str,
    },
    /// A program's hook can't be served.
    #[error("program {program} (section {section}): {source}")]
    Hook {
        /// The program.
        program: String,
        /// Its section.
        section: String,
        /// Why.
        source: Box<HookError>,
    },
    /// No program of the object has a hook.
    #[error(
        "none of the object's programs names a hook to attach to: {programs}; where the kind has \
         places to attach to, `target` names one for a program (PROGRAM=INTERFACE, say)"
    )]
    NothingToAttach {
        /// The programs and their sections.
        programs: String,
    },
    /// A variable can't have the value it is given.
    #[error("{field}: {source}")]
    Setting {
        /// Where the value stands.
        field: String,
        /// Why.
        source: SettingError,
    },
    /// libbpf or the kernel's verifier refused the object.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A map that the manifest requires to go on can't.
    #[error("map {map} must go on (carry = require) and can't: {reason}")]
    Carry {
        /// The map.
        map: String,
        /// Why.
        reason: String,
        /// The types that differ, side by side, where that is the reason.
        layouts: Option<String>,
    },
    /// An event's struct can't be decoded.
    #[error("the struct of ring {map} cannot be decoded: {reason}")]
    Event {
        /// The ring's map.
        map: String,
        /// Why.
        reason: String,
    },
    /// The handler is refused, or does not start.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// A ring or another resource of the machine could not be had.
    #[error("{what}: {source}")]
    Machine {
        /// What was wanted.
        what: String,
        /// What the machine said.
        source: std::io::Error,
    },
    /// A sink could not be opened.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The node is full.
    #[error("this node runs {instances_max} instances, its most; stop one first")]
    TooManyInstances {
        /// The bound.
        instances_max: usize,
    },
    /// The name is taken by somebody else's instance.
    #[error(transparent)]
    NotYours(#[from] NotYours),
    /// The moment at which it was to take over has moved away.
    #[error("the time at which it was to take over has moved away with the clock")]
    MovedAway,
    /// A change of generations did not come to its end: something failed that never should.
    #[error(
        "a change of this instance's generations did not come to its end; stop the instance and \
         start it again"
    )]
    Unfinished,
    /// The reader of the instance has died.
    #[error("{}", ReaderDead)]
    ReaderDead,
}

impl From<ReaderDead> for ApplyError {
    fn from(_: ReaderDead) -> Self {
        Self::ReaderDead
    }
}

/// Whose fault it is, for status and exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The payload can't run here: sending it again changes nothing.
    Reject,
    /// The machine was short of something: it may work later.
    Retry,
}

impl ApplyError {
    /// The machine did not give `what`.
    pub(super) fn machine(what: &str, source: std::io::Error) -> Self {
        Self::Machine {
            what: what.to_owned(),
            source,
        }
    }

    /// What explains it at length, where something does: the log of libbpf or the verifier, or the
    /// types that differ.
    pub(crate) fn log(&self) -> Option<&str> {
        match self {
            Self::Load(error) => Some(error.log()).filter(|log| !log.is_empty()),
            Self::Carry { layouts, .. } => layouts.as_deref(),
            _ => None,
        }
    }

    /// Whose fault it is.
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Architecture { .. }
            | Self::Hook { .. }
            | Self::NothingToAttach { .. }
            | Self::Setting { .. }
            | Self::Carry { .. }
            | Self::Load(_)
            | Self::Event { .. } => Class::Reject,
            Self::Handler(error) => error.class(),
            Self::Machine { .. }
            | Self::Sink(_)
            | Self::TooManyInstances { .. }
            | Self::NotYours(_)
            | Self::MovedAway
            | Self::Unfinished
            | Self::ReaderDead => Class::Retry,
        }
    }

    /// The field of the input that is at fault, where one is.
    pub(crate) fn field(&self) -> Option<String> {
        match self {
            Self::Architecture { .. } => Some("objects".to_owned()),
            Self::Hook { program, .. } | Self::Load(LoadError::Verify { program, .. }) => {
                Some(format!("programs.{program}"))
            }
            Self::Setting { field, .. } => Some(field.clone()),
            Self::NothingToAttach { .. } => Some("programs".to_owned()),
            Self::Carry { map, .. } => Some(format!("maps.{map}")),
            Self::Event { map, .. } => Some(format!("events.{map}")),
            Self::Handler(_) => Some("handler".to_owned()),
            _ => None,
        }
    }
}
