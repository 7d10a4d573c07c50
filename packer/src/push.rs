//! `packer push`: starts or hot-updates an instance on a node, as the client of 2022 did: wrapped
//! generation 0 to `POST /start`. Called by `main`.
//! Must never report success before the node did: the old client did not look at the answer.

use api::client::{Class as Answer, Client, ClientError};
use api::problem::Problem;
use payload::legacy::wrap;
use thiserror::Error;

use crate::cli::PushArguments;
use crate::export;
use crate::failure::{Class, Classed, Failure};
use crate::files::FileError;
use crate::input::Input;
use crate::output;

/// Why the instance does not run what was pushed.
#[derive(Debug, Error)]
pub(crate) enum PushError {
    /// The node said no.
    #[error("the node at {address} says no: {problem}")]
    Refused {
        address: String,
        problem: Box<Problem>,
    },
    /// The connection could not be made, or broke.
    #[error(transparent)]
    Client(ClientError),
    /// There is no runtime for the connection.
    #[error("cannot start the network runtime: {source}")]
    Runtime { source: std::io::Error },
}

impl Classed for PushError {
    fn class(&self) -> Class {
        match self {
            Self::Refused { .. } => Class::Refused,
            Self::Runtime { .. } => Class::Fatal,
            Self::Client(error) => match error.class() {
                Answer::Retry => Class::Retry,
                Answer::Reject => Class::Refused,
                Answer::Fatal => Class::Fatal,
            },
        }
    }

    fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::Client(ClientError::Unreachable { .. }) => {
                "is `node daemon` running there? Its legacy address is 127.0.0.1:8527"
            }
            Self::Refused { problem, .. } => match problem.status {
                403 => "the node takes unsigned programs only from users its configuration names",
                404 => "a server of 2022 knows one instance only: try --instance hotupdate",
                422 => "nothing was changed: what ran before still runs",
                _ => return None,
            },
            Self::Client(_) | Self::Runtime { .. } => return None,
        };
        Some(step.to_owned())
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Refused { problem, .. } => problem.log.clone(),
            Self::Client(_) | Self::Runtime { .. } => None,
        }
    }
}

/// Pushes, and prints the node's answer.
pub(crate) fn run(arguments: &PushArguments) -> Result<(), Failure> {
    let input = Input::read(&arguments.input)?.settled()?;
    let instance = export::instance(&input, arguments.instance.as_ref());
    let document = export::document(&input, &instance, arguments.arch)?;
    let id = post(&arguments.address, wrap(&instance, &document))?;
    let answer = format!("[\"status\",\"ok\",\"id\",{id}]");
    output::result_line(&answer).map_err(|source| FileError::Write {
        path: "standard output".into(),
        source,
    })?;
    output::note(&format!(
        "{instance} runs on {} with id {id}",
        arguments.address
    ));
    Ok(())
}

fn post(address: &str, document: String) -> Result<u64, PushError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| PushError::Runtime { source })?;
    let posted = runtime.block_on(Client::tcp(address).start_2022(document.into_bytes()));
    posted.map_err(|error| match error {
        ClientError::Refused { problem } => PushError::Refused {
            address: address.to_owned(),
            problem,
        },
        other => PushError::Client(other),
    })
}
