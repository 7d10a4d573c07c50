//! Signing a release that is in the registry: its bytes are fetched, inspected and shown. Called by
//! `sign`. Must never sign what the registry says of the bytes rather than what they are.

use api::client::registry::Download;
use api::registry::SetEnvelope;
use payload::digest::Digest;
use payload::limits::PAYLOAD_BYTES_MAX;
use payload::signature::{SigningKey, Statement};
use thiserror::Error;

use super::{SignError, Signed};
use crate::cli::RegistryArguments;
use crate::envelope;
use crate::failure::{Class, Classed, Failure};
use crate::input::Input;
use crate::reference::ReleaseName;
use crate::registry::Registry;
use crate::summary::Summary;

/// A release that is not what the registry says.
#[derive(Debug, Error)]
pub(crate) enum ReleaseError {
    /// More than any payload has.
    #[error("{release} has {bytes} bytes, a payload has at most {PAYLOAD_BYTES_MAX}")]
    TooLarge { release: ReleaseName, bytes: u64 },
    /// The bytes have another digest.
    #[error("the registry sent bytes of digest {found} for {release}, which has {told}")]
    Digest {
        release: ReleaseName,
        told: String,
        found: Digest,
    },
    /// The bytes say another name or version.
    #[error("the registry's {release} is the payload {} {}", .found.name, .found.version)]
    Another {
        release: ReleaseName,
        found: Box<Statement>,
    },
}

impl Classed for ReleaseError {
    fn class(&self) -> Class {
        Class::Refused
    }
}

/// Signs a release, and gives the signature to the registry.
pub(super) fn sign(
    name: &ReleaseName,
    key: &SigningKey,
    place: &RegistryArguments,
) -> Result<Signed, Failure> {
    let registry = Registry::connect(place)?;
    let (payload, version) = (name.payload.as_str(), name.version.as_str());
    let release = registry.ask(registry.client().release(payload, version))?;
    let bytes = fetch(&registry, name, &release.digest, release.size_bytes)?;
    let input = Input::of(bytes, name.to_string(), name.payload.as_str().as_ref())?;
    let statement = input.statement()?;
    if statement.name != name.payload || statement.version != name.version {
        return Err(ReleaseError::Another {
            release: name.clone(),
            found: Box::new(statement),
        }
        .into());
    }
    let before = match &release.envelope {
        Some(text) => {
            let shown = format!("the envelope of {name}");
            Some(envelope::about(&statement, text.as_bytes(), &shown)?)
        }
        None => None,
    };
    let (envelope, added) = envelope::signed(&statement, before, key).map_err(SignError::from)?;
    let mut signers = release.signers;
    if added {
        let envelope = SetEnvelope {
            envelope: envelope::text(&envelope)?,
        };
        let asked = registry
            .client()
            .add_signatures(payload, version, &envelope);
        signers = registry.ask(asked)?.signers;
    }
    Ok(Signed {
        summary: Summary::of(&input, &statement),
        key: key.public().id().to_string(),
        added,
        signers,
        envelope: None,
    })
}

fn fetch(
    registry: &Registry,
    release: &ReleaseName,
    digest: &str,
    size_bytes: u64,
) -> Result<Vec<u8>, Failure> {
    if size_bytes > PAYLOAD_BYTES_MAX as u64 {
        let (release, bytes) = (release.clone(), size_bytes);
        return Err(ReleaseError::TooLarge { release, bytes }.into());
    }
    let mut bytes = Vec::new();
    let download = Download {
        digest,
        from_byte: 0,
        size_bytes,
    };
    let keep = |_at, piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    registry.ask(registry.client().fetch_blob(download, keep))?;
    let found = Digest::of(&bytes);
    if found.to_string() == digest {
        return Ok(bytes);
    }
    Err(ReleaseError::Digest {
        release: release.clone(),
        told: digest.to_owned(),
        found,
    }
    .into())
}
