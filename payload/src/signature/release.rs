//! A payload file with its envelope, before and after its signatures were checked.
//! `registry` and `node` decode, verify, and only then see what is inside.
//! Must never give out contents of an [`Unverified`], nor parse them before the signatures held.

use std::collections::BTreeSet;

use super::Envelope;
use super::envelope::EnvelopeError;
use super::key::KeyId;
use super::statement::Statement;
use super::trust::{NotTrusted, TrustedKeys};
use crate::digest::Digest;
use crate::file::{self, Checked, Contents, DecodeError};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::manifest::Arch;
use crate::name::{PayloadName, Version};
use crate::object::Object;

/// Why a file and an envelope are not a release that may be trusted here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The file is larger than any payload; it was not hashed.
    #[error("payload has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The envelope breaks a rule of its own.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The signatures do not suffice.
    #[error(transparent)]
    NotTrusted(#[from] NotTrusted),
    /// The envelope is about another file.
    #[error("the signed digest is {signed}, the file has {found}")]
    Digest {
        /// In the statement.
        signed: Digest,
        /// Of the file.
        found: Digest,
    },
    /// The signed file breaks a rule of the format.
    #[error(transparent)]
    File(#[from] DecodeError),
    /// The manifest tells another name than the signers.
    #[error("the signed name is {signed}, the manifest says {found}")]
    Name {
        /// In the statement.
        signed: PayloadName,
        /// In the manifest.
        found: PayloadName,
    },
    /// The manifest tells another version than the signers.
    #[error("the signed version is {signed}, the manifest says {found}")]
    Version {
        /// In the statement.
        signed: Box<Version>,
        /// In the manifest.
        found: Box<Version>,
    },
}

/// A file with an envelope, neither of them believed. Shows only what is needed to say which
/// release it claims to be and who is said to have signed it.
///
/// What is inside can only be had from what [`Unverified::verify`] gives:
///
/// ```
/// # use payload::signature::{TrustedKeys, Unverified, VerifyError};
/// fn programs(release: Unverified, keys: &TrustedKeys) -> Result<usize, VerifyError> {
///     Ok(release.verify(keys)?.inspected().programs.len())
/// }
/// ```
///
/// Forgetting it does not compile:
///
/// ```compile_fail
/// # use payload::signature::Unverified;
/// fn programs(release: Unverified) -> usize {
///     release.inspected().programs.len()
/// }
/// ```
#[derive(Debug)]
pub struct Unverified {
    file: Vec<u8>,
    envelope: Envelope,
}

impl Unverified {
    /// Takes a payload file and its envelope. The file is not looked into.
    ///
    /// # Errors
    /// [`VerifyError::TooLong`] and [`VerifyError::Envelope`].
    pub fn decode(file: Vec<u8>, envelope: &[u8]) -> Result<Self, VerifyError> {
        if file.len() > PAYLOAD_BYTES_MAX {
            let (bytes, bytes_max) = (file.len(), PAYLOAD_BYTES_MAX);
            return Err(VerifyError::TooLong { bytes, bytes_max });
        }
        Ok(Self {
            file,
            envelope: Envelope::decode(envelope)?,
        })
    }

    /// The name it claims.
    #[must_use]
    pub fn name(&self) -> &PayloadName {
        &self.envelope.unverified_statement().name
    }

    /// The version it claims.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.envelope.unverified_statement().version
    }

    /// The digest it claims.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.envelope.unverified_statement().digest
    }

    /// The keys that its signatures name.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.envelope.key_ids()
    }

    /// Checks, in this order: the signatures against `keys`, the digest of the file against the
    /// signed one, the file against the format, the manifest's name and version against the
    /// signed ones.
    ///
    /// # Errors
    /// [`VerifyError`] names the first of them that does not hold, with both values.
    pub fn verify(self, keys: &TrustedKeys) -> Result<Verified, VerifyError> {
        let signers = keys.signers(&self.envelope)?;
        let statement = self.envelope.unverified_statement().clone();
        let found = Digest::of(&self.file);
        if statement.digest != found {
            return Err(VerifyError::Digest {
                signed: statement.digest,
                found,
            });
        }
        let checked = file::decode(&self.file)?;
        let manifest = &checked.contents().manifest;
        if statement.name != manifest.name {
            let found = manifest.name.clone();
            return Err(VerifyError::Name {
                signed: statement.name,
                found,
            });
        }
        if statement.version != manifest.version {
            let (signed, found) = (statement.version, manifest.version.clone());
            return Err(VerifyError::Version {
                signed: Box::new(signed),
                found: Box::new(found),
            });
        }
        Ok(Verified {
            checked,
            statement,
            signers,
        })
    }
}

/// A payload that enough trusted keys vouch for, checked whole.
#[derive(Debug)]
pub struct Verified {
    checked: Checked,
    statement: Statement,
    signers: BTreeSet<KeyId>,
}

impl Verified {
    /// What the file holds.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        self.checked.contents()
    }

    /// The object for `arch`.
    #[must_use]
    pub fn object(&self, arch: Arch) -> Option<&[u8]> {
        self.checked.contents().object_for(arch)
    }

    /// What the object for this machine contains, or the first object where none is: inspected
    /// once, when it was decoded. All objects of a payload agree in programs, maps, globals, events.
    #[must_use]
    pub fn inspected(&self) -> &Object {
        self.checked.inspected()
    }

    /// What the object for `arch` contains.
    #[must_use]
    pub fn inspected_for(&self, arch: Arch) -> Option<&Object> {
        self.checked.inspected_for(arch)
    }

    /// The digest of the file: its identity.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.statement.digest
    }

    /// What was signed.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The distinct keys whose signatures counted.
    #[must_use]
    pub fn signers(&self) -> &BTreeSet<KeyId> {
        &self.signers
    }
}
