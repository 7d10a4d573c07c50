//! Why a command failed, with what the caller can do: every module's errors end up here.
//! Made by the modules' `From` implementations, shown by `output`, turned into an exit code by
//! `main`. Must never lose the class: scripts act on it.

use std::error::Error;

/// Who has to do something, and so the exit code, the same numbers as the node's command line has.
/// A command line that clap refuses is 2 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The machine: a file cannot be read or written, a tool is missing or broke.
    Fatal,
    /// The command line or the configuration file breaks a rule.
    Usage,
    /// The input breaks a rule, or the compiler, the node or its kernel's verifier says no: it will
    /// be refused again.
    Refused,
    /// Nobody answered, or not now: the same command may work later.
    Retry,
    /// A rollout that was watched ended without success, and every node has what it had.
    Undone,
    /// It ended half-way: some nodes may run the release.
    HalfWay,
    /// It waits for somebody.
    Paused,
    /// Who watched left; it goes on.
    Left,
}

/// Implemented by the error of each module.
pub(crate) trait Classed: Error {
    /// Who has to do something.
    fn class(&self) -> Class;

    /// What to do next, one line.
    fn next_step(&self) -> Option<String> {
        None
    }

    /// A longer text that belongs to it, such as the compiler's or the verifier's.
    fn log(&self) -> Option<String> {
        None
    }
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Who has to do something.
    pub(crate) class: Class,
    /// What broke which rule, one line.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) next_step: Option<String>,
    /// The compiler's or the verifier's text.
    pub(crate) log: Option<String>,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self.class {
            Class::Fatal => 1,
            Class::Usage => 2,
            Class::Refused => 3,
            Class::Retry => 4,
            Class::Undone => 5,
            Class::HalfWay => 6,
            Class::Paused => 7,
            Class::Left => 130,
        }
    }
}

impl<E: Classed> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
            next_step: error.next_step(),
            log: error.log(),
        }
    }
}
