//! Asking the registry: who, as whom, how often again. Called by every command that needs it.
//! Must never try again without a bound, nor what was refused.

use std::future::Future;
use std::time::Duration;

use api::client::registry::{RegistryClient, Settings, SettingsError};
use api::client::{Class as Answer, ClientError};
use thiserror::Error;
use tokio::runtime::Runtime;

use crate::cli::RegistryArguments;
use crate::configuration::{Configuration, ConfigurationError, Environment};
use crate::failure::{Class, Classed};
use crate::output;

/// The kind of problem where the registry knows a signer not, or not for the namespace.
const UNKNOWN_SIGNER: &str = "urn:marrow:problem:unknown-signer";
/// The most pages of a list that are read.
const PAGES_MAX: usize = 1000;
/// The first pause before a call is tried again; each later one is twice as long.
const PAUSE_MS: u64 = 500;
/// The longest pause of its own accord.
const PAUSE_MS_MAX: u64 = 8_000;
/// The longest pause that a registry is granted.
const RETRY_AFTER_S_MAX: u64 = 60;

/// Why the registry did not do what was asked.
#[derive(Debug, Error)]
pub(crate) enum RegistryError {
    /// Where it is, or the token, cannot be read.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Where it is cannot be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no runtime for the connection.
    #[error("cannot start the network runtime: {source}")]
    Runtime { source: std::io::Error },
    /// It said no.
    #[error("the registry says no: {message}")]
    Refused {
        message: String,
        /// The kind of problem, stable.
        kind: String,
        status: u16,
        class: Class,
        /// Whether a token was shown to it.
        token: bool,
        retry_after_s: Option<u64>,
        log: Option<String>,
    },
    /// The connection could not be made, or broke.
    #[error(transparent)]
    Client(ClientError),
    /// A list that does not end.
    #[error("the registry's list has more than {PAGES_MAX} pages")]
    Endless,
}

impl Classed for RegistryError {
    fn class(&self) -> Class {
        match self {
            Self::Configuration(error) => error.class(),
            Self::Settings(_) => Class::Usage,
            Self::Runtime { .. } | Self::Endless => Class::Fatal,
            Self::Refused { class, .. } => *class,
            Self::Client(error) => class_of(error),
        }
    }

    fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::Configuration(error) => return error.next_step(),
            Self::Settings(SettingsError::Plain { .. }) => {
                "or say --allow-plain-http, if nobody on the way could listen"
            }
            Self::Client(ClientError::Unreachable { .. }) => {
                "is `registry serve` running there? --registry URL names another one"
            }
            Self::Client(ClientError::Certificate { .. }) => {
                "--ca FILE names the certificates that vouch for it"
            }
            Self::Refused {
                status: 401,
                token: false,
                ..
            } => "show a token: --token-file FILE, or MARROW_TOKEN",
            Self::Refused { status: 401, .. } => {
                "the token is unknown or not in force any more: ask for another"
            }
            Self::Refused { kind, .. } if kind == UNKNOWN_SIGNER => {
                "an administrator adds a key: `packer key add FILE.pub --namespace NAMESPACE`"
            }
            Self::Refused { status: 403, .. } => "`packer whoami` shows what the token may do",
            Self::Refused { status: 404, .. } => {
                "`packer list`, `packer deployments` and `packer nodes` show what there is"
            }
            Self::Refused {
                retry_after_s: Some(seconds),
                ..
            } => return Some(format!("try again in {seconds} s")),
            _ => return None,
        };
        Some(step.to_owned())
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Refused { log, .. } => log.clone(),
            _ => None,
        }
    }
}

/// What a caller can do. A broken connection is worth another try: the registry may have been
/// restarted, and what was done is not done twice.
fn class_of(error: &ClientError) -> Class {
    match (error, error.class()) {
        (ClientError::Broken { .. }, _) | (_, Answer::Retry) => Class::Retry,
        (_, Answer::Reject) => Class::Refused,
        (_, Answer::Fatal) => Class::Fatal,
    }
}

/// A registry, with what is needed to wait for it.
pub(crate) struct Registry {
    client: RegistryClient,
    runtime: Runtime,
    token: bool,
}

impl Registry {
    /// The registry that the command line, the environment or the configuration names. Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// [`RegistryError::Configuration`], [`RegistryError::Settings`], [`RegistryError::Runtime`].
    pub(crate) fn connect(arguments: &RegistryArguments) -> Result<Self, RegistryError> {
        let configuration = Configuration::read(arguments, &Environment::of_process())?;
        let client = RegistryClient::new(Settings {
            url: &configuration.registry,
            bearer: configuration.token.as_deref(),
            ca_pem: configuration.ca.as_deref(),
            allow_plain: configuration.allow_plain_http,
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| RegistryError::Runtime { source })?;
        let token = configuration.token.is_some();
        Ok(Self {
            client,
            runtime,
            token,
        })
    }

    /// What the calls are made with.
    pub(crate) fn client(&self) -> &RegistryClient {
        &self.client
    }

    /// Waits for one call.
    pub(crate) fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, RegistryError> {
        self.runtime
            .block_on(call)
            .map_err(|error| self.failed(error))
    }

    /// Waits for a call that may be made again, at most `retries` times, when nobody answers or the
    /// registry is busy.
    pub(crate) fn ask_again<T, F>(
        &self,
        retries: u32,
        mut call: impl FnMut() -> F,
    ) -> Result<T, RegistryError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut tried = 0;
        loop {
            let error = match self.runtime.block_on(call()) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = match pause_after(&error, tried) {
                Some(pause) if tried < retries => pause,
                Some(_) | None => return Err(self.failed(error)),
            };
            tried += 1;
            let seconds = pause.as_secs_f32();
            output::note(&format!(
                "{error}; again in {seconds:.1} s ({tried} of {retries})"
            ));
            // The timer belongs to the runtime, so it is made inside.
            self.runtime
                .block_on(async { tokio::time::sleep(pause).await });
        }
    }

    /// Waits for something that asks several times, and has its own errors.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Every row of a list, page by page: `page` is given the `after` of the one it asks for.
    pub(crate) fn every<T, F>(
        &self,
        mut page: impl FnMut(Option<String>) -> F,
    ) -> Result<Vec<T>, RegistryError>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>), ClientError>>,
    {
        let (mut rows, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let (more, next) = self.ask(page(after))?;
            rows.extend(more);
            if next.is_none() {
                return Ok(rows);
            }
            after = next;
        }
        Err(RegistryError::Endless)
    }

    /// A call that failed, as the registry's error.
    pub(crate) fn failed(&self, error: ClientError) -> RegistryError {
        let class = class_of(&error);
        match error {
            ClientError::Refused {
                problem,
                retry_after_s,
            } => {
                let request = problem.request.as_deref();
                let request = request.map_or_else(String::new, |id| format!(" (request {id})"));
                RegistryError::Refused {
                    message: format!("{problem}{request}"),
                    kind: problem.kind,
                    status: problem.status,
                    class,
                    token: self.token,
                    retry_after_s,
                    log: problem.log,
                }
            }
            other => RegistryError::Client(other),
        }
    }
}

fn retry_after_s(error: &ClientError) -> Option<u64> {
    match error {
        ClientError::Refused { retry_after_s, .. } => *retry_after_s,
        _ => None,
    }
}

/// How long to wait before a call that failed so is made again, after `tried` tries that failed
/// before; `None` where that would not help.
pub(crate) fn pause_after(error: &ClientError, tried: u32) -> Option<Duration> {
    (class_of(error) == Class::Retry).then(|| pause(tried, retry_after_s(error)))
}

/// How long to wait before try `tried` + 2: what the registry asked for, else longer each time.
fn pause(tried: u32, retry_after_s: Option<u64>) -> Duration {
    let own_ms = PAUSE_MS.saturating_mul(1 << tried.min(16));
    retry_after_s.map_or_else(
        || Duration::from_millis(own_ms.min(PAUSE_MS_MAX)),
        |seconds| Duration::from_secs(seconds.min(RETRY_AFTER_S_MAX)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_unless_the_registry_names_one() {
        let ms = |tried, after| pause(tried, after).as_millis();
        assert_eq!([ms(0, None), ms(1, None), ms(4, None)], [500, 1000, 8000]);
        assert_eq!(ms(u32::MAX, None), 8000);
        assert_eq!(ms(0, Some(3)), 3000);
        assert_eq!(ms(0, Some(u64::MAX)), 60_000);
    }

    #[test]
    fn a_broken_connection_may_be_tried_again_and_a_refusal_not() {
        let broken = ClientError::Broken {
            peer: api::client::PeerKind::Registry,
            address: "a:1".to_owned(),
            reason: "reset".to_owned(),
        };
        assert_eq!(class_of(&broken), Class::Retry);
        for (status, class) in [
            (401, Class::Refused),
            (409, Class::Refused),
            (429, Class::Retry),
            (500, Class::Fatal),
            (503, Class::Retry),
        ] {
            let problem = Box::new(api::problem::Problem::new(status, "no", ""));
            let refused = ClientError::Refused {
                problem,
                retry_after_s: None,
            };
            assert_eq!(class_of(&refused), class, "{status}");
        }
    }
}
