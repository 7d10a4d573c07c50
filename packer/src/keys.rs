//! Keys as files. Called by every command that signs or checks signatures.
//! Must never use a private key that others can read, nor write one that they can.

use std::path::{Path, PathBuf};

use payload::limits::KEY_PEM_BYTES_MAX;
use payload::name::Namespace;
use payload::signature::{KeyError, PublicKey, SigningKey, TooManyKeys, TrustedKeys};
use thiserror::Error;

use crate::failure::{Class, Classed};
use crate::files::{self, FileError};

/// A key that could not be used.
#[derive(Debug, Error)]
pub(crate) enum KeyFileError {
    /// Its file cannot be read, or can be read by others.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no key of the kind that is needed.
    #[error("{}: {source}", .path.display())]
    Key { path: PathBuf, source: KeyError },
    /// It is the half of the pair that only checks.
    #[error("{} is a public key; a private one signs", .path.display())]
    Public { path: PathBuf },
    /// More keys than are taken at once.
    #[error(transparent)]
    TooMany(#[from] TooManyKeys),
}

impl Classed for KeyFileError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Key { .. } | Self::Public { .. } | Self::TooMany(_) => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::Key { .. } | Self::Public { .. } => {
                Some("`packer keygen` makes a pair: NAME.key signs, NAME.pub checks".to_owned())
            }
            Self::TooMany(_) => None,
        }
    }
}

/// Reads a private key, which only its owner may be able to read.
pub(crate) fn private(path: &Path) -> Result<SigningKey, KeyFileError> {
    let pem = match files::read_private(path, KEY_PEM_BYTES_MAX) {
        // Nobody needs to guard a public key, and it would not sign if somebody did.
        Err(FileError::Exposed { .. }) if public(path).is_ok() => {
            let path = path.to_owned();
            return Err(KeyFileError::Public { path });
        }
        read => read?,
    };
    SigningKey::from_pem(&pem).map_err(|source| {
        let path = path.to_owned();
        if PublicKey::from_pem(&pem).is_ok() {
            KeyFileError::Public { path }
        } else {
            KeyFileError::Key { path, source }
        }
    })
}

/// Reads a public key.
pub(crate) fn public(path: &Path) -> Result<PublicKey, KeyFileError> {
    let pem = files::read(path, KEY_PEM_BYTES_MAX)?;
    PublicKey::from_pem(&pem).map_err(|source| KeyFileError::Key {
        path: path.to_owned(),
        source,
    })
}

/// Trusts the keys of these files in one namespace.
pub(crate) fn trusted(
    paths: &[PathBuf],
    namespace: &Namespace,
) -> Result<TrustedKeys, KeyFileError> {
    let mut keys = TrustedKeys::new();
    for path in paths {
        keys.trust(public(path)?, namespace.clone())?;
    }
    Ok(keys)
}
