//! Ed25519 keys as PEM text: PKCS#8 for private ones, `SubjectPublicKeyInfo` for public ones
//! (RFC 8410), as `openssl genpkey -algorithm ed25519` writes them. Used by `packer`, `registry`
//! and `node`, which do the reading of files and the drawing of seeds.
//! Must never show a private key in `Debug`, nor take a public key of small order.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes, spki::der::pem::LineEnding,
};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};

use crate::by_text::serde_by_text;
use crate::digest::{Digest, DigestError};
use crate::limits::KEY_PEM_BYTES_MAX;

/// What the DER of every Ed25519 public key begins with (RFC 8410, section 4); 32 bytes follow.
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Longer than any key.
    #[error("key has {bytes} bytes of PEM, at most {bytes_max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// Not text at all.
    #[error("key is not text: byte {at} is not UTF-8")]
    NotText {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// Not a private key of this kind.
    #[error("not an Ed25519 private key in PEM (PKCS#8): {reason}")]
    Private {
        /// What is wrong; holds nothing of the key.
        reason: String,
    },
    /// Not a public key of this kind.
    #[error("not an Ed25519 public key in PEM (SubjectPublicKeyInfo): {reason}")]
    Public {
        /// What is wrong.
        reason: String,
    },
    /// A key for which anybody can make signatures that hold.
    #[error("public key is of small order: anybody could sign for it")]
    SmallOrder,
    /// A key that could not be written; no known key does this.
    #[error("key has no PEM form: {reason}")]
    Unwritable {
        /// What is wrong.
        reason: String,
    },
}

/// The identity of a public key: SHA-256 of its DER, as
/// `openssl pkey -pubin -outform DER | sha256sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for KeyId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

serde_by_text!(KeyId);

/// A publisher's private key.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// PEM text of a private key, wiped from memory when dropped.
pub struct SecretText(ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing<String>);

impl SecretText {
    /// The text; copies of it are not wiped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl SigningKey {
    /// The key of a seed of 32 random bytes, which the caller draws from the system.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads a private key from PEM.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one Ed25519 key in PKCS#8, with or without its public half.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(text(pem)?)
            .map(Self)
            .map_err(|error| KeyError::Private {
                reason: error.to_string(),
            })
    }

    /// The key as PEM: PKCS#8 without the public half, which every tool reads.
    ///
    /// # Errors
    /// [`KeyError::Unwritable`] when the encoder fails, which no known key makes it do.
    pub fn to_pem(&self) -> Result<SecretText, KeyError> {
        KeypairBytes {
            secret_key: self.0.to_bytes(),
            public_key: None,
        }
        .to_pkcs8_pem(LineEnding::LF)
        .map(SecretText)
        .map_err(|error| KeyError::Unwritable {
            reason: error.to_string(),
        })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `message`.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

/// A publisher's public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a public key from PEM.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one Ed25519 key, or a key of small order.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key =
            VerifyingKey::from_public_key_pem(text(pem)?).map_err(|error| KeyError::Public {
                reason: error.to_string(),
            })?;
        if key.is_weak() {
            Err(KeyError::SmallOrder)
        } else {
            Ok(Self(key))
        }
    }

    /// The key as PEM.
    ///
    /// # Errors
    /// [`KeyError::Unwritable`] when the encoder fails, which no known key makes it do.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| KeyError::Unwritable {
                reason: error.to_string(),
            })
    }

    /// The key's identity.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut der = SPKI_PREFIX.to_vec();
        der.extend_from_slice(self.0.as_bytes());
        KeyId(Digest::of(&der))
    }

    /// Whether `signature` is this key's over `message`: RFC 8032 with the checks of
    /// `verify_strict` (no malleable S, no key or R of small order).
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

fn text(pem: &[u8]) -> Result<&str, KeyError> {
    if pem.len() > KEY_PEM_BYTES_MAX {
        let (bytes, bytes_max) = (pem.len(), KEY_PEM_BYTES_MAX);
        return Err(KeyError::TooLong { bytes, bytes_max });
    }
    std::str::from_utf8(pem).map_err(|error| KeyError::NotText {
        at: error.valid_up_to(),
    })
}

#[cfg(test)]
#[path = "key/tests.rs"]
mod tests;
