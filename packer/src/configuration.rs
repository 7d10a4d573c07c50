//! Where the registry is and as whom to ask it: flags over environment over a TOML file. Read by
//! every command that asks the registry. Must never take a key it does not know, nor a token that
//! others can read, nor show one.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::cli::RegistryArguments;
use crate::failure::{Class, Classed};
use crate::files::{self, FileError};

/// Where a registry listens that has no configuration.
pub(crate) const DEFAULT_REGISTRY: &str = "http://127.0.0.1:8528";
/// The configuration of the machine.
const SYSTEM_FILE: &str = "/etc/marrow/packer.toml";
/// The configuration of a user, below the folder of configurations.
const USER_FILE: &str = "marrow/packer.toml";
/// The most that is read of a configuration.
const FILE_BYTES_MAX: usize = 64 << 10;
/// The most that is read of a token's file.
const TOKEN_BYTES_MAX: usize = 4 << 10;
/// The most that is read of a file of certificates: a machine's whole bundle fits.
const CA_BYTES_MAX: usize = 1 << 20;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ConfigurationError {
    /// A file that it names, or itself, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not UTF-8.
    #[error("{}: byte {at} is not UTF-8", .path.display())]
    NotText { path: PathBuf, at: usize },
    /// It is not TOML, a key is unknown, or a value has the wrong form.
    #[error("{}:{line}: {message}", .path.display())]
    Toml {
        path: PathBuf,
        line: usize,
        message: String,
    },
    /// A token that no header can carry.
    #[error(
        "{from} holds no token: it must be one word of visible ASCII, as `packer token new` prints it"
    )]
    Token { from: String },
}

impl Classed for ConfigurationError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::NotText { .. } | Self::Toml { .. } | Self::Token { .. } => Class::Usage,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::Toml { .. } => Some("`packer --help` shows every key".to_owned()),
            Self::NotText { .. } | Self::Token { .. } => None,
        }
    }
}

/// What the environment says, beside what `cli` reads of it.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    token: Option<OsString>,
    config_home: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl Environment {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        let said = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            token: said("MARROW_TOKEN"),
            config_home: said("XDG_CONFIG_HOME").map(PathBuf::from),
            home: said("HOME").map(PathBuf::from),
        }
    }

    /// The user's file, and the machine's.
    fn files(&self) -> Vec<PathBuf> {
        let folder = self.config_home.clone();
        let folder = folder.or_else(|| Some(self.home.as_ref()?.join(".config")));
        let user = folder.map(|folder| folder.join(USER_FILE));
        user.into_iter().chain([SYSTEM_FILE.into()]).collect()
    }
}

/// What the file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    registry: Option<String>,
    token_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    allow_plain_http: Option<bool>,
}

/// Where the registry is, and as whom to ask it.
pub(crate) struct Configuration {
    /// Its URL.
    pub(crate) registry: String,
    /// The token, where there is one.
    pub(crate) token: Option<String>,
    /// Certificates in PEM that vouch for the registry's.
    pub(crate) ca: Option<Vec<u8>>,
    /// Whether the token may go over plain HTTP to another machine.
    pub(crate) allow_plain_http: bool,
}

impl Configuration {
    /// Flags over environment over the file.
    pub(crate) fn read(
        arguments: &RegistryArguments,
        environment: &Environment,
    ) -> Result<Self, ConfigurationError> {
        let found = || environment.files().into_iter().find(|path| path.exists());
        let document = match arguments.config.clone().or_else(found) {
            Some(path) => Document::read(&path)?,
            None => Document::default(),
        };
        let registry = arguments.registry.clone().or(document.registry);
        let token = match (
            &arguments.token_file,
            &environment.token,
            &document.token_file,
        ) {
            (Some(path), _, _) | (None, None, Some(path)) => Some(token_of_file(path)?),
            (None, Some(text), _) => Some(token(&text.to_string_lossy(), "MARROW_TOKEN")?),
            (None, None, None) => None,
        };
        let ca = arguments.ca.as_ref().or(document.ca.as_ref());
        Ok(Self {
            registry: registry.unwrap_or_else(|| DEFAULT_REGISTRY.to_owned()),
            token,
            ca: ca.map(|path| files::read(path, CA_BYTES_MAX)).transpose()?,
            allow_plain_http: arguments.allow_plain_http
                || document.allow_plain_http.unwrap_or(false),
        })
    }
}

impl Document {
    fn read(path: &Path) -> Result<Self, ConfigurationError> {
        let bytes = files::read(path, FILE_BYTES_MAX)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| ConfigurationError::NotText {
            path: path.to_owned(),
            at: error.valid_up_to(),
        })?;
        let document: Self = toml::from_str(text).map_err(|error| ConfigurationError::Toml {
            path: path.to_owned(),
            line: line_of(text, error.span()),
            message: error.message().to_owned(),
        })?;
        // Beside the file, wherever packer is started.
        let beside = |named: PathBuf| path.with_file_name("").join(named);
        Ok(Self {
            token_file: document.token_file.map(beside),
            ca: document.ca.map(beside),
            ..document
        })
    }
}

/// The line that a place of a text is on, from 1.
fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    before.matches('\n').count() + 1
}

fn token_of_file(path: &Path) -> Result<String, ConfigurationError> {
    let bytes = files::read_private(path, TOKEN_BYTES_MAX)?;
    token(
        &String::from_utf8_lossy(&bytes),
        &path.display().to_string(),
    )
}

/// One word that a header can carry, white space around it left out.
fn token(text: &str, from: &str) -> Result<String, ConfigurationError> {
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let from = from.to_owned();
        return Err(ConfigurationError::Token { from });
    }
    Ok(token.to_owned())
}

#[cfg(test)]
#[path = "configuration/tests.rs"]
mod tests;
