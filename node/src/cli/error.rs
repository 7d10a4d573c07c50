//! Why a command failed, its exit code, and its form as a problem.
//! Returned by every command.
//! Must never lose the verifier's log on its way to the person.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use api::client::ClientError;
use api::problem::Problem;
use thiserror::Error;

use crate::daemon::{FollowerDied, ListenError};
use crate::door::UserUnknown;
use crate::engine::{ApplyError, Class};
use crate::fleet::{EnrolError, FleetError, StoreError};
use crate::intake::IntakeError;
use crate::toml_file::TomlError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// The daemon said no, or doesn't answer.
    #[error("{}{}", .0, next_step(.0))]
    Client(#[from] ClientError),
    /// The input is not one, or may not run.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// It can't run here.
    #[error(transparent)]
    Apply(Box<ApplyError>),
    /// The input can't be read.
    #[error("{what} can't be read: {reason}")]
    Read {
        /// A path, or standard input.
        what: String,
        /// What the system said.
        reason: io::Error,
    },
    /// The input is longer than anything that could run.
    #[error("{what} is longer than {bytes_max} bytes, the most that a payload may have")]
    TooLong {
        /// A path, or standard input.
        what: String,
        /// The bound.
        bytes_max: usize,
    },
    /// The daemon can't listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A user of `--allow-user` is unknown.
    #[error(transparent)]
    User(#[from] UserUnknown),
    /// More users than the bound.
    #[error("--allow-user names {count} users, at most {count_max} are allowed")]
    Users {
        /// How many there are.
        count: usize,
        /// The bound.
        count_max: usize,
    },
    /// The configuration can't be read, or breaks a rule.
    #[error(transparent)]
    Config(#[from] TomlError),
    /// A setting is none that there is.
    #[error("{field} {rule}")]
    Setting {
        /// The setting, as the configuration file calls it.
        field: &'static str,
        /// The rule that is broken.
        rule: String,
    },
    /// A setting names a file or a folder that can't be used.
    #[error("{place} {}: {rule}", path.display())]
    Path {
        /// Where it is set: a flag, or a file and its key.
        place: String,
        /// The file or folder.
        path: PathBuf,
        /// The rule that is broken.
        rule: String,
    },
    /// The registry's address, or what goes there, can't be any.
    #[error("{place}: {reason}")]
    Registry {
        /// Where it is set: a flag, or a file and its key.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The node can't follow its registry.
    #[error(transparent)]
    Fleet(Box<FleetError>),
    /// What follows the registry died.
    #[error(transparent)]
    FollowerDied(#[from] FollowerDied),
    /// The node was not enrolled.
    #[error(transparent)]
    Enrol(Box<EnrolError>),
    /// The state folder can't be used.
    #[error("--state-dir {}: {reason}", path.display())]
    StateDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Another daemon has the state folder.
    #[error(
        "--state-dir {}: another daemon keeps its state there; give this one its own --state-dir, \
         --socket and --legacy-listen", path.display()
    )]
    StateDirTaken {
        /// The folder.
        path: PathBuf,
    },
    /// Which instance is meant is not clear.
    #[error("{count} instances run here: {names}; name one")]
    WhichInstance {
        /// How many there are.
        count: usize,
        /// Their names.
        names: String,
    },
    /// No instance runs, and one is needed.
    #[error("nothing runs here: start something with `node update @FILE`, then ask again")]
    NothingRuns,
    /// The argument is no JSON, but the name of a file.
    #[error("{name} is not JSON but a file: `node update @{name}` reads it")]
    FileWithoutAt {
        /// The argument.
        name: String,
    },
    /// The folder of `--events-dir` can't be used.
    #[error("--events-dir {}: {reason}", path.display())]
    EventsDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The system denied something the command needs to run at all.
    #[error("{what}: {reason}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// A second Ctrl-C came before the last events were read.
    #[error("ended before the last events were read from standard output")]
    Unread,
    /// The result can't be printed.
    #[error("printing failed: {0}")]
    Print(io::Error),
}

/// What to do where nobody has made the socket, or whoever had is gone.
fn next_step(error: &ClientError) -> &'static str {
    match error {
        ClientError::Unreachable { reason, .. }
            if matches!(
                reason.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            "; start one with `node daemon`, or name another with --socket"
        }
        _ => "",
    }
}

impl From<ApplyError> for CliError {
    fn from(error: ApplyError) -> Self {
        Self::Apply(Box::new(error))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        FleetError::from(error).into()
    }
}

impl From<FleetError> for CliError {
    fn from(error: FleetError) -> Self {
        Self::Fleet(Box::new(error))
    }
}

impl From<EnrolError> for CliError {
    fn from(error: EnrolError) -> Self {
        Self::Enrol(Box::new(error))
    }
}

/// The exit codes beside 0. The 2 is clap's too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Code {
    Fatal = 1,
    Usage = 2,
    Reject = 3,
    Retry = 4,
}

fn client_code(error: &ClientError) -> Code {
    match error.class() {
        api::client::Class::Retry => Code::Retry,
        api::client::Class::Reject => Code::Reject,
        api::client::Class::Fatal => Code::Fatal,
    }
}

impl CliError {
    /// The exit code of its class, as `--help` lists them.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code() as u8)
    }

    fn code(&self) -> Code {
        match self {
            Self::Client(error) => client_code(error),
            Self::Apply(error) => match error.class() {
                Class::Reject => Code::Reject,
                Class::Retry => Code::Retry,
            },
            Self::StateDirTaken { .. } | Self::FollowerDied(_) => Code::Retry,
            Self::Enrol(error) => match error.as_ref() {
                EnrolError::Client(error) => client_code(error),
                EnrolError::Token { .. } | EnrolError::NoRoom(_) | EnrolError::NotKept { .. } => {
                    Code::Fatal
                }
                EnrolError::Conflict { .. }
                | EnrolError::Settings(_)
                | EnrolError::OtherNode { .. } => Code::Reject,
            },
            Self::Listen(ListenError::NotLoopback(_))
            | Self::User(_)
            | Self::Users { .. }
            | Self::Config(_)
            | Self::Setting { .. }
            | Self::Path { .. }
            | Self::Registry { .. } => Code::Usage,
            Self::Fleet(error) => match error.as_ref() {
                FleetError::Keys(_) => Code::Usage,
                FleetError::Store(_) | FleetError::Kept { .. } | FleetError::Settings(_) => {
                    Code::Reject
                }
            },
            Self::Listen(error) if error.may_pass_later() => Code::Retry,
            Self::Listen(_)
            | Self::Intake(_)
            | Self::TooLong { .. }
            | Self::WhichInstance { .. }
            | Self::NothingRuns
            | Self::FileWithoutAt { .. } => Code::Reject,
            Self::Unread
            | Self::Read { .. }
            | Self::StateDir { .. }
            | Self::EventsDir { .. }
            | Self::System { .. }
            | Self::Print(_) => Code::Fatal,
        }
    }

    /// The same as a problem: the daemon's own where there is one.
    pub(crate) fn to_problem(&self) -> Problem {
        if let Self::Client(ClientError::Refused { problem, .. }) = self {
            return problem.as_ref().clone();
        }
        let (status, title) = match self.code() {
            Code::Usage => (400, "wrong setting"),
            Code::Reject => (422, "refused"),
            Code::Retry => (503, "not now"),
            Code::Fatal => (500, "failed"),
        };
        let title = match self {
            // The daemon's journal has the same words.
            Self::Enrol(_) => "not enrolled",
            _ => title,
        };
        let mut problem = Problem::new(status, title, self.to_string());
        match self {
            Self::Intake(error) => problem.field = error.field(),
            Self::Apply(error) => {
                problem.field = error.field();
                problem.log = error.log().map(str::to_owned);
            }
            _ => {}
        }
        problem
    }

    /// Whether the reader of the output has gone away, as `head` does: no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
