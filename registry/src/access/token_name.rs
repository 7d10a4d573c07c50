//! The name of a token, for people and for the audit. Used by the routes of tokens.
//! Must never hold what a terminal or a page would read as more than a name.

use std::fmt;
use std::str::FromStr;

use payload::name::Excerpt;
use thiserror::Error;

use crate::limits::TOKEN_NAME_BYTES_MAX;

/// Why a text is not a token's name.
#[derive(Debug, Error)]
pub(crate) enum TokenNameError {
    /// Too short or too long.
    #[error("token name {name:?} has {bytes} bytes, 1 to {TOKEN_NAME_BYTES_MAX} are allowed")]
    Length {
        /// What was given.
        name: Excerpt,
        /// Its length.
        bytes: usize,
    },
    /// A character outside the alphabet, or one that may not stand first.
    #[error(
        "token name {name:?} has {found:?}, where [A-Za-z0-9_.@-] is allowed, a letter or digit first"
    )]
    Character {
        /// What was given.
        name: Excerpt,
        /// The character.
        found: char,
    },
}

/// A token's name: 1 to 63 of `[A-Za-z0-9_.@-]`, the first one a letter or a digit. So it is never
/// taken for `node:NAME`, the way nodes stand in the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenName(String);

impl TokenName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TokenName {
    type Err = TokenNameError;

    fn from_str(text: &str) -> Result<Self, TokenNameError> {
        let name = || Excerpt::of(text);
        let bytes = text.len();
        if bytes == 0 || bytes > TOKEN_NAME_BYTES_MAX {
            return Err(TokenNameError::Length {
                name: name(),
                bytes,
            });
        }
        let wrong = text.char_indices().find(|(at, letter)| {
            let inside = *at > 0 && matches!(letter, '_' | '.' | '@' | '-');
            !(letter.is_ascii_alphanumeric() || inside)
        });
        match wrong {
            None => Ok(Self(text.to_owned())),
            Some((_, found)) => Err(TokenNameError::Character {
                name: name(),
                found,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_names() {
        for good in ["a", "ci@acme", "9.x_y-z", &"a".repeat(TOKEN_NAME_BYTES_MAX)] {
            assert_eq!(good.parse::<TokenName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(TOKEN_NAME_BYTES_MAX + 1);
        for bad in [
            "", "-a", "node:x", "a/b", "..", "<script>", "a\u{0}", "ä", &long,
        ] {
            assert!(bad.parse::<TokenName>().is_err(), "{bad}");
        }
    }
}
