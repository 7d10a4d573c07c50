//! Envelopes as files: read, written, and joined with a new signature. Called by the commands that
//! sign, publish, check or fetch. Must never add a signature to a statement about something else.

use std::path::{Path, PathBuf};

use payload::digest::Digest;
use payload::limits::ENVELOPE_BYTES_MAX;
use payload::signature::{Envelope, EnvelopeError, Signed, SignedEnvelope, SigningKey, Statement};
use thiserror::Error;

use crate::failure::{Class, Classed};
use crate::files::{self, FileError};

/// What the name of an envelope's file ends in.
const ENDING: &str = ".envelope.json";

/// An envelope that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum EnvelopeFileError {
    /// Its file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is none.
    #[error("{shown}: {source}")]
    Envelope {
        shown: String,
        source: EnvelopeError,
    },
    /// It is about something else.
    #[error(
        "{shown} is about {} {}, {}; this is {} {}, {}",
        .signed.name, .signed.version, .signed.digest, .found.name, .found.version, .found.digest
    )]
    Another {
        shown: String,
        signed: Box<Statement>,
        found: Box<Statement>,
    },
    /// Its text is not what JSON is written in; never seen of what was decoded.
    #[error("{shown}: byte {at} is not UTF-8")]
    NotText { shown: String, at: usize },
}

impl Classed for EnvelopeFileError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Envelope { .. } | Self::Another { .. } | Self::NotText { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::Another { .. } => {
                Some("name another envelope, or remove the one of the file before".to_owned())
            }
            Self::Envelope { .. } | Self::NotText { .. } => None,
        }
    }
}

/// Where the envelope of a payload's file is: beside it.
pub(crate) fn beside(payload: &Path) -> PathBuf {
    let name = payload.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".wasm").unwrap_or(&name);
    payload.with_file_name(format!("{stem}{ENDING}"))
}

/// Reads the bytes of an envelope.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    files::read(path, ENVELOPE_BYTES_MAX)
}

/// Decodes an envelope that must be about `statement`; errors call it `shown`.
pub(crate) fn about(
    statement: &Statement,
    bytes: &[u8],
    shown: &str,
) -> Result<Envelope, EnvelopeFileError> {
    let envelope = Envelope::decode(bytes).map_err(|source| EnvelopeFileError::Envelope {
        shown: shown.to_owned(),
        source,
    })?;
    let signed = envelope.unverified_statement();
    if signed != statement {
        return Err(EnvelopeFileError::Another {
            shown: shown.to_owned(),
            signed: Box::new(signed.clone()),
            found: Box::new(statement.clone()),
        });
    }
    Ok(envelope)
}

/// The envelope with the key's signature added, or a new one where there was none; and whether the
/// key had not signed it before.
pub(crate) fn signed(
    statement: &Statement,
    envelope: Option<Envelope>,
    key: &SigningKey,
) -> Result<(Envelope, bool), EnvelopeError> {
    match envelope {
        None => Ok((Envelope::sign(statement, key)?, true)),
        Some(mut envelope) => {
            let added = envelope.add(key).is_ok();
            Ok((envelope, added))
        }
    }
}

/// The text of an envelope, for a file or for the registry.
pub(crate) fn text<S: Signed>(envelope: &SignedEnvelope<S>) -> Result<String, EnvelopeFileError> {
    let shown = || "the envelope".to_owned();
    let bytes = envelope
        .encode()
        .map_err(|source| EnvelopeFileError::Envelope {
            shown: shown(),
            source,
        })?;
    String::from_utf8(bytes).map_err(|error| EnvelopeFileError::NotText {
        shown: shown(),
        at: error.utf8_error().valid_up_to(),
    })
}

/// The ids of the keys that an envelope names, each once, in order.
pub(crate) fn signers(envelope: &Envelope) -> Vec<String> {
    let mut ids: Vec<String> = envelope.key_ids().map(|id| id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A key's id or a digest, short enough for a column.
pub(crate) fn short(id: &str) -> &str {
    const SHORT_BYTES: usize = "sha256:".len() + 12;
    match id.parse::<Digest>() {
        Ok(_) => id.get(..SHORT_BYTES).unwrap_or(id),
        Err(_) => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_of_a_file_is_beside_it() {
        for (file, envelope) in [
            ("a/x-1.0.0.wasm", "a/x-1.0.0.envelope.json"),
            ("x", "x.envelope.json"),
            ("x.bin", "x.bin.envelope.json"),
        ] {
            assert_eq!(beside(Path::new(file)), Path::new(envelope));
        }
    }

    #[test]
    fn only_digests_are_shortened() {
        let id = Digest::of(b"abc").to_string();
        assert_eq!(short(&id), "sha256:ba7816bf8f01");
        assert_eq!(short("sha256:é"), "sha256:é");
    }
}
