//! `packer keygen`: a new pair of keys. Called by `main`.
//! Must never overwrite a file, nor show the private key to anybody but its owner.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use payload::signature::{KeyError, SigningKey};
use serde::Serialize;
use thiserror::Error;

use crate::cli::KeygenArguments;
use crate::failure::{Class, Classed, Failure};
use crate::files::{self, Access, FileError};
use crate::output;
use crate::table::{Text, row};

/// Why there is no new pair.
#[derive(Debug, Error)]
pub(crate) enum KeygenError {
    /// The system has no randomness to give.
    #[error("cannot draw a random key: {source}")]
    Random { source: getrandom::Error },
    /// A key that has no PEM form; never seen.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file cannot be written, or is there.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Classed for KeygenError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Random { .. } | Self::Key(_) => Class::Fatal,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(FileError::Exists { .. }) => {
                Some("choose another name with -o; keys are never overwritten".to_owned())
            }
            Self::File(error) => error.next_step(),
            Self::Random { .. } | Self::Key(_) => None,
        }
    }
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    key: String,
    private: PathBuf,
    public: PathBuf,
}

/// Makes a pair and tells its id.
pub(crate) fn run(arguments: &KeygenArguments) -> Result<(), Failure> {
    let made = make(&arguments.output)?;
    output::shown(arguments.json, &made, || {
        let mut text = Text::default();
        text.rows(
            "",
            vec![
                row(["key", &made.key]),
                row(["private", &made.private.display().to_string()]),
                row(["public", &made.public.display().to_string()]),
            ],
        );
        text.into_string()
    })?;
    Ok(())
}

fn make(name: &Path) -> Result<Made, KeygenError> {
    let (private, public) = (ending(name, ".key"), ending(name, ".pub"));
    // Found out before the private key is written, as far as it can be.
    files::absent(&private)?;
    files::absent(&public)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| KeygenError::Random { source })?;
    let key = SigningKey::from_seed(&seed);
    seed.fill(0);
    let pem = key.public().to_pem()?;
    // The public half first: it is worth nothing alone.
    files::write_new(&public, pem.as_bytes(), Access::Everybody)?;
    let written = files::write_new(&private, key.to_pem()?.as_str().as_bytes(), Access::Owner);
    if let Err(error) = written {
        files::remove(&public)?;
        return Err(error.into());
    }
    Ok(Made {
        key: key.public().id().to_string(),
        private,
        public,
    })
}

fn ending(name: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(name);
    path.push(ending);
    path.into()
}
