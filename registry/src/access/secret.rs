//! The secret of a token or of a node's credential: 256 random bits, told once, kept as SHA-256.
//! Made by the routes that give one out, read from `Authorization`.
//! Must never be shown by `Debug`, nor be looked up but by its hash.

use std::fmt;
use std::io;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// What every secret begins with, so that scanners of repositories know one.
const PREFIX: &str = "marrow_";
/// Letters behind the prefix: 256 bits in base64url.
const LETTERS: usize = 43;

/// Why a text is not a secret; says nothing of it.
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    /// Another prefix.
    #[error("a token begins with {PREFIX:?}")]
    Prefix,
    /// Another length, or letters that are not base64url.
    #[error("a token has {LETTERS} letters of base64url behind {PREFIX:?}")]
    Letters,
}

/// A secret.
pub(crate) struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn draw(random: fn(&mut [u8]) -> io::Result<()>) -> io::Result<Self> {
        let mut bytes = [0; 32];
        random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads one as it is written.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn parse(text: &str) -> Result<Self, SecretError> {
        let letters = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        if letters.len() != LETTERS {
            return Err(SecretError::Letters);
        }
        let mut bytes = [0; 32];
        match BASE64_URL_SAFE_NO_PAD.decode_slice(letters, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(SecretError::Letters),
        }
    }

    /// As it is written: told to its owner, once.
    pub(crate) fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is kept and looked up. 256 random bits need no salt and no slow hash.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_written_and_has_one_spelling() {
        let secret = Secret([0xa5; 32]);
        let text = secret.text();
        assert_eq!(text.len(), PREFIX.len() + LETTERS);
        assert_eq!(Secret::parse(&text).unwrap().sha256(), secret.sha256());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        let (shorter, longer) = (&text[..text.len() - 1], format!("{text}A"));
        // The last letter carries four bits: other spellings of the same bytes are refused.
        let other = format!("{shorter}V");
        for wrong in [
            shorter,
            &longer,
            &other,
            "",
            "marrow_",
            &text[1..],
            &text.replace('_', "-"),
        ] {
            assert!(Secret::parse(wrong).is_err(), "{wrong}");
        }
    }
}
