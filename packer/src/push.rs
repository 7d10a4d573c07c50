//! `packer push`: starts or hot-updates an instance on a node, as the client of 2022 did: wrapped
//! generation 0 to `POST /start`. Called by `main`.
//! Must never report success before the node did: the old client did not look at the answer.

use std::net::SocketAddr;

use api::client::{Class as Answer, Client, ClientError};
use api::problem::Problem;
use payload::legacy::wrap;
use thiserror::Error;

use crate::cli::PushArguments;
use crate::export;
use crate::failure::{Class, Classed, Failure};
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

/// Text that is no address of a node: a wrong command line.
#[derive(Debug, Error)]
pub(crate) enum AddressError {
    /// No port, or none that can be connected to.
    #[error("has no port from 1 to 65535: the address is HOST:PORT, such as 127.0.0.1:8527")]
    NoPort,
    /// In front of the port stands no host.
    #[error("{host:?} is no host: the address is HOST:PORT, such as 127.0.0.1:8527 or [::1]:8527")]
    NoHost { host: String },
}

/// Checks the form of an address; the name of a host is looked up when it is connected to.
///
/// # Errors
/// [`AddressError`]: what is missing.
pub(crate) fn host_and_port(text: &str) -> Result<String, AddressError> {
    let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
    if port.parse().is_ok_and(|port: u16| port > 0) {
        // An IPv6 address without brackets has no port: its last group would be taken for one.
        let foreign = |letter: char| letter.is_whitespace() || ":/@[]".contains(letter);
        let named = !host.is_empty() && !host.contains(foreign);
        if named || text.parse::<SocketAddr>().is_ok() {
            return Ok(text.to_owned());
        }
        let host = host.to_owned();
        return Err(AddressError::NoHost { host });
    }
    Err(AddressError::NoPort)
}

/// Pushes, and prints the node's answer.
pub(crate) fn run(arguments: &PushArguments) -> Result<(), Failure> {
    let input = Input::read(&arguments.input)?.settled()?;
    let instance = export::instance(&input, arguments.instance.as_ref());
    let document = export::document(&input, &instance, arguments.arch)?;
    let id = post(&arguments.address, wrap(&instance, &document))?;
    let answer = format!("[\"status\",\"ok\",\"id\",{id}]");
    output::result_line(&answer).map_err(output::unprinted)?;
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
        ClientError::Refused { problem, .. } => PushError::Refused {
            address: address.to_owned(),
            problem,
        },
        other => PushError::Client(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_and_ipv6_has_brackets() {
        for address in [
            "127.0.0.1:8527",
            "localhost:1",
            "node-1.a:65535",
            "[::1]:80",
        ] {
            assert_eq!(host_and_port(address).unwrap(), address);
        }
        // Its last group would be the port.
        for address in ["::1:8527", "[localhost]:80", "a b:80", "[]:80"] {
            let error = host_and_port(address).unwrap_err();
            assert!(matches!(error, AddressError::NoHost { .. }), "{error}");
        }
    }
}
