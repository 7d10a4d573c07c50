//! SHA-256 of a whole file: the identity of a payload or an object.
//! Used by manifest, statement, registry and node. The text is `sha256:` and 64 lower-case digits.
//! Must never accept a second spelling: digests are compared as text outside this crate.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::by_text::serde_by_text;
use crate::name::Excerpt;

/// The text in front of the digits.
const PREFIX: &str = "sha256:";

/// A SHA-256 digest (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// Another algorithm, or none.
    #[error("digest {text:?} does not begin with \"sha256:\"")]
    Prefix {
        /// What was given.
        text: Excerpt,
    },
    /// Too few or too many digits.
    #[error("digest {text:?} has {digits} digits behind the colon, it needs 64")]
    Length {
        /// What was given.
        text: Excerpt,
        /// Bytes behind the colon.
        digits: usize,
    },
    /// Not one of `0-9a-f`.
    #[error("digest {text:?} has a byte 0x{found:02x} at {at}, where 0-9a-f is allowed")]
    Digit {
        /// What was given.
        text: Excerpt,
        /// The byte.
        found: u8,
        /// Its offset behind the colon.
        at: usize,
    },
}

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case digits, without `sha256:`; safe as a file name.
    #[must_use]
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text
            .strip_prefix(PREFIX)
            .ok_or_else(|| DigestError::Prefix {
                text: Excerpt::of(text),
            })?
            .as_bytes();
        if digits.len() != 64 {
            return Err(DigestError::Length {
                text: Excerpt::of(text),
                digits: digits.len(),
            });
        }
        let mut bytes = [0; 32];
        for (at, found) in digits.iter().copied().enumerate() {
            let nibble = match found {
                b'0'..=b'9' => found - b'0',
                b'a'..=b'f' => found - b'a' + 10,
                _ => {
                    return Err(DigestError::Digit {
                        text: Excerpt::of(text),
                        found,
                        at,
                    });
                }
            };
            bytes[at / 2] = bytes[at / 2] << 4 | nibble;
        }
        Ok(Self(bytes))
    }
}

serde_by_text!(Digest);

#[cfg(test)]
mod tests {
    use super::{Digest, DigestError};

    /// FIPS 180-4, the example of a one-block message.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digest_of_abc_is_that_of_the_standard() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse::<Digest>().unwrap(), Digest::of(b"abc"));
        assert_eq!(format!("sha256:{}", Digest::of(b"abc").hex()), ABC);
    }

    #[test]
    fn digest_has_one_spelling() {
        let upper = ABC.to_uppercase();
        assert!(matches!(
            upper.parse::<Digest>(),
            Err(DigestError::Prefix { .. })
        ));
        let upper_digits = format!("sha256:{}", ABC[7..].to_uppercase());
        assert!(matches!(
            upper_digits.parse::<Digest>(),
            Err(DigestError::Digit { at: 0, .. })
        ));
        let short = &ABC[..ABC.len() - 1];
        assert!(matches!(
            short.parse::<Digest>(),
            Err(DigestError::Length { digits: 63, .. })
        ));
        assert!(format!("{ABC}0").parse::<Digest>().is_err());
        assert!(format!(" {ABC}").parse::<Digest>().is_err());
    }
}
